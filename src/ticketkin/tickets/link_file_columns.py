"""Which columns of a file of links are what: ids, direction, kinds, labels that say yes or no, clusters."""

import re
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl

from ticketkin.core.errors import MappingError
from ticketkin.core.tables import Kind
from ticketkin.core.wording import number_of
from ticketkin.tickets.link_ends import direction, end_columns, is_running_number
from ticketkin.tickets.link_kinds import LinkKinds, is_kind_column, says_kin
from ticketkin.tickets.mapping import normalise_name
from ticketkin.tickets.settings import LinkSettings

_CLUSTER_NAMES = {
    "cluster", "cluster_id", "clusterid", "cluster_nr", "group", "group_id", "duplicate_group",
    "duplicate_group_id", "kin_group", "family", "family_id", "gruppe", "gruppen_id", "gruppe_id",
    "groupe", "groupe_id", "id_groupe", "grupo", "grupo_id", "id_grupo",
}  # fmt: skip
_LABEL_NAMES = {
    "label", "labels", "is_duplicate", "isduplicate", "duplicate", "duplicated", "dup", "is_dup", "is_dupe",
    "dupe", "match", "is_match", "matched", "same", "is_same", "kin", "is_kin", "verdict", "decision",
    "judgement", "judgment", "answer", "correct", "confirmed", "is_link", "linked", "is_linked",
    "duplikat", "ist_duplikat", "doublon", "est_doublon", "duplicado", "es_duplicado",
}  # fmt: skip
_SCORE_NAMES = {
    "score", "similarity", "sim", "cosine", "probability", "prob", "confidence", "certainty", "distance",
    "ahnlichkeit", "wahrscheinlichkeit", "similarite", "probabilite", "similitud", "probabilidad",
}  # fmt: skip
_MOST_LISTED = 6
_NUMBER = re.compile(r"[+-]?\d*[.,]?\d+(?:[eE][+-]?\d+)?")


@dataclass(frozen=True)
class LinkColumns:
    """What the columns of a file of links are; links go from `source` to `target`."""

    source: str
    target: str
    kind: str | None = None
    """The column of link types."""
    label: str | None = None
    """A column that says of each pair whether it is a link."""
    word: str | None = None
    """The link type of every row, where the names of the columns state one."""
    directed: Kind | None = None
    """Links of this kind go from `source` to `target`, as the columns are called, however it is written."""
    is_cluster: bool = False
    """True where `target` names the cluster of the ticket `source`."""
    unused: list[str] = field(default_factory=list)

    def described(self, shown: Callable[[str], str]) -> str:
        """Return in words what each column is taken for."""
        if self.is_cluster:
            return f"tickets {shown(self.source)}, clusters {shown(self.target)}"
        if self.kind:
            kind = f"kind {shown(self.kind)}"
        elif self.word:
            kind = f"every row {self.word!r}, as the columns are called"
        else:
            kind = "each a duplicate, as no column tells kinds"
        label = f", links where {shown(self.label)} says yes" if self.label else ""
        return f"{shown(self.source)} -> {shown(self.target)}, {kind}{label}"


def link_columns(
    frame: pl.DataFrame,
    known: Mapping[str, str],
    settings: LinkSettings,
    kinds: LinkKinds,
    path: Path,
    shown: Callable[[str], str],
) -> LinkColumns:
    """Return what the columns of a file of links are.

    Raises MappingError where no two columns hold ids of tickets, and where a column of scores leaves open
    which rows are links.
    """
    names = ", ".join(map(shown, frame.columns))
    if settings.columns:
        return _named_columns(frame, settings.columns, known, path, names)
    cluster = next((name for name in frame.columns if _is_cluster_name(name)), None)
    ends = end_columns(frame, [name for name in frame.columns if name != cluster], known, kinds)
    if cluster is not None and (ends is None or not ends.is_sure):
        member = _fullest(frame, known, without=cluster)
        if member is not None:
            return LinkColumns(member, cluster, is_cluster=True)
    if ends is None:
        ends = end_columns(frame, frame.columns, known, kinds)
    if ends is None:
        raise MappingError(
            f"{path}: no two columns hold ids of the imported tickets ({_seen(frame, known, shown)}). Name "
            "the two with --link-columns source,target[,kind], or export the tickets they name, too"
        )
    return _recognised(frame, (ends.left, ends.right), kinds, path, shown)


def _fullest(frame: pl.DataFrame, known: Mapping[str, str], without: str) -> str | None:
    """Return the column that names most tickets, None where none names any."""
    names = [name for name in frame.columns if name != without]
    best = max(names, key=lambda name: _naming(frame[name], known), default=None)
    return best if best is not None and known_values(frame[best], known)[0] else None


