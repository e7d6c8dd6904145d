"""How many threads compute an answer where many requests ask at once.

The threads of one question would only wait for those of the others, and the matrix library of numpy lets its
own wait by turning round, which takes processor time from them (`benchmarks/service.py`). Where
OMP_NUM_THREADS is set, it decides.
"""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

from threadpoolctl import threadpool_limits

from ticketkin.core.threads import MATRICES, n_threads, user_chose_threads

_FEWEST_TICKETS = 8
"""Tickets stored at once from which on all cores are used: nobody waits for one of them alone."""


def one_thread_each() -> None:
    """Let torch, where a model loaded it, and numpy compute in the thread of the request."""
    if not user_chose_threads():
        threadpool_limits(1, user_api=MATRICES)
        if "torch" in sys.modules:
            sys.modules["torch"].set_num_threads(1)


@contextmanager
def all_cores_for(n_tickets: int) -> Iterator[None]:
    """Within the block torch and numpy use all cores, if `n_tickets` are enough to gain by it."""
    if n_tickets < _FEWEST_TICKETS or user_chose_threads():
        yield
        return
    with threadpool_limits(n_threads(), user_api=MATRICES), _torch_on(n_threads()):
        yield


@contextmanager
def _torch_on(n: int) -> Iterator[None]:
    if "torch" not in sys.modules:
        yield
        return
    torch = sys.modules["torch"]
    before = torch.get_num_threads()
    torch.set_num_threads(n)
    try:
        yield
    finally:
        torch.set_num_threads(before)
