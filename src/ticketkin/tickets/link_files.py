"""Files of links: two columns of ticket ids, mostly with a kind; or tickets and the cluster each is in."""

from pathlib import Path

import polars as pl

from ticketkin.core.tables import Kind, Origin, Tickets
from ticketkin.core.wording import number_of
from ticketkin.tickets.cleaning import is_placeholder
from ticketkin.tickets.file_words import FileWords
from ticketkin.tickets.link_file_columns import LinkColumns, link_columns, value_counts
from ticketkin.tickets.link_kinds import LinkKinds, says_kin
from ticketkin.tickets.link_result import LinkResult
from ticketkin.tickets.links import LARGEST_SHARED, MASKING, LinkCollector, known_references
from ticketkin.tickets.reading import read_table
from ticketkin.tickets.redaction import Redactor
from ticketkin.tickets.settings import LinkSettings

# What clustering programs write for "in no cluster".
_NO_CLUSTER = {"-1", "-1.0"}


def links_from_file(
    path: Path, tickets: Tickets, settings: LinkSettings, redactor: Redactor | None = MASKING
) -> LinkResult:
    """Return the links of a file: any two id columns, optionally a kind or a label; or an id and its cluster.

    Without `settings.columns` the two columns that name most tickets are taken. Where their names state a
    direction or a kind (master and duplicate, effect and cause, id and related_to) it holds, else links go in
    file order. A column that says yes or no of each pair (label, is_duplicate) chooses the links. Links of an
    unknown kind are left out and counted. Tickets of one cluster are duplicates of its first. What is told
    of the file is masked by `redactor`. Raises UnreadableFileError for a damaged file, MappingError where no
    two columns hold ticket ids, where no kind is a known one, or where a column only grades the pairs.
    """
    table = read_table(path)
    known = known_references(tickets)
    words = FileWords(redactor)
    kinds = LinkKinds(settings)
    frame = table.frame.with_columns(pl.all().fill_null("").str.strip_chars())
    notes = [words.shown(note if path.name in note else f"{path.name}: {note}") for note in table.notes]
    if not settings.columns and any(name.strip() in known for name in frame.columns):
        frame = _with_header_as_row(frame)
        notes.append(f"{path.name}: no header line; the first line was read as a link")
    columns = link_columns(frame, known, settings, kinds, path, words.shown)
    collector = LinkCollector(known, kinds, words)
    collector.reject(len(table.rejected))
    notes.insert(0, f"{path.name}: {columns.described(words.shown)}")
    if columns.unused:
        notes.append(f"{path.name}: columns not used: {', '.join(map(words.shown, columns.unused))}")
    if table.rejected:
        row, reason = table.rejected[0]
        notes.append(f"{path.name}: row {row:,}: {words.shown(reason)}")
    if columns.is_cluster:
        notes += _add_clusters(frame, columns, collector)
    else:
        _add_links(frame, columns, collector, path)
    return collector.result(notes)


def _with_header_as_row(frame: pl.DataFrame) -> pl.DataFrame:
    names = [f"column {place}" for place in range(1, frame.width + 1)]
    first = pl.DataFrame([frame.columns], schema=dict.fromkeys(names, pl.String), orient="row")
    return pl.concat([first, frame.rename(dict(zip(frame.columns, names, strict=True)))])


def _add_links(frame: pl.DataFrame, columns: LinkColumns, collector: LinkCollector, path: Path) -> None:
    if columns.label is not None:
        frame = _labelled(frame, columns.label, collector)
    if columns.kind is not None:
        where = f"{path}, column {collector.words.shown(columns.kind)!r}"
        collector.kinds.check(value_counts(frame[columns.kind]), where, collector.words.shown)
        types = frame[columns.kind].to_list()
    else:
        types = [columns.word or Kind.DUPLICATE.value] * frame.height
    ends = frame.select(columns.source, columns.target).iter_rows()
    for (source, target), written in zip(ends, types, strict=True):
        kind, _ = collector.kinds.kind(written)
        if kind is not None and kind is columns.directed:
            collector.add(source, target, kind, Origin.FILE)
        else:
            collector.add_written(source, target, written, Origin.FILE)


def _labelled(frame: pl.DataFrame, label: str, collector: LinkCollector) -> pl.DataFrame:
    """Return the rows whose label says yes; the others are counted as left out."""
    answers = pl.Series([bool(written) and says_kin(written) is True for written in frame[label]])
    for written, count in frame.filter(~answers)[label].value_counts().iter_rows():
        collector.ignore(count, f"{label} {written or '(empty)'}")
    return frame.filter(answers)


def _add_clusters(frame: pl.DataFrame, columns: LinkColumns, collector: LinkCollector) -> list[str]:
    """Link every ticket of a cluster to the cluster's first; return what there is to say."""
    clusters: dict[str, list[str]] = {}
    n_without = 0
    for name, cluster in frame.select(columns.source, columns.target).iter_rows():
        if not cluster or is_placeholder(cluster) or cluster in _NO_CLUSTER:
            n_without += 1
        elif name in collector.known:
            clusters.setdefault(cluster, []).append(name)
        else:
            collector.add(name, "", Kind.DUPLICATE, Origin.FILE)
    notes = [f"{number_of(n_without, 'ticket is', 'tickets are')} in no cluster"] if n_without else []
    for cluster, members in clusters.items():
        if len(members) > LARGEST_SHARED:
            collector.ignore(len(members) - 1)
            notes.append(
                f"cluster {collector.words.shown(cluster)} holds {number_of(len(members), 'ticket')}, more "
                f"than {LARGEST_SHARED}: a bucket, not used"
            )
            continue
        for member in members[1:]:
            collector.add(member, members[0], Kind.DUPLICATE, Origin.FILE)
    return notes
