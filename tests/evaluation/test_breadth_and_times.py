"""Links too good, too broad or too lumpy, and opening times that are none."""

from collections.abc import Sequence

import numpy as np
import pytest

from ticket_material import make_tickets
from ticketkin.core.checks import Outcome
from ticketkin.core.tables import FloatArray, Tickets
from ticketkin.evaluation.diagnostics.breadth import (
    absent_ends,
    kinds_across_splits,
    large_groups,
    only_linked,
    too_good,
)
from ticketkin.evaluation.diagnostics.times import opening_times
from ticketkin.evaluation.pair_decisions import PairScores

N = 400


def _embeddings(group: Sequence[int], spread: float = 0.5) -> FloatArray:
    draw = np.random.default_rng(0)
    vectors = draw.normal(size=(N, 16))[np.array(group)] + spread * draw.normal(size=(N, 16))
    return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


def test_a_bucket_of_strangers_is_no_group_of_duplicates() -> None:
    ids = [f"T{n}" for n in range(N)]
    groups = np.arange(N) // 4  # a hundred groups of four
    healthy = large_groups(groups, _embeddings(groups), ids, 0)
    assert healthy.outcome is Outcome.PASSED
    epic = np.where(np.arange(N) < 160, 0, groups)
    told = large_groups(epic, _embeddings(groups), ids, 0)
    assert told.outcome is Outcome.FAILED and "160 tickets around T0" in told.evidence
    event = large_groups(epic, _embeddings(epic), ids, 0)  # one great outage, whose reports are alike
    assert event.outcome is Outcome.WARNING and "one group holds" in event.evidence
    assert large_groups(np.arange(N), _embeddings(groups), ids, 0).outcome is Outcome.SKIPPED


def test_an_export_of_linked_tickets_only_is_no_desk() -> None:
    assert only_linked(np.arange(N) % 2 == 0).outcome is Outcome.PASSED
    assert only_linked(np.ones(N, dtype=bool)).outcome is Outcome.FAILED


def test_a_champion_without_a_mistake_is_doubted() -> None:
    labels = np.repeat([1, 0], 40)
    apart = PairScores(labels + np.linspace(0, 0.5, 80).astype(np.float32), labels, np.arange(80))
    assert too_good("fusion", apart).outcome is Outcome.WARNING
    mixed = PairScores(np.random.default_rng(0).random(80).astype(np.float32), labels, np.arange(80))
    assert too_good("fusion", mixed).outcome is Outcome.PASSED
    assert too_good("fusion", PairScores(apart.similarities[:50], labels[:50], labels[:50])).outcome is (
        Outcome.SKIPPED
    )


def test_links_that_name_absent_tickets_are_counted() -> None:
    assert absent_ends(100, 60).outcome is Outcome.WARNING
    assert absent_ends(100, 40).outcome is Outcome.PASSED


def test_typed_links_across_splits_are_counted_and_missed_where_none_is_left_to_learn() -> None:
    across, training, holdout = ("train", "holdout"), ("train", "train"), ("holdout", "holdout")
    assert kinds_across_splits([]).outcome is Outcome.SKIPPED
    plenty = kinds_across_splits([across] * 25 + [training] * 30 + [holdout] * 5)
    assert plenty.outcome is Outcome.PASSED
    assert "25 of 60 related or causal links join tickets of different splits" in plenty.evidence
    assert "the 30 within the training split" in plenty.evidence
    assert kinds_across_splits([across] * 35 + [training] * 3 + [holdout] * 2).outcome is Outcome.WARNING
    too_few_to_complain = [across] * 5 + [training]
    assert kinds_across_splits(too_few_to_complain).outcome is Outcome.PASSED
    learning = [training] * 3 + [("train", "evaluation")] * 4
    by_folds = kinds_across_splits([*learning, *[holdout] * 2], by_folds=True)
    assert "the 7 within the training and evaluation splits" in by_folds.evidence


def _opened(times: Sequence[str], **columns: Sequence[str]) -> Tickets:
    return make_tickets(len(times), opened=times, **columns)


def _at(day: int, hour: int = 9) -> str:
    return f"2024-{1 + day // 28:02d}-{1 + day % 28:02d} {hour:02d}:17:00"


SOUND = [_at(n // 2, 8 + n % 2) for n in range(200)]


def _swapped(time: str) -> str:
    year, month, rest = time.split("-")
    day, clock = rest.split(" ")
    return f"{year}-{day}-{month} {clock}" if int(day) <= 12 else time


@pytest.mark.parametrize(
    ("tickets", "words"),
    [
        (_opened(SOUND, closed_at=[f"{time}.000000" for time in SOUND]), "in the very second of closed_at"),
        (_opened([_at(3)] * 150 + SOUND[:50]), "have one opening time"),
        (_opened([f"{time[:10]} 00:00:00" for time in SOUND]), "are midnight"),
        (_opened(SOUND[::-1]), "later numbers were opened earlier"),
        (_opened([f"2024-03-01 {n // 60:02d}:{n % 60:02d}:05" for n in range(200)]), "a script counted"),
        (_opened([_swapped(time) for time in SOUND]), "day and month are swapped"),
    ],
)
def test_times_at_which_no_ticket_was_opened_are_named(tickets: Tickets, words: str) -> None:
    told = opening_times(tickets)
    assert told.outcome is Outcome.WARNING and words in told.evidence


def test_sound_times_are_left_in_peace() -> None:
    closed = [_at(n // 2 + 1) + ".000000" for n in range(200)]
    assert opening_times(_opened(SOUND, closed_at=closed)).outcome is Outcome.PASSED
    assert opening_times(make_tickets(80)).outcome is Outcome.SKIPPED
