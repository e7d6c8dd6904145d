"""Families: everything that links of any kind join, with one parent for duplicates and no causal circle."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import polars as pl

from ticketkin.core.tables import IntArray, Kind, Tickets
from ticketkin.relations.parents import canonical_parent

if TYPE_CHECKING:
    import networkx as nx

PEOPLE = "people"
SILVER = "silver"
SAID = "said"


@dataclass(frozen=True)
class Tie:
    """Two tickets and what they are to each other; rows are those of `Tickets`."""

    source: int
    """Of a causal tie the cause."""
    target: int
    kind: str
    """duplicate, related or causal."""
    origin: str
    """PEOPLE, SILVER or SAID."""
    probability: float = 1.0
    """Calibrated, where the model said it."""


@dataclass(frozen=True)
class Family:
    """Tickets joined by ties, in filing order."""

    tickets: list[int]
    parents: dict[int, int]
    """The one parent of each duplicate; a parent is nobody's duplicate."""
    related: list[Tie]
    causal: list[Tie]
    longest_chain: list[int]
    """From the first cause to the last effect; empty without causes."""


@dataclass(frozen=True)
class FamilyGraph:
    """All families, the largest first, and what did not fit."""

    families: list[Family]
    circles: list[Tie]
    """Causal ties left out because they would make something its own cause, or are within duplicates."""


@dataclass(frozen=True)
class TieRecord:
    """A tie by the ids of its tickets."""

    source: str
    target: str
    origin: str
    probability: float


@dataclass(frozen=True)
class FamilyRecord:
    """A family by the ids of its tickets, which stand in filing order."""

    family: int
    """Its number; the largest family is 1."""
    tickets: list[str]
    duplicate_of: dict[str, str]
    """The one parent of each duplicate."""
    causal: list[TieRecord]
    related: list[TieRecord]
    longest_chain: list[str]
    """From the first cause to the last effect; empty without causes."""
    title: str = ""
    """Of the ticket with most duplicates, or of the first filed; "" in a record of an earlier version."""


@dataclass(frozen=True)
class FamiliesRecord:
    """The content of families.json."""

    n_families: int
    n_tickets: int
    left_out: list[tuple[str, str]]
    """Cause and effect of each causal tie that would make something its own cause."""
    families: list[FamilyRecord]


def build_families(ties: Sequence[Tie], order: IntArray, tiers: IntArray) -> FamilyGraph:
    """Return the components of all ties, largest first; ties from people have priority over the model's.

    Duplicates of duplicates are duplicates of one parent. Causes hold between parents, so that a cause of
    one duplicate is the cause of all; a tie that would close a causal circle is left out and returned.
    """
    import networkx as nx

    duplicates: nx.Graph[int] = nx.Graph((t.source, t.target) for t in ties if t.kind == Kind.DUPLICATE)
    parent: dict[int, int] = {}
    for group in nx.connected_components(duplicates):
        head = canonical_parent(group, order, tiers)
        parent |= dict.fromkeys(group - {head}, head)
    causal, circles = _without_circles([t for t in ties if t.kind == Kind.CAUSAL], parent)
    related = _related(ties)
    whole: nx.Graph[int] = nx.Graph((t.source, t.target) for t in (*causal, *related))
    whole.add_edges_from(parent.items())
    family_of = {row: number for number, rows in enumerate(nx.connected_components(whole)) for row in rows}
    members: dict[int, list[int]] = {}
    for row in sorted(family_of, key=lambda row: int(order[row])):
        members.setdefault(family_of[row], []).append(row)
    causal_of, related_of = _by_family(causal, family_of), _by_family(related, family_of)
    families = [
        Family(
            tickets=rows,
            parents={row: parent[row] for row in rows if row in parent},
            related=related_of.get(number, []),
            causal=causal_of.get(number, []),
            longest_chain=_longest_chain(causal_of.get(number, []), parent),
        )
        for number, rows in members.items()
    ]
    families.sort(key=lambda family: (-len(family.tickets), int(order[family.tickets[0]])))
    return FamilyGraph(families, circles)


def _without_circles(ties: list[Tie], parent: dict[int, int]) -> tuple[list[Tie], list[Tie]]:
    """Return the ties that make no circle of parents, people's and surest first, and the rest."""
    import networkx as nx

    ranked = sorted(ties, key=lambda tie: (tie.origin != PEOPLE, -tie.probability))
    graph: nx.DiGraph[int] = nx.DiGraph()
    whole: nx.DiGraph[int] = nx.DiGraph(
        (parent.get(t.source, t.source), parent.get(t.target, t.target)) for t in ties
    )
    # Only within a strongly connected part can a tie close a circle; elsewhere none is searched for.
    suspect = {row for part in nx.strongly_connected_components(whole) if len(part) > 1 for row in part}
    kept, circles = [], []
    for tie in ranked:
        cause, effect = parent.get(tie.source, tie.source), parent.get(tie.target, tie.target)
        closes = cause in suspect and effect in suspect and effect in graph and cause in graph
        if cause == effect or (closes and nx.has_path(graph, effect, cause)):
            circles.append(tie)
            continue
        graph.add_edge(cause, effect)
        kept.append(tie)
    return kept, circles


