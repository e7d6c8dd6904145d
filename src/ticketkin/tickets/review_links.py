"""What a review makes of the links: its kin are links, and it overrules what else is said of its pairs."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

import polars as pl

from ticketkin.core.tables import LINKS_SCHEMA, Kind, Links, Origin
from ticketkin.tickets.kin import KinGroups
from ticketkin.tickets.link_result import LinkResult
from ticketkin.tickets.reviewed import NONE, Review

_MOST_NAMED = 3


def with_review(result: LinkResult, review: Review) -> LinkResult:
    """Return the links with what a person judged.

    A link of another kind, or of a cause the other way round, between two tickets that were judged is
    overruled. A link that a person confirms stays as it was told first, and the answer repeats it.
    """
    answers = {
        frozenset((source, target)): (source, target, kind)
        for source, target, kind in review.answers.iter_rows()
    }
    kept: list[tuple[str, str, str, str]] = []
    confirmed: set[frozenset[str]] = set()
    for source, target, kind, origin in result.links.frame.iter_rows():
        pair = frozenset((source, target))
        if pair not in answers:
            kept.append((source, target, kind, origin))
            continue
        cause, _, answer = answers[pair]
        if kind == answer and (kind != Kind.CAUSAL.value or cause == source):
            kept.append((source, target, kind, origin))
            confirmed.add(pair)
    kin = {pair: answer for pair, answer in answers.items() if answer[2] != NONE}
    added = [(*answer, Origin.REVIEW.value) for pair, answer in kin.items() if pair not in confirmed]
    return replace(
        result,
        links=Links(pl.DataFrame([*kept, *added], schema=dict(LINKS_SCHEMA), orient="row")),
        n_read=result.n_read + len(kin),
        n_repeated=result.n_repeated + len(confirmed),
        n_overruled=result.n_overruled + len(result.links) - len(kept),
    )


@dataclass(frozen=True)
class Contradiction:
    """Two tickets that a person judged to be no duplicates, and that links join all the same."""

    source: str
    target: str
    kind: str
    """What the person said."""
    over: tuple[str, ...]
    """The tickets over which duplicate links join them."""

    def __str__(self) -> str:
        """Return who contradicts whom, in words."""
        named = " and ".join(self.over[:_MOST_NAMED])
        more = f" and {len(self.over) - _MOST_NAMED:,} more" if len(self.over) > _MOST_NAMED else ""
        pair = f"{self.source} and {self.target}"
        return f"{pair} are judged {self.kind}, but duplicates join them over {named}{more}"


def contradictions(
    review: Review, links: Links, groups: KinGroups, rows: dict[str, int]
) -> list[Contradiction]:
    """Return the judged pairs that are no duplicates and lie in one kin group; `rows` places each ticket."""
    joined = [
        (source, target, kind)
        for source, target, kind in review.answers.filter(pl.col("kind") != Kind.DUPLICATE.value).iter_rows()
        if groups.group[rows[source]] == groups.group[rows[target]]
    ]
    if not joined:
        return []
    import networkx as nx

    duplicates = links.frame.filter(pl.col("kind") == Kind.DUPLICATE.value)
    graph: nx.Graph[str] = nx.Graph(_edges(duplicates))
    return [
        Contradiction(source, target, kind, tuple(nx.shortest_path(graph, source, target)[1:-1]))
        for source, target, kind in joined
    ]


def _edges(frame: pl.DataFrame) -> Iterable[tuple[str, str]]:
    return zip(frame["source"], frame["target"], strict=True)
