"""How many threads torch computes in where many requests ask at once.

The threads of one question would only wait for those of the others: on two cores sixteen clients got .78 of
the answers a second (`benchmarks/service.py`). What OMP_NUM_THREADS asks for stands.
"""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager

from ticketkin.encoders.runtime.sessions import n_threads

_FEWEST_TICKETS = 8
"""Tickets stored at once from which on all cores are used: nobody waits for one of them alone."""


def one_thread_each() -> None:
    """Let torch, where a model loaded it, compute in the thread of the request."""
    if _is_ours():
        sys.modules["torch"].set_num_threads(1)


@contextmanager
def all_cores_for(n_tickets: int) -> Iterator[None]:
    """Within the block torch uses all cores, if `n_tickets` are enough to gain by it."""
    if n_tickets < _FEWEST_TICKETS or not _is_ours():
        yield
        return
    torch = sys.modules["torch"]
    before = torch.get_num_threads()
    torch.set_num_threads(n_threads())
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _is_ours() -> bool:
    return "torch" in sys.modules and "OMP_NUM_THREADS" not in os.environ
