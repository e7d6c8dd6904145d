"""Files of links: two columns of ticket ids, mostly with a kind; or tickets and the cluster each is in."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ticketkin.core.config import LinkSettings
from ticketkin.core.errors import MappingError
from ticketkin.core.printing import printable_line
from ticketkin.core.tables import Kind, Origin, Tickets
from ticketkin.tickets.cleaning import is_placeholder
from ticketkin.tickets.link_kinds import LinkKinds, is_kind_column
from ticketkin.tickets.links import LARGEST_SHARED, LinkCollector, LinkResult, known_references
from ticketkin.tickets.mapping import normalise_name
from ticketkin.tickets.reading import read_table

_CLUSTER_NAMES = {
    "cluster", "cluster_id", "clusterid", "cluster_nr", "group", "group_id", "duplicate_group",
    "duplicate_group_id", "kin_group", "family", "family_id", "gruppe", "gruppen_id", "gruppe_id",
    "groupe", "groupe_id", "id_groupe", "grupo", "grupo_id", "id_grupo",
}  # fmt: skip


@dataclass(frozen=True)
class _Columns:
    source: str
    target: str
    kind: str | None = None
    is_cluster: bool = False
    """True where `target` names the cluster of the ticket `source`."""

    def __str__(self) -> str:
        if self.is_cluster:
            return f"tickets {printable_line(self.source)}, clusters {printable_line(self.target)}"
        kind = (
            f"kind {printable_line(self.kind)}"
            if self.kind
            else "every row a duplicate, as no column tells kinds"
        )
        return f"{printable_line(self.source)} -> {printable_line(self.target)}, {kind}"


def links_from_file(path: Path, tickets: Tickets, settings: LinkSettings) -> LinkResult:
    """Return the links of a file: any two id columns, optionally a kind; or an id and its cluster.

    Without `settings.columns` the two columns that name most tickets are taken, in file order, and as the
    kind a column that is called so or speaks of kinds. Links of an unknown kind are left out and counted.
    Tickets of one cluster are duplicates of its first. Raises UnreadableFileError for a damaged file,
    MappingError where no two columns hold ticket ids, or no kind is a known one.
    """
    table = read_table(path)
    known = known_references(tickets)
    kinds = LinkKinds(settings)
    frame = table.frame.with_columns(pl.all().fill_null("").str.strip_chars())
    notes = [
        f"{path.name}: {printable_line(note)}" if path.name not in note else note for note in table.notes
    ]
    if not settings.columns and any(name.strip() in known for name in frame.columns):
        frame = _with_header_as_row(frame)
        notes.append(f"{path.name}: no header line; the first line was read as a link")
    columns = _link_columns(frame, known, settings, kinds, path)
    collector = LinkCollector(known, kinds)
    collector.reject(len(table.rejected))
    notes.insert(0, f"{path.name}: {columns}")
    if table.rejected:
        row, reason = table.rejected[0]
        notes.append(f"{path.name}: row {row:,}: {printable_line(reason)}")
    if columns.is_cluster:
        notes += _add_clusters(frame, columns, collector)
    else:
        _add_links(frame, columns, collector, path)
    return collector.result(notes)


def _with_header_as_row(frame: pl.DataFrame) -> pl.DataFrame:
    names = [f"column {place}" for place in range(1, frame.width + 1)]
    first = pl.DataFrame([frame.columns], schema=dict.fromkeys(names, pl.String), orient="row")
    return pl.concat([first, frame.rename(dict(zip(frame.columns, names, strict=True)))])


def _add_links(frame: pl.DataFrame, columns: _Columns, collector: LinkCollector, path: Path) -> None:
    ends = frame.select(columns.source, columns.target).iter_rows()
    if columns.kind is None:
        for source, target in ends:
            collector.add(source, target, Kind.DUPLICATE, Origin.FILE)
        return
    collector.kinds.check(_counts(frame[columns.kind]), f"{path}, column {printable_line(columns.kind)!r}")
    for (source, target), written in zip(ends, frame[columns.kind], strict=True):
        collector.add_written(source, target, written, Origin.FILE)


def _add_clusters(frame: pl.DataFrame, columns: _Columns, collector: LinkCollector) -> list[str]:
    """Link every ticket of a cluster to the cluster's first; return what there is to say."""
    clusters: dict[str, list[str]] = {}
    n_without = 0
    for name, cluster in frame.select(columns.source, columns.target).iter_rows():
        if not cluster or is_placeholder(cluster):
            n_without += 1
        elif name in collector.known:
            clusters.setdefault(cluster, []).append(name)
        else:
            collector.add(name, "", Kind.DUPLICATE, Origin.FILE)
    notes = [f"{n_without:,} tickets are in no cluster"] if n_without else []
    for cluster, members in clusters.items():
        if len(members) > LARGEST_SHARED:
            collector.ignore(len(members) - 1)
            notes.append(
                f"cluster {printable_line(cluster)} holds {len(members):,} tickets, more than "
                f"{LARGEST_SHARED}: a bucket, not used"
            )
            continue
        for member in members[1:]:
            collector.add(member, members[0], Kind.DUPLICATE, Origin.FILE)
    return notes


