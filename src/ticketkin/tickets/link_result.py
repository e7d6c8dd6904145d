"""What became of every link that was read, and how it is put to a person."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import polars as pl

from ticketkin.core.tables import Kind, Links
from ticketkin.core.wording import number_of
from ticketkin.tickets.link_kinds import KIND_CHOICES, kind_option, link_word

_MOST_LISTED = 12


@dataclass(frozen=True)
class NamedIds:
    """How many of the different ids that the ends of links name are tickets."""

    n_known: int = 0
    n_unknown: int = 0
    unknown_examples: tuple[str, ...] = ()
    """The first unknown ids, as they may be shown."""


@dataclass(frozen=True)
class LeftOutKind:
    """A link type whose links are not used."""

    written: str
    """As the file or the column writes it, masked where it holds personal data; "" where none is given."""
    n_links: int
    is_known: bool
    """True where it is known to be no kinship, False where nobody knows it."""
    option: str | None
    """The option that makes links of it; None where no setting can name the type."""

    @property
    def why(self) -> str:
        """Why its links are not used."""
        return "no kinship" if self.is_known else "unknown"


@dataclass(frozen=True)
class LinkResult:
    """Links between present tickets, and everything that was not one.

    n_read = links + n_absent + n_self + n_repeated + n_ignored + n_rejected + n_overruled.
    """

    links: Links
    n_read: int = 0
    n_absent: int = 0
    """Links naming a ticket that is not in the export."""
    n_self: int = 0
    n_repeated: int = 0
    n_ignored: int = 0
    """Links of a kind that is no kinship or unknown, and those left out on purpose."""
    n_rejected: int = 0
    """Rows of a file of links that can't be read."""
    n_overruled: int = 0
    """Links between two tickets of which a person said something else in a review."""
    ignored_kinds: dict[str, int] = field(default_factory=dict)
    """Link types that are no kinship, as written."""
    unknown_kinds: dict[str, int] = field(default_factory=dict)
    """Link types nobody knows, as written."""
    said_no: dict[str, int] = field(default_factory=dict)
    """Labels that say of their rows that they are no links, as written."""
    masked_kinds: frozenset[str] = frozenset()
    """Link types that are shown otherwise than they are written."""
    ids: NamedIds = NamedIds()
    notes: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        counted = len(self.links) + self.n_absent + self.n_self + self.n_repeated
        counted += self.n_ignored + self.n_rejected + self.n_overruled
        if counted != self.n_read:
            raise RuntimeError(
                f"{number_of(self.n_read, 'link was', 'links were')} read and {counted} accounted for: {self}"
            )

    @cached_property
    def n_reversed(self) -> int:
        """Links whose opposite, of the same kind, was read before them; both stay."""
        seen: set[tuple[str, str, str]] = set()
        n_reversed = 0
        for source, target, kind in self.links.frame.select("source", "target", "kind").iter_rows():
            n_reversed += (target, source, kind) in seen
            seen.add((source, target, kind))
        return n_reversed

    @cached_property
    def cycles(self) -> list[list[str]]:
        """Duplicate chains that lead back to themselves; their tickets stay one kin group."""
        import networkx as nx

        duplicates = self.links.frame.filter(pl.col("kind") == Kind.DUPLICATE.value)
        graph = nx.DiGraph(zip(duplicates["source"], duplicates["target"], strict=True))
        return [sorted(part) for part in nx.strongly_connected_components(graph) if len(part) > 1]

    @property
    def left_out_kinds(self) -> list[LeftOutKind]:
        """Link types whose links are not used: those nobody knows first, each by frequency."""
        return [
            LeftOutKind(written, count, is_known, self._option(written))
            for kinds, is_known in ((self.unknown_kinds, False), (self.ignored_kinds, True))
            for written, count in kinds.items()
        ]

    @property
    def n_left_out_by_kind(self) -> int:
        """Links that are not used for their types alone."""
        return sum(self.ignored_kinds.values()) + sum(self.unknown_kinds.values())

    def _option(self, written: str) -> str | None:
        is_nameable = link_word(written) and written not in self.masked_kinds
        return kind_option(written, Kind.RELATED) if is_nameable else None

    def lines(self) -> list[str]:
        """Return the account of the links as a person reads it."""
        kinds = (
            (self.n_absent, "naming absent tickets"),
            (self.n_self, "linking a ticket to itself"),
            (self.n_repeated, "repeating another"),
            (self.n_ignored, "left out"),
            (self.n_rejected, "in rows that can't be read"),
            (self.n_overruled, "overruled by a review"),
        )
        counts = "".join(f", {count:,} {word}" for count, word in kinds if count)
        lines = [f"{number_of(self.n_read, 'link')} read: {len(self.links):,} kept{counts}"]
        if self.n_reversed:
            lines.append(
                f"{number_of(self.n_reversed, 'link says', 'links say')} again, the other way round, what "
                "another says"
            )
        if self.cycles:
            lines.append(
                f"{number_of(len(self.cycles), 'circle')} of tickets that name each other as duplicates: one "
                "kin group each"
            )
        lines += left_out_lines(self.left_out_kinds)
        if self.said_no:
            lines.append(f"left out, as their label says no: {_listed(self.said_no)}")
        return lines + [f"note: {note}" for note in self.notes]


