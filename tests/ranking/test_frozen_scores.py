"""A pair's score depends on its two tickets, the query's candidate list and the corpus state alone."""

from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given as for_all
from hypothesis import settings
from hypothesis import strategies as st
from ranking_material import N, fitted, material, with_times
from safetensors.numpy import load_file, save_file

from ticketkin.core.errors import UnreadableFileError
from ticketkin.core.tables import Tickets
from ticketkin.ranking.columns import EmbeddedTickets
from ticketkin.ranking.corpus_state import CorpusState
from ticketkin.ranking.retriever import Retriever
from ticketkin.ranking.scorer import PairScorer

QUERY = 150


@cache
def timed_scorer() -> tuple[PairScorer, EmbeddedTickets]:
    tickets, groups = material()
    timed = with_times(tickets)
    return fitted(timed, groups).scorer, timed


@cache
def untimed_scorer() -> tuple[PairScorer, EmbeddedTickets]:
    tickets, groups = material()
    return fitted(tickets, groups).scorer, tickets


def scores(scorer: PairScorer, stored: EmbeddedTickets, query: EmbeddedTickets) -> dict[str, float]:
    """Score one ticket against the stored ones, by ticket id."""
    index = Retriever(scorer.describe(stored))
    asked = scorer.describe(query)
    candidates = scorer.candidates(index, asked)
    probabilities = scorer.score(asked, candidates)
    ids = index.stored.ids[candidates.rows[0]]
    return {ids[place]: float(probabilities[0, place]) for place in range(len(ids))}


def others(given: EmbeddedTickets) -> np.ndarray:
    return np.delete(np.arange(N), QUERY)


@pytest.mark.parametrize("make", [timed_scorer, untimed_scorer])
@for_all(order=st.permutations(range(N - 1)))
@settings(max_examples=15, deadline=None)
def test_scores_do_not_change_when_the_rows_are_shuffled(make: object, order: list[int]) -> None:
    scorer, tickets = make()  # type: ignore[operator]
    rest = others(tickets)
    query = tickets.take(np.array([QUERY]))
    expected = scores(scorer, tickets.take(rest), query)
    assert scores(scorer, tickets.take(rest[np.array(order)]), query) == pytest.approx(expected, abs=1e-6)
    assert len(expected) >= 20


@for_all(first_later=st.integers(QUERY + 1, N), n_before=st.integers(60, QUERY))
@settings(max_examples=15, deadline=None)
def test_scores_do_not_change_when_later_tickets_are_added(first_later: int, n_before: int) -> None:
    scorer, tickets = timed_scorer()
    query = tickets.take(np.array([QUERY]))
    before = np.arange(n_before)
    expected = scores(scorer, tickets.take(before), query)
    more = np.concatenate([before, np.arange(first_later, N)])
    assert scores(scorer, tickets.take(more), query) == expected


@for_all(row=st.integers(0, N - 1), field=st.sampled_from(["service", "category", "caller"]), value=st.text())
@settings(max_examples=25, deadline=None)
def test_a_new_value_of_a_ticket_moves_no_score_of_another(row: int, field: str, value: str) -> None:
    scorer, tickets = timed_scorer()
    frame = tickets.tickets.frame
    values = frame[field].to_list()
    values[row] = value
    changed = replace(tickets, tickets=Tickets(frame.with_columns(pl.Series(field, values, dtype=pl.String))))
    rest, query = others(tickets), np.array([QUERY])
    expected = scores(scorer, tickets.take(rest), tickets.take(query))
    rescored = scores(scorer, changed.take(rest), tickets.take(query))
    changed_id = tickets.tickets.ids[row]
    assert {k: v for k, v in rescored.items() if k != changed_id} == {
        k: v for k, v in expected.items() if k != changed_id
    }


@pytest.mark.parametrize("make", [timed_scorer, untimed_scorer])
@for_all(title=st.text(max_size=80), service=st.text(max_size=10))
@settings(max_examples=25, deadline=None)
def test_any_new_ticket_is_ordinary(make: object, title: str, service: str) -> None:
    scorer, tickets = make()  # type: ignore[operator]
    frame = tickets.tickets.frame[[QUERY]].with_columns(
        ticket_id=pl.lit("new"),
        title=pl.lit(title),
        service=pl.lit(service),
        opened_at=pl.lit(None, dtype=pl.Datetime("us")),
    )
    embeddings = {name: vectors[[QUERY]] for name, vectors in tickets.embeddings.items()}
    rescored = scores(scorer, tickets, EmbeddedTickets(Tickets(frame), [title], embeddings))
    assert len(rescored) >= 20
    assert all(0 <= score <= 1 for score in rescored.values())


@pytest.mark.parametrize("make", [timed_scorer, untimed_scorer])
def test_saved_and_loaded_it_scores_alike(make: object, tmp_path: Path) -> None:
    scorer, tickets = make()  # type: ignore[operator]
    scorer.save(tmp_path, {})
    loaded = PairScorer.load(tmp_path)
    query = tickets.take(np.array([QUERY]))
    stored = tickets.take(others(tickets))
    assert scores(loaded, stored, query) == scores(scorer, stored, query)
    written = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert b"fault" not in written  # no word of any ticket


def test_two_tickets_share_a_word_nobody_has_met_before() -> None:
    scorer, tickets = untimed_scorer()
    frame = tickets.tickets.frame[[0, 1, 2]].with_columns(
        ticket_id=pl.Series(["a", "b", "c"]), title=pl.Series(["ORA-99821", "ora-99821", "ORA-11111"])
    )
    columns = scorer.describe(
        EmbeddedTickets(
            Tickets(frame), frame["title"].to_list(), {n: v[:3] for n, v in tickets.embeddings.items()}
        )
    )
    cosines = (columns.lexical.whole @ columns.lexical.whole.T).toarray()
    assert cosines[0, 1] == pytest.approx(1, abs=1e-5)
    assert cosines[0, 2] < 0.9


def test_a_damaged_state_and_one_of_another_version_are_reported(tmp_path: Path) -> None:
    scorer, _ = timed_scorer()
    scorer.save(tmp_path, {})
    description, arrays = tmp_path / "corpus_state.json", tmp_path / "corpus_state.safetensors"
    whole = description.read_text(), arrays.read_bytes()
    description.write_text(whole[0].replace('"version": 3', '"version": 7'))
    with pytest.raises(UnreadableFileError, match="of version 7, this release reads version 3"):
        CorpusState.load(tmp_path)
    description.write_text(whole[0].replace('"service"', '"shoe_size"'))
    with pytest.raises(UnreadableFileError, match="names fields that tickets don't have"):
        CorpusState.load(tmp_path)
    description.write_text(whole[0])
    arrays.write_bytes(whole[1][:-7])
    with pytest.raises(UnreadableFileError, match="is damaged"):
        CorpusState.load(tmp_path)
    arrays.write_bytes(whole[1])
    words = tmp_path / "lexical.safetensors"
    faults = [
        (words, "keys", np.flip),
        (words, "idf", lambda array: array * np.nan),
        (arrays, "word_idf", lambda array: array[:-1]),
        (arrays, "crowd_identity", np.flip),
        (arrays, "crowd_of_tuned", lambda array: array[:, :3]),
    ]
    for path, name, damage in faults:
        stored = load_file(path)
        save_file({**stored, name: np.ascontiguousarray(damage(stored[name]))}, path)
        with pytest.raises(UnreadableFileError, match=name):
            CorpusState.load(tmp_path)
        save_file(stored, path)
    assert CorpusState.load(tmp_path).has_times