def _link_columns(
    frame: pl.DataFrame, known: Mapping[str, str], settings: LinkSettings, kinds: LinkKinds, path: Path
) -> _Columns:
    if settings.columns:
        return _named_columns(frame, settings.columns, known, path)
    hits = {name: _known_values(frame[name], known) for name in frame.columns}
    ids = sorted((name for name in hits if hits[name][0]), key=lambda name: hits[name], reverse=True)
    cluster = next((name for name in frame.columns if _is_cluster_name(name)), None)
    others = [name for name in ids if name != cluster]
    if cluster is not None and len(others) == 1:
        return _Columns(others[0], cluster, is_cluster=True)
    best = (others if len(others) > 1 else ids)[:2]
    if len(best) < 2:
        names = ", ".join(printable_line(name) for name in frame.columns)
        raise MappingError(
            f"{path}: no two columns hold ids of the imported tickets (columns: {names}); "
            "name them with --link-columns source,target[,kind]"
        )
    source, target = sorted(best, key=frame.columns.index)
    return _Columns(source, target, _kind_column(frame, {source, target}, kinds))


def _named_columns(
    frame: pl.DataFrame, named: tuple[str, ...], known: Mapping[str, str], path: Path
) -> _Columns:
    if len(named) not in (2, 3) or len(set(named)) < len(named):
        raise MappingError(
            f"--link-columns {','.join(named)}: give two or three different names, source,target[,kind]"
        )
    absent = [name for name in named if name not in frame.columns]
    if absent:
        names = ", ".join(printable_line(name) for name in frame.columns)
        raise MappingError(f"{path} has no column {', '.join(absent)}; it has {names}")
    if len(named) == 3:
        return _Columns(*named)
    is_cluster = _is_cluster_name(named[1]) and not _known_values(frame[named[1]], known)[0]
    return _Columns(named[0], named[1], is_cluster=is_cluster)


def _is_cluster_name(name: str) -> bool:
    return normalise_name(name) in _CLUSTER_NAMES


def _known_values(values: pl.Series, known: Mapping[str, str]) -> tuple[int, int]:
    """Return how many different tickets a column names, and in how many rows."""
    counts = {value: count for value, count in _counts(values).items() if value in known}
    return len(counts), sum(counts.values())


def _kind_column(frame: pl.DataFrame, taken: set[str], kinds: LinkKinds) -> str | None:
    """Return the column of link types: one that is called so, else one that holds known types."""
    written = {name: _counts(frame[name]) for name in frame.columns if name not in taken}
    named = [name for name, counts in written.items() if counts and is_kind_column(name)]
    if named:
        return max(named, key=lambda name: _share_known(written[name], kinds))
    return next((name for name, counts in written.items() if kinds.speaks_of_kinds(counts)), None)


def _share_known(counts: Mapping[str, int], kinds: LinkKinds) -> float:
    return sum(value in kinds for value in counts) / len(counts)


def _counts(values: pl.Series) -> Counter[str]:
    return Counter(dict(values.filter(values != "").value_counts().iter_rows()))
