"""In how many threads the service computes."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from threadpoolctl import threadpool_limits

from thread_counts import threads_of_matrices
from ticketkin.service.compute_threads import all_cores_for, one_thread_each
from ticketkin.service.corpus import Corpus


@pytest.fixture(autouse=True)
def _threads_as_before(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("OMP_NUM_THREADS", raising=False)
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    with threadpool_limits(2, user_api="blas"):
        yield
    torch.set_num_threads(before)


def threads_of_a_request() -> int:
    with ThreadPoolExecutor(1) as pool:
        return pool.submit(torch.get_num_threads).result()


def test_a_request_computes_in_its_own_thread_and_a_batch_on_all_cores() -> None:
    one_thread_each()
    assert threads_of_a_request() == 1 and threads_of_matrices() == {1}
    with all_cores_for(7):
        assert torch.get_num_threads() == 1 and threads_of_matrices() == {1}
    with all_cores_for(8):
        assert torch.get_num_threads() == os.cpu_count() and threads_of_matrices() == {os.cpu_count()}
    assert torch.get_num_threads() == threads_of_a_request() == 1 and threads_of_matrices() == {1}


def test_a_model_that_is_ready_computes_so(corpus: Corpus) -> None:
    corpus.warm_up()
    assert threads_of_a_request() == 1


def test_what_the_environment_asks_for_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    one_thread_each()
    with all_cores_for(50):
        assert torch.get_num_threads() == threads_of_a_request() == 2 and threads_of_matrices() == {2}
