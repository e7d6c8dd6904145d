"""Labels of a run that contradict each other, each pair with who says what, to be settled by a person."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import polars as pl

from ticketkin.core.errors import MissingInputError
from ticketkin.core.tables import Kind, Links, Origin
from ticketkin.evaluation.diagnostics.labels import LabelledPairs, apart_inside_groups, labelled_both_ways
from ticketkin.tickets.kin import kin_groups
from ticketkin.tickets.review_links import contradictions
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.configuration import read_job
from ticketkin.workflows.run_data import RunData

TWO_KINDS = "given two kinds"
SAME_TEXTS = "the same texts, labelled kin and not kin"
INSIDE_GROUP = "called not kin, but duplicates join them"
AGAINST_CHAIN = "judged to be no duplicates, but duplicates join them"
_NOT_KIN = "not kin"


@dataclass(frozen=True)
class ConflictingPair:
    """One pair of tickets whose label contradicts another: a row of the file that a person fills in."""

    conflict: int
    """Number of the contradiction; the pairs of one have the same."""
    source: str
    """Ticket id."""
    target: str
    source_title: str
    target_title: str
    kind: str
    """To be filled in, as in a review."""
    why: str
    stated: str
    """Each kind that was stated, and where it comes from."""
    over: str
    """Tickets over which duplicates join the two, with a blank between."""
    source_row: int
    """Row of the export that the ticket comes from."""
    target_row: int


@dataclass(frozen=True)
class _Contradiction:
    why: str
    stated: Mapping[tuple[str, str], str]
    """By pair of ticket ids, what was stated and by whom."""
    over: tuple[str, ...] = ()


def conflicts_of_run(folder: Path) -> list[ConflictingPair]:
    """Return the pairs of a run whose labels contradict each other, contradiction by contradiction.

    Kinds that people gave to one pair, answers of a review against a chain of duplicates, and labelled pairs
    as the check `label_conflicts` counts them, once the run has built its pairs. Raises MissingInputError
    before the run has links.
    """
    if not (folder / artifact.LINKS).exists():
        raise MissingInputError(f"{folder} has no links yet. Run: ticketkin links {folder}")
    data = RunData.of(folder, read_job(folder))
    listed = [*_two_kinds(data), *_against_chains(data)]
    if (folder / artifact.PAIRS).exists():
        listed += _labelled(data)
    return list(_rows(data, listed))


def conflict_table(pairs: Sequence[ConflictingPair]) -> pl.DataFrame:
    """Return the pairs as a table whose column `kind` a person fills in; `--reviewed` takes it back."""
    schema = {name: pl.Int64 if kind is int else pl.String for name, kind in _columns().items()}
    return pl.DataFrame([asdict(pair) for pair in pairs], schema=schema)


def _columns() -> dict[str, type]:
    return dict(ConflictingPair.__annotations__)


def _rows(data: RunData, listed: Iterable[_Contradiction]) -> Iterator[ConflictingPair]:
    frame, at = data.tickets.frame, data.tickets.position
    titles, rows = frame["title"], frame["source_row"]
    for number, contradiction in enumerate(listed, start=1):
        for (source, target), stated in contradiction.stated.items():
            one, other = at[source], at[target]
            yield ConflictingPair(
                conflict=number,
                source=source,
                target=target,
                source_title=titles[one],
                target_title=titles[other],
                kind="",
                why=contradiction.why,
                stated=stated,
                over=" ".join(contradiction.over),
                source_row=int(rows[one]),
                target_row=int(rows[other]),
            )


def _two_kinds(data: RunData) -> list[_Contradiction]:
    """Return the pairs that were given two kinds, none of them by a review, which has the last word."""
    # A shared problem makes two tickets related at least: it contradicts no stronger kind.
    links = data.links.frame.filter(pl.col("origin") != Origin.PROBLEM.value)
    given = data.stated_kinds.filter(~pl.col("final"))
    stated = [*links.iter_rows(), *((s, t, kind, Origin.FILE.value) for s, t, kind, _ in given.iter_rows())]
    by_pair: dict[frozenset[str], list[tuple[str, str, str, str]]] = {}
    for row in stated:
        by_pair.setdefault(frozenset(row[:2]), []).append(row)
    return [
        _Contradiction(TWO_KINDS, {rows[0][:2]: _in_words((kind, origin) for _, _, kind, origin in rows)})
        for pair, rows in by_pair.items()
        if len({kind for _, _, kind, _ in rows}) > 1 and pair not in data.judged_kinds
    ]


def _in_words(stated: Iterable[tuple[str, str]]) -> str:
    """Return kinds with where they come from, as in "duplicate (parent), causal (file)"."""
    return ", ".join(dict.fromkeys(f"{kind} ({origin})" for kind, origin in stated))


def _against_chains(data: RunData) -> list[_Contradiction]:
    """Return answers of a review that a chain of duplicates contradicts, each with the links of the chain."""
    links = _without_overruled(data)
    origin = {frozenset(row[:2]): row[3] for row in links.frame.iter_rows() if row[2] == Kind.DUPLICATE.value}
    listed = []
    groups = kin_groups(data.tickets, links)
    for contradiction in contradictions(data.review, links, groups, dict(data.tickets.position)):
        chain = [contradiction.source, *contradiction.over, contradiction.target]
        stated = {
            (contradiction.source, contradiction.target): _in_words(
                [(contradiction.kind, Origin.REVIEW.value)]
            )
        }
        for one, other in pairwise(chain):
            by = origin[frozenset((one, other))]
            stated[one, other] = _in_words([(Kind.DUPLICATE.value, by)])
        listed.append(_Contradiction(AGAINST_CHAIN, stated, contradiction.over))
    return listed


def _without_overruled(data: RunData) -> Links:
    """Return the links without those that a review overrules, even if the run got the review later."""
    judged = data.judged_kinds
    is_kept = [
        judged.get(frozenset(row[:2]), Kind.DUPLICATE.value) == Kind.DUPLICATE.value
        for row in data.links.frame.iter_rows()
    ]
    return Links(data.links.frame.filter(pl.Series(is_kept, dtype=pl.Boolean)))


def _labelled(data: RunData) -> list[_Contradiction]:
    """Return labelled pairs that contradict each other, as `label_conflicts` counts them."""
    left, right = data.pairs.rows(data.tickets)
    pairs = LabelledPairs(data.pairs.frame, left, right, data.texts, data.groups.group)
    rows = list(data.pairs.frame.select("left", "right", "label", "origin").iter_rows())

    def stated(place: int) -> tuple[tuple[str, str], str]:
        one, other, label, origin = rows[place]
        kind = Kind.DUPLICATE.value if label else _NOT_KIN
        return (one, other), _in_words([(kind, origin)])

    both = [_Contradiction(SAME_TEXTS, dict(map(stated, own))) for own in labelled_both_ways(pairs)]
    inside = [_Contradiction(INSIDE_GROUP, dict([stated(place)])) for place in apart_inside_groups(pairs)]
    return [*both, *inside]
