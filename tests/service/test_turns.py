"""Questions of one process wait for their turn."""

from concurrent.futures import ThreadPoolExecutor
from contextlib import nullcontext
from threading import Event, Lock, current_thread
from typing import Any

import pytest

from bundle_material import Judged
from ticketkin.core.tables import Tickets
from ticketkin.service import turns as turns_module
from ticketkin.service.corpus import Corpus
from ticketkin.service.turns import Turns
from ticketkin.serving.search import KinSearch


@pytest.mark.parametrize(
    ("n_cores", "n_processes", "n_at_once"), [(1, 1, 1), (2, 1, 2), (2, 2, 1), (2, 3, 1), (16, 2, 2)]
)
def test_no_more_are_computed_at_once_than_the_process_has_cores(
    n_cores: int, n_processes: int, n_at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(turns_module, "n_threads", lambda: n_cores)
    turns, counting, waiting = Turns(n_processes), Lock(), Event()
    now, most = 0, 0

    def ask() -> None:
        nonlocal now, most
        with turns.one():
            with counting:
                now += 1
                most = max(most, now)
                if now == n_at_once:
                    waiting.set()
            assert waiting.wait(10)
            with counting:
                now -= 1

    with ThreadPoolExecutor(6) as pool:
        for asked in [pool.submit(ask) for _ in range(6)]:
            asked.result()
    assert most == n_at_once == turns.n_at_once
    assert not turns.is_busy


def test_a_question_that_fails_gives_its_turn_back() -> None:
    turns = Turns()
    for _ in range(5):
        with pytest.raises(ValueError, match="no"), turns.one():
            raise ValueError("no")
    with turns.one():
        assert not turns.is_busy


@pytest.mark.parametrize("is_busy", [False, True])
def test_an_answer_takes_a_second_core_only_while_nobody_else_asks(
    is_busy: bool, corpus: Corpus, judged: Judged, monkeypatch: pytest.MonkeyPatch
) -> None:
    corpus.store(Tickets(judged.tickets.frame[:5]))
    monkeypatch.setitem(vars(corpus.bundle), "encodes_beside", True)  # kept there once another test read it
    monkeypatch.setattr(turns_module, "n_threads", lambda: 2)  # so that two are answered at once
    monkeypatch.setattr(corpus.active, "_turns", Turns())
    searched, threads = KinSearch.by_words, []

    def by_words(search: KinSearch, *arguments: Any) -> Any:
        threads.append(current_thread())
        return searched(search, *arguments)

    monkeypatch.setattr(KinSearch, "by_words", by_words)
    with corpus.active._turns.one() if is_busy else nullcontext(), ThreadPoolExecutor(1) as pool:
        asking = pool.submit(lambda: (corpus.relate({"title": "Printer is dead"}, 3), current_thread())[1])
        assert threads == [asking.result()] if is_busy else threads != [asking.result()]
    assert len(threads) == 1
