"""How many threads compute."""

import pytest
from threadpoolctl import threadpool_limits

from thread_counts import threads_of_matrices
from ticketkin.core.threads import matrices_in_one_thread


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
