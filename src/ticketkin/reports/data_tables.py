"""The tables of a report about its data: tickets, links, splits, columns, redaction, threshold."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from ticketkin.evaluation.schema import EncoderRuntime, LeftOutKindResult, Report
from ticketkin.reports.formatting import (
    format_count,
    format_name,
)
from ticketkin.reports.material import ReportMaterial

_LEFT_OUT_KEYS = ("left_out_kinds", "ignored_kinds", "unknown_kinds")

_NONE_LEFT_OUT = {
    True: "Links of every kind that was read are used.",
    False: "Kinds of links are left out of this copy, or were not recorded.",
}

# Where folds judge, the parts of a split give pairs and kinds alone.
_SPLITS = {True: "Splits", False: "Splits, for thresholds and kinds alone"}


def _flat(values: Mapping[str, object] | None, named: bool = True) -> list[tuple[str, str]]:
    """Return plain values and one level of counts as (name, text) rows; `named` spells out the keys."""
    rows = []
    for key, value in (values or {}).items():
        if isinstance(value, Mapping):
            text = ", ".join(f"{k}: {format_count(v)}" for k, v in list(value.items())[:12]) or "none"
        elif isinstance(value, list | tuple):
            text = ", ".join(format_count(v) for v in value[:12]) or "none"
        else:
            text = format_count(value)
        rows.append((format_name(str(key)) if named else str(key), text))
    return rows


@dataclass(frozen=True)
class DataTable:
    """One table about the data."""

    title: str
    rows: list[tuple[str, str]]
    absent: str
    """What stands in place of an empty table."""


def data_tables(report: Report, material: ReportMaterial) -> list[DataTable]:
    """Return the tables about the data; an absent one says so."""
    choice = report.candidates[report.verdict.champion].threshold_choice
    summary = dict(report.tickets)
    mapping = summary.pop("mapping", {})
    redactions = summary.pop("redactions", {})
    left_out = report.left_out_kinds
    is_listed = left_out is not None
    apart = _LEFT_OUT_KEYS if is_listed else ()
    links = {key: value for key, value in report.links.items() if key not in apart}
    return [
        DataTable("Tickets", _flat(report.tickets), "No counts of tickets were recorded."),
        DataTable("Links", _flat(links), "No counts of links were recorded."),
        DataTable("Kinds of links that are left out", _left_out(left_out or ()), _NONE_LEFT_OUT[is_listed]),
        DataTable(_SPLITS[report.cross_fitting is None], _flat(report.splits), "No counts were recorded."),
        DataTable(
            "Which column became which field",
            _flat(mapping, named=False),
            "Names of columns are left out of this copy."
            if material.is_shared
            else "The mapping of columns was not recorded.",
        ),
        DataTable(
            "Personal data replaced",
            _flat(redactions),
            "No personal data was recognised, or redaction was off.",
        ),
        DataTable("Import: repaired and rejected", _flat(summary), "The import left no summary."),
        DataTable("Profile", _flat(report.profile), "No profile was made."),
        DataTable("Untouched model", _flat(report.encoder), "Nothing about the model was recorded."),
        DataTable(
            "What executes the models",
            [(use.encoder, _executed(use)) for use in report.runtimes],
            "It was not recorded.",
        ),
        DataTable(
            "Threshold of the winner",
            _flat(None if choice is None else asdict(choice)),
            "No threshold was chosen.",
        ),
    ]


def _executed(use: EncoderRuntime) -> str:
    if use.judged_by == use.serves:
        return f"judged with {use.judged_by}, which answers for new tickets, too"
    return f"judged with {use.judged_by}; new tickets are answered with {use.serves}"


def _left_out(kinds: Sequence[LeftOutKindResult]) -> list[tuple[str, str]]:
    """Return each kind of links that is not used: why, how many links, and the option that uses them."""
    return [
        (
            kind.kind or "no kind given",
            f"{format_count(kind.n_links)} links, {kind.why}"
            + (f"; to use them: {kind.option}" if kind.option else ""),
        )
        for kind in kinds
    ]
