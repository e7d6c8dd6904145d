"""Pairs of files in splits: what is frozen stays, what is given is trained on, the rest has its reason."""

from collections.abc import Sequence

import numpy as np
import polars as pl
import pytest
from hypothesis import given as with_examples
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from ticket_material import make_tickets
from ticketkin.core.errors import ConfigurationError
from ticketkin.core.tables import Pairs, SplitName, Splits, Tickets
from ticketkin.pairs.building import BuiltPairs, build_pairs
from ticketkin.pairs.drawing import PairInputs
from ticketkin.pairs.given import GIVEN_SCHEMA, links_of_given, with_given_holdout
from ticketkin.pairs.given_splits import GivenPairs, given_by_split
from ticketkin.pairs.settings import PairSettings
from ticketkin.tickets.kin import kin_groups

N_TICKETS = 24
Row = tuple[int, int, int, int, bool]
"""Left and right ticket, label, phase, whether of the test file."""


def _frame(rows: Sequence[Row], kinds: Sequence[str] | None = None) -> pl.DataFrame:
    columns = {
        "left": [f"T{row[0]}" for row in rows],
        "right": [f"T{row[1]}" for row in rows],
        "label": [row[2] for row in rows],
        "phase": [row[3] for row in rows],
        "is_test": [row[4] for row in rows],
        "kind": list(kinds or ["duplicate" if row[2] else "none" for row in rows]),
        "grade": [None] * len(rows),
    }
    return pl.DataFrame(columns, schema=dict(GIVEN_SCHEMA))


def _splits(tickets: Tickets, frame: pl.DataFrame) -> Splits:
    """Eighteen tickets train, three evaluate and three are held out, unless a test file says otherwise."""
    names = ["train"] * (N_TICKETS - 6) + ["evaluation"] * 3 + ["holdout"] * 3
    return with_given_holdout(Splits(pl.DataFrame({"ticket_id": tickets.ids, "split": names})), frame)


def _dealt(rows: Sequence[Row], kinds: Sequence[str] | None = None) -> GivenPairs:
    tickets, frame = make_tickets(N_TICKETS), _frame(rows, kinds)
    return given_by_split(frame, tickets, _splits(tickets, frame))


def _built(rows: Sequence[Row], *sources: str, by_folds: bool = False) -> BuiltPairs:
    tickets, frame = make_tickets(N_TICKETS), _frame(rows)
    links = links_of_given(frame).links
    generator = np.random.default_rng(0)
    embeddings = generator.normal(size=(N_TICKETS, 8)).astype(np.float32)
    embeddings /= np.linalg.norm(embeddings, axis=1, keepdims=True)
    texts = [" ".join(generator.choice(list("abcdefgh"), 4)) for _ in range(N_TICKETS)]
    splits = _splits(tickets, frame)
    inputs = PairInputs(tickets, texts, links, kin_groups(tickets, links), splits, embeddings)
    settings = PairSettings(n_neighbours=5, **({"sources": sources} if sources else {}))
    given = given_by_split(frame, tickets, splits, by_folds=by_folds)
    return build_pairs(inputs, settings, 5, 0, given=given, by_folds=by_folds)


def _rows_of(pairs: Pairs, split: SplitName) -> list[tuple[str, str, int]]:
    return [tuple(row) for row in pairs.of(split).frame.select("left", "right", "label").iter_rows()]


# Two test pairs; of the training pairs one has both texts in the test, one has one of them.
FROZEN: list[Row] = [
    (0, 1, 1, 0, True), (2, 3, 0, 0, True), (0, 2, 1, 0, False), (1, 3, 0, 0, False), (3, 4, 1, 0, False),
    (5, 6, 1, 0, False), (7, 8, 0, 0, False), (18, 19, 1, 0, False), (18, 20, 0, 0, False),
]  # fmt: skip


def test_training_pairs_between_test_texts_never_enter_the_frozen_test() -> None:
    built = _built(FROZEN)
    assert _rows_of(built.pairs, SplitName.HOLDOUT) == [("T0", "T1", 1), ("T2", "T3", 0)]
    assert _rows_of(built.pairs, SplitName.TRAIN) == [("T5", "T6", 1), ("T7", "T8", 0)]
    lines = built.account.lines()
    assert "left out: 3 training pairs (2 kin and 1 stranger) hold a text of the test pairs" in lines, lines


