"""How many threads may compute at once."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from threadpoolctl import ThreadpoolController

MATRICES = "blas"
"""How threadpoolctl calls libraries of linear algebra."""


def n_threads() -> int:
    """Return how many threads work at once: the cores this process may use, or OMP_NUM_THREADS if fewer."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, min(cores, int(asked))) if asked.isdigit() else cores


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