def _related(ties: Sequence[Tie]) -> list[Tie]:
    """Return the related ties, each pair once, without those that duplicates or causes say better."""
    better = {frozenset((t.source, t.target)) for t in ties if t.kind != Kind.RELATED}
    by_pair: dict[frozenset[int], Tie] = {}
    for tie in ties:
        pair = frozenset((tie.source, tie.target))
        if tie.kind == Kind.RELATED and pair not in better:
            by_pair.setdefault(pair, tie)
    return list(by_pair.values())


def _by_family(ties: Sequence[Tie], family_of: dict[int, int]) -> dict[int, list[Tie]]:
    grouped: dict[int, list[Tie]] = {}
    for tie in ties:
        grouped.setdefault(family_of[tie.source], []).append(tie)
    return grouped


def _longest_chain(causal: Sequence[Tie], parent: dict[int, int]) -> list[int]:
    import networkx as nx

    graph: nx.DiGraph[int] = nx.DiGraph(
        (parent.get(t.source, t.source), parent.get(t.target, t.target)) for t in causal
    )
    return list(nx.dag_longest_path(graph)) if len(graph) else []


def as_graph(families: FamilyGraph, tickets: Tickets) -> "nx.DiGraph[str]":
    """Return one directed graph of all families: duplicates point to their parent, causes to effects.

    Nodes carry title and family, edges kind, origin and probability; undirected `related` edges point from
    the ticket that was filed first.
    """
    import networkx as nx

    graph: nx.DiGraph[str] = nx.DiGraph()
    ids, titles = tickets.ids, tickets.frame["title"].to_list()
    for number, family in enumerate(families.families, start=1):
        for row in family.tickets:
            graph.add_node(ids[row], title=titles[row], family=number)
        for child, head in family.parents.items():
            graph.add_edge(ids[child], ids[head], kind=Kind.DUPLICATE.value)
        place = {row: position for position, row in enumerate(family.tickets)}
        for tie in (*family.causal, *family.related):
            one, other = tie.source, tie.target
            if tie.kind == Kind.RELATED and place[one] > place[other]:
                one, other = other, one
            probability = round(tie.probability, 4)
            graph.add_edge(ids[one], ids[other], kind=tie.kind, origin=tie.origin, probability=probability)
    return graph


def as_table(families: FamilyGraph, tickets: Tickets) -> pl.DataFrame:
    """Return one row for each ticket of a family: family, parent, causes and related tickets."""
    ids, titles = tickets.ids, tickets.frame["title"].to_list()
    rows = []
    for number, family in enumerate(families.families, start=1):
        causes, related = _neighbours(family)
        for row in family.tickets:
            rows.append(
                (
                    ids[row],
                    number,
                    len(family.tickets),
                    ids[family.parents[row]] if row in family.parents else "",
                    " ".join(ids[other] for other in causes.get(row, [])),
                    " ".join(ids[other] for other in related.get(row, [])),
                    titles[row],
                )
            )
    schema = {
        "ticket_id": pl.String(),
        "family": pl.Int64(),
        "family_size": pl.Int64(),
        "duplicate_of": pl.String(),
        "caused_by": pl.String(),
        "related_to": pl.String(),
        "title": pl.String(),
    }
    return pl.DataFrame(rows, schema=schema, orient="row")


def _neighbours(family: Family) -> tuple[dict[int, list[int]], dict[int, list[int]]]:
    """Return the causes and the related tickets of each ticket."""
    causes: dict[int, list[int]] = {}
    related: dict[int, list[int]] = {}
    for tie in family.causal:
        causes.setdefault(tie.target, []).append(tie.source)
    for tie in family.related:
        related.setdefault(tie.source, []).append(tie.target)
        related.setdefault(tie.target, []).append(tie.source)
    return causes, related


def as_record(graph: FamilyGraph, tickets: Tickets) -> FamiliesRecord:
    """Return all families with the ids of their tickets."""
    ids, titles = tickets.ids, tickets.frame["title"]
    return FamiliesRecord(
        n_families=len(graph.families),
        n_tickets=sum(len(family.tickets) for family in graph.families),
        left_out=[(ids[tie.source], ids[tie.target]) for tie in graph.circles],
        families=[
            FamilyRecord(
                family=number,
                tickets=[ids[row] for row in family.tickets],
                duplicate_of={ids[child]: ids[head] for child, head in family.parents.items()},
                causal=[_tie_record(tie, ids) for tie in family.causal],
                related=[_tie_record(tie, ids) for tie in family.related],
                longest_chain=[ids[row] for row in family.longest_chain],
                title=titles[_head(family)],
            )
            for number, family in enumerate(graph.families, start=1)
        ],
    )


def _head(family: Family) -> int:
    """Return the ticket that a family is called by: the parent of most duplicates, or the first filed."""
    most = Counter(family.parents.values()).most_common(1)
    return most[0][0] if most else family.tickets[0]


def _tie_record(tie: Tie, ids: Sequence[str]) -> TieRecord:
    return TieRecord(ids[tie.source], ids[tie.target], tie.origin, round(tie.probability, 4))