def test_a_frozen_test_keeps_its_repeats_and_its_order() -> None:
    rows: list[Row] = [(2, 3, 0, 0, True), (0, 1, 1, 0, True), (2, 3, 0, 0, True), (3, 2, 1, 0, True)]
    built = _built([*rows, *FROZEN[5:]])
    expected = [(f"T{left}", f"T{right}", label) for left, right, label, _, _ in rows]
    assert _rows_of(built.pairs, SplitName.HOLDOUT) == expected


def test_what_is_given_is_trained_on_and_nothing_is_added() -> None:
    rows: list[Row] = [
        (0, 1, 1, 3, False), (2, 3, 1, 1, False), (4, 5, 1, 2, False), (6, 7, 0, 1, False),
        (1, 0, 1, 1, False), (0, 1, 0, 1, False), (8, 8, 1, 1, False), (9, 18, 0, 1, False),
        (18, 19, 1, 1, False), (19, 20, 0, 1, False), (21, 22, 1, 1, False), (22, 23, 0, 1, False),
    ]  # fmt: skip
    built = _built(rows)
    assert sorted(_rows_of(built.pairs, SplitName.TRAIN)) == [
        ("T0", "T1", 1), ("T2", "T3", 1), ("T4", "T5", 1), ("T6", "T7", 0),
    ]  # fmt: skip
    assert built.account.sources == ["given"] and built.account.phases_from == "file"
    assert built.account.given is not None
    reasons = {part.reason: part.counts.total for part in built.account.given.left_out}
    assert reasons == {
        "repeat an earlier pair": 1,
        "contradict the label of an earlier pair, which counts": 1,
        "hold the same text twice": 1,
        "lie across the border of two splits: one ticket trains, the other judges": 1,
    }
    assert not any(line.startswith("added") for line in built.account.lines())


def test_what_is_added_is_named_with_its_reason() -> None:
    rows: list[Row] = [*((n, n + 1, 1, 0, False) for n in range(0, 16, 2)), (0, 3, 0, 0, False)]
    rows += [(18, 19, 1, 0, False), (21, 22, 1, 0, False)]
    built = _built(rows, "given", "hard-negatives")
    counts = {(part.split, part.source): part.counts for part in built.account.drawn}
    assert counts[SplitName.TRAIN, "given"].total == 9
    mined = counts[SplitName.TRAIN, "hard-negatives"]
    assert mined.strangers and not mined.kin
    account = " ".join(built.account.lines())
    assert f"added to train: {mined}, as pairs.sources names 'hard-negatives'" in account
    assert "as the 0 strangers given there are fewer than the 1 kin" in account
    assert built.account.of_split(SplitName.TRAIN).total == len(built.pairs.of(SplitName.TRAIN))


def test_a_file_of_kin_alone_has_strangers_mined_unless_it_is_asked_for_as_given() -> None:
    rows: list[Row] = [(n, n + 1, 1, 0, False) for n in range(0, 24, 2)]
    assert _built(rows).account.sources == ["given", "hard-negatives"]
    as_given = _built(rows, "given")
    assert set(as_given.pairs.of(SplitName.TRAIN).frame["label"]) == {1}


ACROSS: list[Row] = [
    (0, 1, 1, 3, False), (2, 3, 1, 1, False), (18, 19, 1, 2, False), (21, 22, 1, 1, False),
    (0, 18, 0, 1, False), (1, 22, 0, 2, False), (5, 6, 0, 1, False), (19, 21, 0, 3, False),
]  # fmt: skip
"""Four pairs of kin and four of strangers, three of which lie across two splits."""


