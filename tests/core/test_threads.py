"""How many threads compute."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Barrier, Event, current_thread

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from thread_counts import threads_of_matrices
from ticketkin.core.progress import Task
from ticketkin.core.threads import at_once, keep_to_one_thread, matrices_in_one_thread, n_threads


def test_matrices_are_multiplied_in_one_thread_within_the_block_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    with threadpool_limits(2, user_api="blas"):
        with matrices_in_one_thread():
            assert threads_of_matrices() == {1}
        assert threads_of_matrices() == {2}


def test_what_the_environment_asks_for_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    with threadpool_limits(2, user_api="blas"), matrices_in_one_thread():
        assert threads_of_matrices() == {2}


@pytest.fixture
def four_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    """As many as a machine with four has."""
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(4)))


@pytest.mark.usefixtures("four_cores")
@pytest.mark.parametrize(("most", "n_at_once"), [(4, 4), (9, 4), (2, 2)])
def test_as_many_are_computed_at_once_as_there_are_cores(most: int, n_at_once: int) -> None:
    barrier = Barrier(n_at_once)

    def square(item: int) -> int:
        barrier.wait(10)  # no one comes through alone
        return item**2

    items = range(2 * n_at_once)
    assert at_once(square, items, most=most) == [item**2 for item in items]
    assert n_threads() == 4


@pytest.mark.parametrize("n_cores", [1, 4])
def test_each_is_computed_by_one_thread_whatever_the_machine(
    n_cores: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(n_cores)))

    def limits(_: int) -> set[int]:
        import torch

        keep_to_one_thread()
        return {library["num_threads"] for library in threadpool_info()} | {torch.get_num_threads()}

    with threadpool_limits(2):
        assert at_once(limits, range(3)) == [{1}] * 3
        assert threads_of_matrices() == {2}


@pytest.mark.usefixtures("four_cores")
def test_what_is_computed_within_another_takes_no_further_core() -> None:
    def names(_: int) -> list[str]:
        return [current_thread().name, *at_once(lambda _: current_thread().name, range(3))]

    for of_outer, *of_inner in at_once(names, range(4)):
        assert set(of_inner) == {of_outer}


@pytest.mark.usefixtures("four_cores")
def test_after_an_error_no_further_one_begins() -> None:
    begun, may_end = list[int](), Event()

    def fail(item: int) -> int:
        begun.append(item)
        if item == 1:
            may_end.set()
            raise ValueError("the second")
        assert may_end.wait(10)
        return item

    with pytest.raises(ValueError, match="the second"):
        at_once(fail, range(1_000), most=2)
    assert len(begun) < 1_000


@pytest.mark.usefixtures("four_cores")
def test_after_an_interruption_no_further_one_begins() -> None:
    begun = list[int]()
    progress = _Counted(interrupts_at=3)
    with pytest.raises(KeyboardInterrupt):
        at_once(lambda item: (begun.append(item), time.sleep(0.01)), range(1_000), progress)
    assert len(begun) < 500


def test_the_result_is_that_of_one_after_another() -> None:
    values = np.random.default_rng(1).normal(size=(6, 300, 300))
    together = at_once(lambda place: values[place] @ values[place], range(6))
    with threadpool_limits(1):
        for place, product in enumerate(together):
            np.testing.assert_array_equal(product, values[place] @ values[place])


def test_each_that_is_done_advances_the_bar() -> None:
    progress = _Counted()
    at_once(lambda item: item, range(7), progress, "heads")
    assert progress.shown == [("heads", 7, 7)]


class _Counted:
    """Keeps how far each bar came; Ctrl-C may come with a step."""

    def __init__(self, interrupts_at: int = -1) -> None:
        self.shown: list[tuple[str, int | None, int]] = []
        self._interrupts_at = interrupts_at

    @contextmanager
    def task(self, description: str, total: int | None) -> Iterator[Task]:
        """Count the steps of a bar."""
        task = _CountedTask(self._interrupts_at)
        yield task
        self.shown.append((description, total, task.n_done))

    def say(self, message: str) -> None:
        """Nothing is kept."""


class _CountedTask:
    n_done = 0

    def __init__(self, interrupts_at: int) -> None:
        self._interrupts_at = interrupts_at

    def advance(self, steps: int = 1) -> None:
        """Count."""
        self.n_done += steps
        if self.n_done == self._interrupts_at:
            raise KeyboardInterrupt

    def describe(self, text: str) -> None:
        """Nothing is kept."""
