"""Refusal of links that look joined on a wrong column, whichever way they came in.

Two signs point to a wrong column: hardly any of the ids are tickets, or linked tickets are no nearer in words
than strangers are. Links to tickets outside a small export are normal, so few known ids alone are no reason
to refuse a file if the known ones prove to be nearer than chance.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NoReturn

import polars as pl

from ticketkin.core.errors import MappingError
from ticketkin.core.tables import Kind, Links, Origin, Tickets
from ticketkin.core.wording import number_of, percent
from ticketkin.pairs.nearness import NOTHING_COMPARED, Nearness, link_nearness
from ticketkin.tickets.link_result import LinkResult
from ticketkin.tickets.settings import LinkSettings

# Fewer of a file's links than this name two tickets of the export: hardly any.
_HARDLY_ANY = 0.05
_OVERRIDE = "to use them all the same: --set links.doubtful=ignore"
_WITHOUT_COLUMN = {
    Origin.CLOSE_NOTES: "the notes of tickets closed as duplicates",
    Origin.STATED: "the link columns",
}


def check_link_file(path: Path, result: LinkResult, tickets: Tickets, settings: LinkSettings) -> Nearness:
    """Return how near the links of a file are in words.

    Raises MappingError where it gives no link at all, where hardly any of its ids are known and the few are
    not provably nearer than chance, and where its links are no nearer than chance.
    """
    if not len(result.links):
        if settings.doubtful == "error":
            refuse_without_links(path, result)
        return NOTHING_COMPARED
    nearness = link_nearness(tickets, result.links)
    if settings.doubtful == "ignore":
        return nearness
    n_links = result.n_read - result.n_ignored - result.n_rejected
    n_known = n_links - result.n_absent
    columns = "name the right columns with --link-columns source,target[,kind]"
    if n_known < _HARDLY_ANY * n_links and not nearness.is_proven:
        raise MappingError(
            f"{path}: hardly any of its links fit these tickets: {n_known:,} of {n_links:,} name two of "
            f"them. {_ids(result)}. The few that fit don't look like kin: {nearness.evidence}. Export the "
            f"tickets the file names, too, or {columns}; {_OVERRIDE}"
        )
    if nearness.is_chance:
        raise MappingError(
            f"{path}: its links are no nearer than chance: {nearness.evidence}. {_ids(result)}. The ids may "
            f"be those of other records: {columns}; {_OVERRIDE}"
        )
    return nearness


def refuse_without_links(path: Path, result: LinkResult) -> NoReturn:
    """Raise MappingError for a file that gives no link: silver links in their place would hide that."""
    raise MappingError(
        f"{path} gives no link between two imported tickets. {'; '.join(result.lines())}. {_ids(result)}. "
        "Export the tickets it names too, name its columns with --link-columns, or leave out --links"
    )


def _ids(result: LinkResult) -> str:
    """Return how many of the ids in a file are known, with examples of others."""
    ids = result.ids
    n_ids = ids.n_known + ids.n_unknown
    if not n_ids:
        return "No row names an id"
    share = f"{ids.n_known:,} ({percent(ids.n_known / n_ids)}) are tickets"
    examples = f"; unknown are e.g. {', '.join(map(repr, ids.unknown_examples))}" if ids.n_unknown else ""
    return f"Of {number_of(n_ids, 'different id')} {share}{examples}"


def check_column_links(links: Links, tickets: Tickets, settings: LinkSettings) -> Sequence[str]:
    """Return what is to be said of the links in the tickets' own columns, each column by itself.

    Raises MappingError where a column's duplicates are no nearer than chance; links of other kinds may be
    textually distant, so they are only reported.
    """
    notes = []
    for (origin, is_duplicate), chosen in _by_column(links).items():
        nearness = link_nearness(tickets, chosen)
        if not nearness.is_chance:
            continue
        where = _WITHOUT_COLUMN.get(origin, f"the column mapped to {origin.value}")
        sentence = f"links in {where} are no nearer than chance: {nearness.evidence}"
        if is_duplicate and settings.doubtful == "error":
            remedy = (
                ""
                if origin in _WITHOUT_COLUMN
                else f"map the right column with --map {origin.value}=COLUMN; "
            )
            raise MappingError(f"{sentence}. Duplicates are nearer: {remedy}{_OVERRIDE}")
        notes.append(f"note: {sentence}; check what they mean")
    return notes


def check_pair_file(path: Path, given: pl.DataFrame, tickets: Tickets, settings: LinkSettings) -> Nearness:
    """Return how near the pairs labelled kin are in words; `given` is as `GIVEN_SCHEMA`.

    Raises MappingError where they are no nearer than chance. Strangers may be near, as hard negatives are, so
    they are only used to detect inverted labels.
    """
    kin, strangers = (
        link_nearness(tickets, _as_links(given.filter(pl.col("label") == label))) for label in (1, 0)
    )
    if kin.is_chance and settings.doubtful == "error":
        swapped = (
            f" The pairs labelled as no kin are nearer ({strangers.evidence}): are the labels the wrong way "
            "round?"
            if strangers.is_proven
            else ""
        )
        raise MappingError(
            f"{path}: the pairs labelled kin are no nearer than chance: {kin.evidence}.{swapped} Correct the "
            f"texts or the labels; {_OVERRIDE}"
        )
    return kin


def _as_links(given: pl.DataFrame) -> Links:
    apart = given.filter(pl.col("left") != pl.col("right"))
    origin = pl.lit(Origin.FILE.value).alias("origin")
    return Links(
        apart.select(pl.col("left").alias("source"), pl.col("right").alias("target"), "kind", origin)
    )


def _by_column(links: Links) -> dict[tuple[Origin, bool], Links]:
    frame = links.frame.with_columns((pl.col("kind") == Kind.DUPLICATE.value).alias("is_duplicate"))
    groups = frame.partition_by("origin", "is_duplicate", as_dict=True, maintain_order=True)
    return {(Origin(str(origin)), bool(same)): Links(part) for (origin, same), part in groups.items()}