def test_where_folds_judge_no_pair_lies_across_a_border() -> None:
    assert _built(ACROSS).account.given.left_out[0].counts.strangers == 3  # type: ignore[union-attr]
    built = _built(ACROSS, by_folds=True)
    assert not built.account.given.left_out  # type: ignore[union-attr]
    kept = built.in_folds.select("left", "right", "label", "phase", "source").rows()
    assert kept == [
        (f"T{left}", f"T{right}", label, phase, "given")
        for left, right, label, phase, _ in sorted(ACROSS, key=lambda row: row[3])
    ]
    line = "used as given: 4 kin and 4 strangers by folds: each pair is judged by models that did not learn"
    assert any(one.startswith(line) for one in built.account.lines()), built.account.lines()
    assert not any(one.startswith("added") for one in built.account.lines())
    assert _built(ACROSS).in_folds.is_empty()


def test_strangers_that_folds_draw_are_counted_with_their_reason() -> None:
    built = _built(ACROSS[:5], by_folds=True)
    drawn = built.account.of_split("folds")
    assert drawn.kin == 4 and drawn.strangers > 4
    assert built.in_folds["source"].unique().sort().to_list() == ["drawn strangers", "given"]
    (line,) = (
        one for one in built.account.lines() if one.startswith("added to the pairs that folds judge by")
    )
    assert line.endswith("as the 1 stranger given there are fewer than the 4 kin")


@hypothesis_settings(max_examples=25, deadline=None)
@with_examples(
    st.lists(
        st.tuples(
            st.integers(0, N_TICKETS - 1), st.integers(0, N_TICKETS - 1), st.integers(0, 1), st.integers(0, 3)
        ),
        max_size=30,
    )
)
def test_folds_judge_each_pair_of_a_file_once_by_its_first_label(
    rows: list[tuple[int, int, int, int]],
) -> None:
    file: list[Row] = [*ACROSS, *((*row, False) for row in rows)]
    frame = _built(file, "given", by_folds=True).in_folds.filter(pl.col("source") == "given")
    first: dict[frozenset[str], int] = {}
    for left, right, label, _, _ in file:
        if left != right:
            first.setdefault(frozenset((f"T{left}", f"T{right}")), label)
    rows_kept = frame.select("left", "right", "label").iter_rows()
    kept = {frozenset((left, right)): label for left, right, label in rows_kept}
    assert kept == first and frame.height == len(first)


def test_related_and_causal_pairs_are_counted() -> None:
    dealt = _dealt([(0, 1, 1, 0, False), (2, 3, 1, 0, False)], ["causal", "duplicate"])
    assert [part.counts.kin for part in dealt.account.left_out] == [1]
    assert "related or causal" in dealt.account.left_out[0].reason


def test_given_pairs_need_a_file() -> None:
    tickets, frame = make_tickets(N_TICKETS), _frame(FROZEN)
    links = links_of_given(frame).links
    inputs = PairInputs(
        tickets, ["a b c"] * N_TICKETS, links, kin_groups(tickets, links), _splits(tickets, frame),
        np.eye(N_TICKETS, dtype=np.float32),
    )  # fmt: skip
    with pytest.raises(ConfigurationError, match="--pairs FILE"):
        build_pairs(inputs, PairSettings(sources=("given",)), 5, 0)


@with_examples(
    st.lists(
        st.tuples(
            st.integers(0, N_TICKETS - 1), st.integers(0, N_TICKETS - 1), st.integers(0, 1),
            st.integers(0, 3), st.booleans(),
        ),
        min_size=1,
        max_size=40,
    )
)  # fmt: skip
@hypothesis_settings(max_examples=100)
def test_every_pair_is_used_or_left_out_and_no_ticket_crosses(rows: list[Row]) -> None:
    dealt = _dealt(rows)
    used = sum(len(part) for parts in dealt.by_split.values() for part in parts)
    assert used + sum(part.counts.total for part in dealt.account.left_out) == len(rows)
    held_out = {end for left, right, _, _, is_test in rows if is_test for end in (left, right)}
    for split, parts in dealt.by_split.items():
        for part in parts:
            assert (part.left != part.right).all()
            inside = {*part.left.tolist(), *part.right.tolist()}
            assert split is SplitName.HOLDOUT or not inside & held_out
    if held_out:
        frozen = [(a, b, y) for a, b, y, _, is_test in rows if is_test and a != b]
        kept = [
            row
            for part in dealt.by_split[SplitName.HOLDOUT]
            for row in zip(part.left.tolist(), part.right.tolist(), part.label.tolist(), strict=True)
        ]
        assert kept == frozen
