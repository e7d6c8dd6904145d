"""What a review makes of links: its kin are links, and its answers overrule what else is said of a pair."""

import polars as pl
from hypothesis import given
from hypothesis import strategies as st

from ticket_material import make_links, make_tickets
from ticketkin.core.tables import LINKS_SCHEMA, Links
from ticketkin.tickets.kin import kin_groups
from ticketkin.tickets.link_result import LinkResult
from ticketkin.tickets.review_links import contradictions, with_review
from ticketkin.tickets.reviewed import REVIEW_SCHEMA, Review


def review_of(*answers: tuple[int, int, str]) -> Review:
    rows = [(f"T{one}", f"T{other}", kind) for one, other, kind in answers]
    return Review(pl.DataFrame(rows, schema=dict(REVIEW_SCHEMA), orient="row"))


def links_of(*links: tuple[int, int, str]) -> LinkResult:
    rows = [(f"T{one}", f"T{other}", kind, "file") for one, other, kind in links]
    return LinkResult(Links(pl.DataFrame(rows, schema=dict(LINKS_SCHEMA), orient="row")), n_read=len(rows))


def test_kin_become_links_and_none_removes_one() -> None:
    stated = links_of((0, 1, "duplicate"), (2, 3, "related"), (4, 5, "causal"), (6, 7, "duplicate"))
    review = review_of(
        (1, 0, "none"), (3, 2, "related"), (5, 4, "causal"), (7, 6, "related"), (8, 9, "causal")
    )
    result = with_review(stated, review)
    assert result.links.frame.rows() == [
        ("T2", "T3", "related", "file"),  # confirmed
        ("T5", "T4", "causal", "review"),  # the other way round
        ("T7", "T6", "related", "review"),
        ("T8", "T9", "causal", "review"),
    ]
    assert (result.n_read, result.n_repeated, result.n_overruled) == (8, 1, 3)
    assert "8 links read: 4 kept, 1 repeating another, 3 overruled by a review" in result.lines()
    assert result.links.labels_from == "person"


_PAIRS = st.tuples(st.integers(0, 6), st.integers(0, 6)).filter(lambda pair: pair[0] != pair[1])
_KINDS = st.sampled_from(["duplicate", "related", "causal"])
_LINKS = st.lists(st.tuples(_PAIRS, _KINDS), unique=True, max_size=12)
_ANSWERS = st.dictionaries(
    _PAIRS.map(lambda pair: (min(pair), max(pair))), _KINDS | st.just("none"), max_size=8
)


@given(_LINKS, _ANSWERS)
def test_of_a_judged_pair_nothing_stands_but_the_answer(
    links: list[tuple[tuple[int, int], str]], answers: dict[tuple[int, int], str]
) -> None:
    stated = links_of(*((*pair, kind) for pair, kind in links))
    review = review_of(*((*pair, kind) for pair, kind in answers.items()))
    result = with_review(stated, review)  # it raises where its account does not add up
    by_pair: dict[frozenset[str], set[str]] = {}
    for source, target, kind in result.links.frame.select("source", "target", "kind").iter_rows():
        by_pair.setdefault(frozenset((source, target)), set()).add(kind)
    for (one, other), kind in answers.items():
        assert by_pair.pop(frozenset((f"T{one}", f"T{other}")), set()) == {kind} - {"none"}
    untouched = {
        frozenset((f"T{a}", f"T{b}")) for (a, b), _ in links if (min(a, b), max(a, b)) not in answers
    }
    assert by_pair.keys() == untouched
    assert with_review(result, review).links.frame.equals(result.links.frame)  # a second time changes nothing


def test_a_kin_group_that_joins_strangers_over_a_third_ticket_is_named() -> None:
    tickets = make_tickets(6)
    links = make_links([(0, 1), (1, 2), (3, 4)])
    review = review_of((0, 2, "none"), (3, 5, "none"), (3, 4, "duplicate"))
    against = contradictions(review, links, kin_groups(tickets, links), tickets.position)
    assert [str(one) for one in against] == ["T0 and T2 are judged none, but duplicates join them over T1"]