def _naming(values: pl.Series, known: Mapping[str, str]) -> tuple[bool, bool, tuple[int, int]]:
    n_named = known_values(values, known)
    return n_named[0] > 0, not is_running_number(values), n_named


def _seen(frame: pl.DataFrame, known: Mapping[str, str], shown: Callable[[str], str]) -> str:
    """Return how many values of each column are ids of tickets, with examples of both."""
    seen = []
    for name in frame.columns[:_MOST_LISTED]:
        counts = value_counts(frame[name])
        n_known, _ = known_values(frame[name], known)
        example = f", e.g. {shown(frame[name].filter(frame[name] != '')[0])!r}" if counts else ""
        seen.append(f"{shown(name)}: {n_known:,} of {number_of(len(counts), 'value')}{example}")
    more = (
        f"; and {number_of(frame.width - _MOST_LISTED, 'more column')}" if frame.width > _MOST_LISTED else ""
    )
    tickets = next(iter(known.values()), None)
    called = "" if tickets is None else f"; tickets are called e.g. {shown(tickets)!r}"
    return f"{'; '.join(seen)}{more}{called}"


def known_values(values: pl.Series, known: Mapping[str, str]) -> tuple[int, int]:
    """Return how many different tickets a column names, and in how many rows."""
    counts = {value: count for value, count in value_counts(values).items() if value in known}
    return len(counts), sum(counts.values())


def value_counts(values: pl.Series) -> Counter[str]:
    """Return how often each value stands in a column; empty cells are left out."""
    return Counter(dict(values.filter(values != "").value_counts().iter_rows()))


def _recognised(
    frame: pl.DataFrame, ends: tuple[str, str], kinds: LinkKinds, path: Path, shown: Callable[[str], str]
) -> LinkColumns:
    rest = {name: value_counts(frame[name]) for name in frame.columns if name not in ends}
    label = next((name for name, counts in rest.items() if _is_label(name, counts)), None)
    kind = _kind_column({name: counts for name, counts in rest.items() if name != label}, kinds)
    way = direction(*ends, kinds)
    if label is None and kind is None:
        _refuse_scores(rest, path, shown)
    return LinkColumns(
        way.source,
        way.target,
        kind=kind,
        label=label,
        word=None if kind else way.word,
        directed=way.kind,
        unused=[name for name in rest if name not in (label, kind) and rest[name]],
    )


def _is_label(name: str, counts: Mapping[str, int]) -> bool:
    return normalise_name(name) in _LABEL_NAMES and bool(counts) and None not in map(says_kin, counts)


def _refuse_scores(columns: Mapping[str, Mapping[str, int]], path: Path, shown: Callable[[str], str]) -> None:
    """Raise MappingError for a column that grades pairs: only the user knows from where on they are kin."""
    for name, counts in columns.items():
        graded = normalise_name(name) in _SCORE_NAMES | _LABEL_NAMES
        if graded and counts and all(_NUMBER.fullmatch(value) for value in counts):
            raise MappingError(
                f"{path}: the column {shown(name)!r} grades the pairs by numbers, and nothing says which of "
                "them are links. Leave those in the file, and name its columns: --link-columns source,target"
            )


def _named_columns(
    frame: pl.DataFrame, named: tuple[str, ...], known: Mapping[str, str], path: Path, names: str
) -> LinkColumns:
    if len(named) not in (2, 3) or len(set(named)) < len(named):
        raise MappingError(
            f"--link-columns {','.join(named)}: give two or three different names, source,target[,kind]"
        )
    absent = [name for name in named if name not in frame.columns]
    if absent:
        raise MappingError(f"{path} has no column {', '.join(absent)}; it has {names}")
    if len(named) == 3:
        counts = value_counts(frame[named[2]])
        is_label = bool(counts) and None not in map(says_kin, counts)
        return LinkColumns(*named[:2], label=named[2]) if is_label else LinkColumns(*named)
    is_cluster = _is_cluster_name(named[1]) and not known_values(frame[named[1]], known)[0]
    return LinkColumns(named[0], named[1], is_cluster=is_cluster)


def _is_cluster_name(name: str) -> bool:
    return normalise_name(name) in _CLUSTER_NAMES


def _kind_column(written: Mapping[str, Mapping[str, int]], kinds: LinkKinds) -> str | None:
    """Return the column of link types: one that is called so, else one that holds known types."""
    named = [name for name, counts in written.items() if counts and is_kind_column(name)]
    if named:
        return max(named, key=lambda name: _share_known(written[name], kinds))
    return next((name for name, counts in written.items() if kinds.speaks_of_kinds(counts)), None)


def _share_known(counts: Mapping[str, int], kinds: LinkKinds) -> float:
    return sum(value in kinds for value in counts) / len(counts)
