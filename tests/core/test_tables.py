"""The tables between stages: what a query may see, and what every table promises."""

from datetime import datetime, timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ticket_material import make_links, make_tickets
from ticketkin.core.tables import (
    PAIRS_SCHEMA,
    TICKETS_SCHEMA,
    Links,
    Origin,
    Pairs,
    SplitName,
    Splits,
    Tickets,
    conform,
)
from ticketkin.core.ticket_row import TicketRow


def opened(minutes: list[int | None]) -> Tickets:
    start = datetime(2024, 1, 1)
    times = [None if m is None else start + timedelta(minutes=m) for m in minutes]
    frame = make_tickets(len(minutes)).frame
    return Tickets(frame.with_columns(pl.Series("opened_at", times, dtype=pl.Datetime("us"))))


@given(st.lists(st.integers(0, 6), min_size=1, max_size=12), st.data())
@settings(max_examples=100, deadline=None)
def test_a_query_sees_the_tickets_opened_before_it_and_no_other(minutes: list[int], data) -> None:
    tickets = opened(minutes)
    n = len(minutes)
    queries = np.array(data.draw(st.lists(st.integers(0, n - 1), max_size=5)), dtype=np.int64)
    mask = tickets.visibility.mask(queries)
    assert (mask.shape, mask.dtype) == ((len(queries), n), np.bool_)
    for seen, query in zip(mask, queries.tolist(), strict=True):
        for other in range(n):
            # Of two opened at the same moment the one that stands first counts as the earlier.
            before = (minutes[other], other) < (minutes[query], query)
            assert seen[other] == before


def test_without_times_a_query_sees_all_others() -> None:
    mask = opened([None] * 4).visibility.mask(np.array([2, 0]))
    assert mask.tolist() == [[True, True, False, True], [False, True, True, True]]


def test_one_missing_time_means_history_can_not_be_replayed() -> None:
    tickets = opened([3, None, 1])
    assert not tickets.has_times
    assert tickets.visibility.order is None
    assert tickets.visibility.mask(np.array([0])).tolist() == [[False, True, True]]
    assert opened([3, 2, 1]).visibility.mask(np.array([0])).tolist() == [[False, True, True]]
    assert opened([3, 2, 1]).visibility.mask(np.array([2])).tolist() == [[False, False, False]]


def test_no_tickets_no_times() -> None:
    assert not opened([]).has_times
    assert opened([]).visibility.mask(np.empty(0, dtype=np.int64)).shape == (0, 0)


def test_tickets_have_one_row_an_id_and_no_null_texts() -> None:
    frame = make_tickets(2, title=["a", "b"]).frame
    with pytest.raises(ValueError, match="ticket_id must be unique"):
        Tickets(pl.concat([frame, frame[:1]]))
    nulls = frame.with_columns(
        title=pl.lit(None, dtype=pl.String), category=pl.lit(None, dtype=pl.Categorical)
    )
    tickets = Tickets(nulls.with_columns(extra=1).select(reversed(nulls.columns)))
    assert tickets.frame.schema == pl.Schema(TICKETS_SCHEMA)
    assert tickets.frame["title"].to_list() == tickets.frame["category"].to_list() == ["", ""]
    assert tickets.ids == ["T0", "T1"]
    assert tickets.position == {"T0": 0, "T1": 1}


def test_a_missing_column_is_named() -> None:
    with pytest.raises(ValueError, match=r"Tickets lacks the columns \['title'\]"):
        Tickets(make_tickets(1).frame.drop("title"))
    with pytest.raises(ValueError, match=r"Things lacks the columns \['b', 'c'\]; it has \['a'\]"):
        conform(pl.DataFrame({"a": [1]}), {"b": pl.Int64(), "a": pl.Int8(), "c": pl.String()}, "Things")


BY_NO_PERSON = {"silver": "silver", "rule": "silver", "model": "silver", "unknown": "unknown"}


@pytest.mark.parametrize("origin", list(Origin))
def test_one_link_that_no_person_made_taints_the_proof(origin: Origin) -> None:
    people = make_links([(0, 1), (2, 3)]).frame
    one = people[:1].with_columns(origin=pl.lit(origin.value))
    expected = BY_NO_PERSON.get(origin.value, "person")
    assert Links(pl.concat([people, one])).labels_from == expected == origin.labels_from


def test_rows_of_a_split_ascend_whatever_the_order_of_its_table() -> None:
    tickets = make_tickets(5)
    splits = Splits(
        pl.DataFrame(
            {
                "ticket_id": ["T4", "T0", "T3", "T1", "T2"],
                "split": ["train", "holdout", "train", "train", "train"],
            }
        )
    )
    assert splits.rows(tickets, SplitName.TRAIN).tolist() == [1, 2, 3, 4]
    assert splits.rows(tickets, SplitName.HOLDOUT).tolist() == [0]
    nobody = splits.rows(tickets, SplitName.EVALUATION)
    assert (nobody.tolist(), nobody.dtype) == ([], np.int64)


def test_pairs_give_the_rows_of_their_split() -> None:
    rows = {
        "left": ["T2", "T0", "T1"], "right": ["T1", "T2", "T0"], "label": [1, 0, 1],
        "kind": ["duplicate", "none", "duplicate"], "phase": [1, 2, 3], "origin": ["file", "mined", "group"],
        "split": ["train", "train", "holdout"], "lexical_similarity": [0.5, 0.1, 0.2],
        "base_similarity": [0.9, 0.3, 0.4],
    }  # fmt: skip
    pairs = Pairs(pl.DataFrame(rows))
    assert pairs.frame.schema == pl.Schema(PAIRS_SCHEMA)
    train = pairs.of(SplitName.TRAIN)
    left, right = train.rows(make_tickets(3))
    assert (left.tolist(), right.tolist()) == ([2, 0], [1, 2])
    assert (len(pairs), len(train), len(pairs.of(SplitName.EVALUATION))) == (3, 2, 0)


def test_a_ticket_by_field_has_the_columns_of_the_table() -> None:
    assert list(TicketRow.__annotations__) == list(TICKETS_SCHEMA)
    tickets = make_tickets(3)
    assert [row["ticket_id"] for row in tickets.by_field()] == tickets.ids
    assert tickets.one_by_field(1)["opened_at"] == tickets.frame["opened_at"][1]
