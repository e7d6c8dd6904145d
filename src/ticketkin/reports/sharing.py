"""A report that may leave the house: every number and figure, and nothing that a ticket or a file is called.

Only what is known to be free of tickets is carried over, by name. What is left of free text (evidence,
warnings) is then searched for every value that stands in a column of the tickets.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from ticketkin.core.tables import Kind, Origin
from ticketkin.evaluation.schema import Report
from ticketkin.relations.gates import CONTRADICTIONS
from ticketkin.reports.material import ReportMaterial

_LEFT_OUT = "…"
# Shorter values are words such as "yes" and "P1": they name nobody, and stand in every sentence.
_SHORTEST_VALUE = 4
_PROFILE = {
    "n_tickets", "n_empty", "first_opened", "last_opened", "n_without_time", "length_tokens_median",
    "length_tokens_p95", "limit_tokens", "share_cut", "languages", "n_exact_repeats",
}  # fmt: skip
_ENCODER = {"name", "max_length_tokens", "device", "packaged"}
_RELATIONS = {
    "learned", "reason", "model", "labels_from", "counts", "told", "n_folds", "n_repeats", "results",
    "two_stage", "gates",
}  # fmt: skip
# Counts by names of Ticketkin's own, never by values of a column.
_OWN_COUNTS = ("redactions", "repairs")


def shareable(
    report: Report, material: ReportMaterial, values: Iterable[str]
) -> tuple[Report, ReportMaterial]:
    """Return report and material without texts, ids, names and values of tickets, and without file names.

    `values` are all values of the tickets' columns; where one stands in a sentence, "…" takes its place.
    """
    bare = {
        **report.model_dump(mode="json"),
        "tickets": _counts(report.tickets),
        "links": _links(report.links),
        "profile": _profile(report.profile),
        "encoder": {key: value for key, value in report.encoder.items() if key in _ENCODER},
    }
    relations = _relations(material.relations)
    parts = _without({"report": bare, "relations": relations}, values)
    return Report.model_validate(parts["report"]), replace(
        material,
        title="shared copy",
        false_alarms=(),
        misses=(),
        profile=_profile(material.profile),
        import_summary=_counts(material.import_summary),
        relations=parts["relations"],
        families=_families(material.families),
        command="ticketkin run EXPORT",
        is_shared=True,
    )


def _counts(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Return the counts of an import: no column's name, no note, no example."""
    kept = {key: value for key, value in summary.items() if isinstance(value, int | float)}
    return kept | {key: summary[key] for key in _OWN_COUNTS if isinstance(summary.get(key), Mapping)}


def _links(links: Mapping[str, Any]) -> dict[str, Any]:
    kept: dict[str, Any] = {key: value for key, value in links.items() if isinstance(value, int | float)}
    for key, known in (("by_kind", set(Kind)), ("by_origin", set(Origin))):
        kept[key] = {name: n for name, n in (links.get(key) or {}).items() if name in known}
    return kept | {"labels_from": links.get("labels_from", "unknown")}


def _relations(relations: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in relations.items() if key in _RELATIONS}
    if "gates" in kept:  # contradictions are listed with the ids of their tickets behind a colon
        kept["gates"] = [
            {**gate, "evidence": gate["evidence"].partition(": ")[0]}
            if gate["code"] == CONTRADICTIONS
            else gate
            for gate in kept["gates"]
        ]
    return kept


def _profile(profile: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in profile.items() if key in _PROFILE}
    kept |= {name: str(kept[name])[:10] for name in ("first_opened", "last_opened") if kept.get(name)}
    sizes = (profile.get("categories") or {}).values()
    return kept | {"categories": {f"category {place}": size for place, size in enumerate(sizes, 1)}}


def _families(families: Mapping[str, Any]) -> dict[str, Any]:
    """Return the families with "1", "2", … for their tickets, as they are met."""
    numbers: dict[str, str] = {}

    def number(ticket: str) -> str:
        return numbers.setdefault(ticket, str(len(numbers) + 1))

    return {
        **{key: value for key, value in families.items() if isinstance(value, int)},
        "families": [
            {
                "family": family["family"],
                "tickets": [number(ticket) for ticket in family["tickets"]],
                "duplicate_of": {number(one): number(of) for one, of in family["duplicate_of"].items()},
                **{
                    kind: [{key: number(tie[key]) for key in ("source", "target")} for tie in family[kind]]
                    for kind in ("causal", "related")
                },
                "longest_chain": [number(ticket) for ticket in family["longest_chain"]],
            }
            for family in families.get("families", ())
        ],
    }


def _without(parts: dict[str, Any], values: Iterable[str]) -> dict[str, Any]:
    """Return `parts` with "…" for each of `values` that stands in one of its sentences.

    A single word in lower case stays, and so do digits: they are Ticketkin's own words and counts.
    """
    text = "\n".join(_sentences(parts))
    beginnings = {text[at : at + _SHORTEST_VALUE] for at in range(len(text))}
    quoted = {
        value
        for value in values
        if len(value) >= _SHORTEST_VALUE
        and value[:_SHORTEST_VALUE] in beginnings
        and not (value.isalpha() and value.islower())
        and not value.isdecimal()
        and value in text
    }
    if not quoted:
        return parts
    longest_first = sorted(quoted, key=len, reverse=True)
    pattern = re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, longest_first))})(?!\w)")
    masked: dict[str, Any] = _mapped(parts, pattern)
    return masked


def _sentences(value: Any) -> Iterable[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for inner in value.values():
            yield from _sentences(inner)
    elif isinstance(value, list | tuple):
        for inner in value:
            yield from _sentences(inner)


def _mapped(value: Any, pattern: re.Pattern[str]) -> Any:
    if isinstance(value, str):
        return pattern.sub(_LEFT_OUT, value)
    if isinstance(value, Mapping):
        return {key: _mapped(inner, pattern) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_mapped(inner, pattern) for inner in value]
    return value