def left_out_lines(kinds: Sequence[LeftOutKind]) -> list[str]:
    """Return which link types were left out, how many links each has, and the options that use them."""
    lines = []
    for is_known, why, before in (
        (True, "as they are no kinship", "to use them all the same:"),
        (False, "of unknown kinds", "say what they mean, e.g."),
    ):
        chosen = [kind for kind in kinds if kind.is_known is is_known]
        if not chosen:
            continue
        options = [kind.option for kind in chosen[:_MOST_LISTED] if kind.option]
        choices = ", ".join(choice for choice in KIND_CHOICES if choice != Kind.RELATED)
        hint = f"; {before} {' '.join(options)} (or {choices})" if options else ""
        lines.append(f"left out, {why}: {_listed({kind.written: kind.n_links for kind in chosen})}{hint}")
    return lines


def _listed(counts: Mapping[str, int]) -> str:
    items = list(counts.items())
    shown = ", ".join(
        f"{repr(word) if word else 'no kind given'} {count:,}" for word, count in items[:_MOST_LISTED]
    )
    rest = items[_MOST_LISTED:]
    return shown + (
        f" and {len(rest):,} more with {number_of(sum(n for _, n in rest), 'link')}" if rest else ""
    )


def merge_links(results: Sequence[LinkResult]) -> LinkResult:
    """Return all links once; a link told by several origins keeps the first.

    Ids are not counted together: the same may stand in several sources.
    """
    frame = pl.concat([result.links.frame for result in results])
    unique = frame.unique(["source", "target", "kind"], keep="first", maintain_order=True)
    ignored, unknown, said_no = Counter[str](), Counter[str](), Counter[str]()
    for result in results:
        ignored.update(result.ignored_kinds)
        unknown.update(result.unknown_kinds)
        said_no.update(result.said_no)
    return LinkResult(
        links=Links(unique),
        n_read=sum(r.n_read for r in results),
        n_absent=sum(r.n_absent for r in results),
        n_self=sum(r.n_self for r in results),
        n_repeated=sum(r.n_repeated for r in results) + frame.height - unique.height,
        n_ignored=sum(r.n_ignored for r in results),
        n_rejected=sum(r.n_rejected for r in results),
        ignored_kinds=dict(ignored.most_common()),
        unknown_kinds=dict(unknown.most_common()),
        said_no=dict(said_no),
        masked_kinds=frozenset().union(*(r.masked_kinds for r in results)),
        notes=[note for r in results for note in r.notes],
    )
