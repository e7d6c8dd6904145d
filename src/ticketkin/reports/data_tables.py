"""The tables of a report about its data: tickets, links, splits, columns, redaction, threshold."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from ticketkin.core.wording import number_of, percent
from ticketkin.evaluation.recorded import (
    LeftOutKindResult,
    RecordedEncoder,
    RecordedLinks,
    RecordedProfile,
    RecordedTickets,
    SplitCounts,
)
from ticketkin.evaluation.schema import EncoderRuntime, Report
from ticketkin.reports.formatting import (
    format_count,
    format_name,
    format_share,
)
from ticketkin.reports.material import ReportMaterial
from ticketkin.tickets.account import repair_words

Row = tuple[str, str]
"""What it is, and how much of it."""

_LEFT_OUT_KEYS = ("left_out_kinds", "ignored_kinds", "unknown_kinds")

_NONE_LEFT_OUT = {
    True: "Links of every kind that was read are used.",
    False: "Kinds of links are left out of this copy, or were not recorded.",
}

_NO_THRESHOLD = "No threshold was chosen."
_MOST_PARTS = 12
_LONGEST_QUOTE = 60
# Told by the rows around them, or in tables of their own.
_LINKS_APART = ("cycles", "n_people_kin_groups", "nearness_of_file")
_TICKETS_APART = ("mapping", "redactions", "repairs", "people_keyed_by")
_ENCODER_APART = ("runtime", "tuned_as")
_TICKETS = {
    "system": "Read as an export of",
    "unused_columns": "Columns not used",
    "n_rows": "Rows of the export",
    "n_rejected": "Rows rejected (rejected.csv)",
    "n_blank": "Blank rows",
    "n_collapsed": "Later updates joined to their ticket",
    "n_duplicate_ids": "Rows that repeat a ticket",
    "rejections": "Why rows were rejected",
    "people_left_out": "People",
    "other_mappings": "Columns of other sources",
}
_LINKS = {
    "n_links": "Links used",
    "labels_from": "Made by",
    "by_origin": "Where they come from",
    "n_read": "Links read",
    "n_absent": "Naming a ticket that is not in the export",
    "n_self": "From a ticket to itself",
    "n_repeated": "Repeated",
    "n_ignored": "Of a kind that is no kinship",
    "n_rejected": "Rejected",
    "n_overruled": "Overruled by a person's answer",
    "n_reversed": "Telling another link the other way round",
    "n_cycles": "Chains of duplicates that lead back to themselves",
    "said_no": "Rows that say they are no link",
    "n_kin_groups": "Groups of duplicates",
    "n_tickets_with_kin": "Tickets with known kin",
    "review": "Answers of the review",
    "review_contradictions": "Answers that links contradict",
}
_PROFILE = {
    "n_empty": "Without any text",
    "first_opened": "First opened",
    "last_opened": "Last opened",
    "n_without_time": "Without opening time",
    "length_tokens_median": "Typical length in tokens (median)",
    "length_tokens_p95": "95 of 100 are shorter than, in tokens",
    "limit_tokens": "Tokens that the model reads",
    "share_cut": "Longer than the model reads",
    "n_exact_repeats": "Texts that repeat an earlier one",
    "templates": "Texts that stand most often",
}
_ENCODER = {
    "max_length_tokens": "Tokens that it reads",
    "device": "Executed on",
    "packaged": "Packaged with Ticketkin",
    "template": "Text that it reads",
}
_PERSONAL_DATA = {
    "ip": "IP addresses",
    "email": "E-mail addresses",
    "name": "Names",
    "phone": "Phone numbers",
}

# Where folds judge, the parts of a split give pairs and kinds alone.
_SPLITS = {True: "Splits", False: "Splits, for thresholds and kinds alone"}


def _rows(values: Mapping[str, object], names: Mapping[str, str]) -> list[Row]:
    """Return what there is to say as rows; `names` spells out keys, and what is zero or empty is left out."""
    return [
        (names.get(key, format_name(key)), text)
        for key, value in values.items()
        if (text := _text(value, names))
    ]


def _text(value: object, names: Mapping[str, str]) -> str:
    """Return a value in words, "" where there is nothing to say."""
    if isinstance(value, Mapping):
        parts = [
            f"{names.get(str(key), str(key))}: {text}"
            for key, inner in value.items()
            if (text := _text(inner, names))
        ]
        return _first(parts, ", ")
    if isinstance(value, list | tuple):
        return _first([text for inner in value if (text := _text(inner, names))], "; ")
    return "" if value is None or value in (0, "") else format_count(value)


def _first(parts: Sequence[str], between: str) -> str:
    """Return the first of many parts and how many more there are."""
    more = len(parts) - _MOST_PARTS
    return between.join(parts[:_MOST_PARTS]) + (f"{between}and {more:,} more" if more > 0 else "")


@dataclass(frozen=True)
class DataTable:
    """One table about the data."""

    title: str
    rows: list[Row]
    absent: str
    """What stands in place of an empty table."""


def data_tables(report: Report, material: ReportMaterial) -> list[DataTable]:
    """Return the tables about the data; an absent one says so."""
    left_out = report.left_out_kinds
    is_listed = left_out is not None
    return [
        DataTable("Tickets", _tickets(report.tickets), "No counts of tickets were recorded."),
        DataTable("Links", _links(report.links), "No counts of links were recorded."),
        DataTable("Kinds of links that are left out", _left_out(left_out or ()), _NONE_LEFT_OUT[is_listed]),
        DataTable(_SPLITS[report.cross_fitting is None], _splits(report.splits), "No counts were recorded."),
        DataTable(
            "Which column became which field",
            [(format_name(field), column) for field, column in report.tickets.get("mapping", {}).items()],
            "Names of columns are left out of this copy."
            if material.is_shared
            else "The mapping of columns was not recorded.",
        ),
        DataTable(
            "Personal data replaced",
            _rows(report.tickets.get("redactions", {}), _PERSONAL_DATA),
            "No personal data was recognised, or redaction was off.",
        ),
        DataTable("Texts and times", _profile(report.profile), "No profile was made."),
        DataTable("Base model", _encoder(report.encoder), "Nothing about the model was recorded."),
        DataTable(
            "What executes the models",
            [(use.encoder, _executed(use)) for use in report.runtimes],
            "It was not recorded.",
        ),
        DataTable("From which similarity on two tickets count as kin", _threshold(report), _NO_THRESHOLD),
    ]


def _tickets(tickets: RecordedTickets) -> list[Row]:
    """Return what became of the rows of the export."""
    repairs = [
        f"{repair_words(kind)}: {format_count(n)}" for kind, n in tickets.get("repairs", {}).items() if n
    ]
    rest = {key: value for key, value in tickets.items() if key not in _TICKETS_APART}
    return _rows({**rest, "repairs": repairs}, _TICKETS)


def _links(links: RecordedLinks) -> list[Row]:
    """Return what became of the links; kinds that are left out stand in a table of their own."""
    apart = _LEFT_OUT_KEYS if "left_out_kinds" in links else ()
    return _rows({key: value for key, value in links.items() if key not in (*apart, *_LINKS_APART)}, _LINKS)


def _splits(splits: Mapping[str, SplitCounts]) -> list[Row]:
    """Return each part of the split in a sentence."""
    return [
        (
            format_name(part),
            f"{number_of(counts.n_tickets, 'ticket')}, {counts.n_with_kin:,} of them with kin, in "
            f"{number_of(counts.n_kin_groups, 'group')} of duplicates",
        )
        for part, counts in splits.items()
    ]


def _profile(profile: RecordedProfile) -> list[Row]:
    """Return lengths, times, languages and templates of the texts."""
    values: dict[str, object] = dict(profile)
    if "languages" in profile:
        shares = profile["languages"].items()
        values["languages"] = ", ".join(f"{name} {percent(share, 1)}" for name, share in shares)
    if "templates" in profile:
        values["templates"] = [_quoted(text, n) for text, n in profile["templates"]]
    if "share_cut" in profile:
        values["share_cut"] = percent(profile["share_cut"], 1)
    if "length_tokens_median" in profile:
        values["length_tokens_median"] = round(profile["length_tokens_median"])
    if "length_tokens_p95" in profile:
        values["length_tokens_p95"] = round(profile["length_tokens_p95"])
    return _rows(values, _PROFILE)


def _quoted(text: str, n: int) -> str:
    end = "…" if len(text) > _LONGEST_QUOTE else ""
    return f"“{text[:_LONGEST_QUOTE]}{end}” {n:,} times"


def _encoder(encoder: RecordedEncoder) -> list[Row]:
    """Return which model it is; what executes it stands in a table of its own."""
    values: dict[str, object] = {key: value for key, value in encoder.items() if key not in _ENCODER_APART}
    if encoder.get("source_fingerprint") == encoder.get("fingerprint"):
        values.pop("source_fingerprint", None)
    return _rows(values, _ENCODER)


def _threshold(report: Report) -> list[Row]:
    """Return the threshold of the winner and what it was chosen for."""
    choice = report.candidates[report.verdict.champion].threshold_choice
    if choice is None:
        return []
    reached = "reached" if choice.reached else "no threshold reaches it; this one comes nearest"
    return [
        ("Called kin", f"from {format_share(choice.threshold)} on"),
        ("Chosen for", f"{format_name(choice.target)} of {format_share(choice.target_value)} ({reached})"),
        (
            "Chosen by F1 instead",
            f"from {format_share(choice.f1_threshold)} on; {percent(choice.f1_false_positive_rate, 1)} of "
            "the strangers would be called kin",
        ),
    ]


def _executed(use: EncoderRuntime) -> str:
    if use.judged_by == use.serves:
        return f"judged with {use.judged_by}, which answers for new tickets, too"
    return f"judged with {use.judged_by}; new tickets are answered with {use.serves}"


def _left_out(kinds: Sequence[LeftOutKindResult]) -> list[Row]:
    """Return each kind of links that is not used: why, how many links, and the option that uses them."""
    return [
        (
            kind.kind or "no kind given",
            f"{format_count(kind.n_links)} links, {kind.why}"
            + (f"; to use them: {kind.option}" if kind.option else ""),
        )
        for kind in kinds
    ]
