"""Links that a rule or a search made are named; links of people are not."""

import numpy as np
import pytest

from ticketkin.core.checks import Check, Outcome
from ticketkin.core.tables import IntArray, Tickets
from ticketkin.encoders.dense import DenseRanker
from ticketkin.evaluation.diagnostics.made_labels import LinkRanks, links_of_a_search, single_ranker
from ticketkin.evaluation.diagnostics.rules import links_of_a_rule
from ticketkin.evaluation.retrieval import RetrievalScores
from ticketkin.tickets.importing import import_tickets
from ticketkin.tickets.kin import kin_groups
from ticketkin.tickets.links import links_from_tickets
from ticketkin.tickets.sample import write_sample
from ticketkin.tickets.settings import TicketSettings

Pairs = tuple[IntArray, IntArray]


@pytest.fixture(scope="module")
def tickets(tmp_path_factory: pytest.TempPathFactory) -> Tickets:
    path = tmp_path_factory.mktemp("sample") / "sample.csv"
    write_sample(path, 900, 7)
    return import_tickets([path], TicketSettings()).tickets


def _linked_by(tickets: Tickets, column: str, hours: float) -> Pairs:
    """Link each ticket to the one before it with the same value, if it was filed so recently."""
    values, opened = tickets.frame[column].to_list(), tickets.frame["opened_at"].dt.timestamp("us").to_numpy()
    last: dict[str, int] = {}
    pairs = []
    for row in np.argsort(opened, kind="stable").tolist():
        before = last.get(values[row])
        if values[row] and before is not None and opened[row] - opened[before] <= hours * 3.6e9:
            pairs.append((before, row))
        last[values[row]] = row
    left, right = np.array(pairs, dtype=np.int64).reshape(-1, 2).T
    return left, right


def _judged(tickets: Tickets, pairs: Pairs, seed: int = 0) -> Check:
    labels = np.arange(len(tickets))
    for left, right in zip(*pairs, strict=True):
        labels[labels == labels[right]] = labels[left]
    return links_of_a_rule(tickets, *pairs, labels, seed)


@pytest.mark.parametrize(
    ("column", "hours"), [("configuration_item", 24.0), ("service", 2.0), ("caller", 48.0)]
)
def test_a_rule_over_a_field_and_time_is_spelled_out(tickets: Tickets, column: str, hours: float) -> None:
    check = _judged(tickets, _linked_by(tickets, column, hours))
    assert check.outcome is Outcome.FAILED
    assert f"the same {column}" in check.evidence and f"at most {hours:.0f} hours apart" in check.evidence


@pytest.mark.parametrize(
    ("hours", "said"), [(1 / 4, "15 minutes"), (1 / 2, "30 minutes"), (1, "60 minutes"), (4, "4 hours")]
)
def test_the_span_of_a_rule_is_found_whichever_half_of_the_links_it_is_learned_on(
    tickets: Tickets, hours: float, said: str
) -> None:
    """No learned link is as far apart as the rule allows, and strangers of other services lie in between."""
    pairs = _linked_by(tickets, "service", hours)
    for seed in range(6):
        check = _judged(tickets, pairs, seed)
        assert check.outcome is Outcome.FAILED and said in check.evidence, check


def test_a_rule_over_titles_and_days_is_named(tickets: Tickets) -> None:
    frame = tickets.frame.with_columns(title=tickets.frame["category"] + " " + tickets.frame["subcategory"])
    titled = Tickets(frame)
    days = frame["opened_at"].dt.date().to_list()
    last: dict[tuple[str, object], int] = {}
    pairs = []
    for row, key in enumerate(zip(frame["title"].to_list(), days, strict=True)):
        if key in last:
            pairs.append((last[key], row))
        last[key] = row
    left, right = np.array(pairs).T
    check = _judged(titled, (left, right))
    assert check.outcome is Outcome.FAILED and "the same day of filing" in check.evidence


def test_links_of_the_sample_follow_no_rule(tickets: Tickets) -> None:
    links = links_from_tickets(tickets).links
    duplicates = links.frame.filter(links.frame["kind"] == "duplicate")
    rows = [np.array([tickets.position[one] for one in duplicates[end]]) for end in ("source", "target")]
    check = links_of_a_rule(tickets, *rows, kin_groups(tickets, links).group, 0)
    assert check.outcome is Outcome.PASSED
    few = links_of_a_rule(tickets, rows[0][:9], rows[1][:9], kin_groups(tickets, links).group, 0)
    assert few.outcome is Outcome.SKIPPED


def _ranker(n: int, seed: int = 0) -> DenseRanker:
    vectors = np.random.default_rng(seed).normal(size=(n, 8)).astype(np.float32)
    return DenseRanker("base", vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def _judged_by(ranker: DenseRanker, left: IntArray, right: IntArray) -> Check:
    n = len(ranker.embeddings)
    rankers = {"base": ranker, "lexical": _ranker(n, 1)}
    return links_of_a_search({name: LinkRanks.of(one, left, right, n, 0) for name, one in rankers.items()})


def test_links_to_nearest_neighbours_were_made_by_a_search() -> None:
    ranker = _ranker(400)
    cosines = ranker.embeddings @ ranker.embeddings.T - 2 * np.eye(400)
    order = np.argsort(-cosines, axis=1)
    rows = np.arange(0, 400, 3)
    check = _judged_by(ranker, rows, order[rows, 0])
    assert check.outcome is Outcome.FAILED and "by 'base' 100 % at the first place" in check.evidence
    chosen = order[rows, np.random.default_rng(0).integers(0, 8, len(rows))]
    suggested = _judged_by(ranker, rows, chosen)
    assert (
        suggested.outcome is Outcome.WARNING
        and "no link lies beyond the first 10 of 'base'" in suggested.evidence
    )
    # People find most kin near, and some far away.
    far = np.where(np.arange(len(rows)) % 12 == 0, order[rows, 300], chosen)
    assert _judged_by(ranker, rows, far).outcome is Outcome.PASSED
    assert _judged_by(ranker, rows[:9], far[:9]).outcome is Outcome.SKIPPED


def test_a_ranking_that_learned_nothing_and_finds_everything_is_no_proof() -> None:
    def scores(n_late: int, n: int = 200) -> RetrievalScores:
        ranks = [np.array([5 if place < n_late else 1]) for place in range(n)]
        return RetrievalScores(np.arange(n), np.arange(n), ranks, 999)

    perfect = single_ranker({"base": scores(1), "fusion": scores(0)}, ["base", "lexical"])
    assert perfect.outcome is Outcome.FAILED and "'base' alone" in perfect.evidence
    assert single_ranker({"base": scores(20), "fusion": scores(0)}, ["base"]).outcome is Outcome.PASSED
    assert single_ranker({"base": scores(0, 9)}, ["base"]).outcome is Outcome.SKIPPED
