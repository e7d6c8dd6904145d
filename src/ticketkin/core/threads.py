"""How many threads may compute at once."""

import os
from collections.abc import Callable, Generator, Iterator, Sequence
from concurrent.futures import CancelledError, ThreadPoolExecutor
from contextlib import closing, contextmanager
from functools import cache
from threading import Event, local
from typing import TypeVar

from threadpoolctl import ThreadpoolController, threadpool_limits

from ticketkin.core.progress import SILENT, Progress

Item = TypeVar("Item")
Result = TypeVar("Result")

MOST_AT_ONCE = 4
"""Each holds a copy of what it is fitted on."""
MATRICES = "blas"
"""How threadpoolctl calls libraries of linear algebra."""


def n_threads() -> int:
    """Return how many threads work at once: the cores this process may use, or OMP_NUM_THREADS if fewer.

    In a thread of `at_once` it is 1: the other cores are taken by those beside it.
    """
    if getattr(_this_thread, "is_one_of_several", False):
        return 1
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, min(cores, int(asked))) if asked.isdigit() else cores


def at_once(
    function: Callable[[Item], Result],
    items: Sequence[Item],
    progress: Progress = SILENT,
    description: str = "",
    most: int = MOST_AT_ONCE,
) -> list[Result]:
    """Return `function` of each item, in their order; at most `most` are computed at once, one a core.

    Each is computed by one thread, so that the numbers are those of any other number of cores. Made for fits
    that are small and share nothing: several threads on one of them wait for each other longer than they
    compute. The first error of an item, in their order, is raised, and no further item begins.
    """
    n = min(most, n_threads(), len(items))
    results: list[Result] = []
    with (
        progress.task(description, len(items)) as task,
        threadpool_limits(limits=1),
        closing(_in_threads(function, items, n)) as computed,  # where this thread is interrupted, too
    ):
        for result in computed:
            results.append(result)
            task.advance()
    return results


def _in_threads(
    function: Callable[[Item], Result], items: Sequence[Item], n: int
) -> Generator[Result, None, None]:
    if n < 2:
        yield from map(function, items)
        return
    is_over = Event()

    def compute(item: Item) -> Result:
        if is_over.is_set():
            raise CancelledError
        try:
            return function(item)
        except BaseException:
            is_over.set()
            raise

    with ThreadPoolExecutor(n, "at-once", _become_one_of_several) as pool:
        computing = [pool.submit(compute, item) for item in items]
        try:
            for one in computing:
                yield one.result()
        finally:
            is_over.set()


def keep_to_one_thread() -> None:
    """In a thread of `at_once`, limit libraries that were loaded since it began: call it after an import."""
    if n_threads() == 1:
        threadpool_limits(limits=1)


def _become_one_of_several() -> None:
    _this_thread.is_one_of_several = True
    keep_to_one_thread()


_this_thread = local()


def user_chose_threads() -> bool:
    """Return whether OMP_NUM_THREADS is set, which then decides for all libraries."""
    return "OMP_NUM_THREADS" in os.environ


@contextmanager
def matrices_in_one_thread() -> Iterator[None]:
    """Within the block numpy multiplies matrices in the calling thread, unless the user chose otherwise.

    Those of one ticket are small: a second thread waits longer than it computes, and where the other core is
    busy, the first one waits for it (`benchmarks/latency.py`).
    """
    if user_chose_threads():
        yield
        return
    with _matrix_libraries().limit(limits=1, user_api=MATRICES):
        yield


@cache
def _matrix_libraries() -> ThreadpoolController:
    """Return what sets the threads of the libraries that are loaded; looking for them takes milliseconds."""
    return ThreadpoolController()
