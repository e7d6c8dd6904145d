"""A report that may be given to others: every number and figure, no text, id or name of a ticket or a file.

Only what is known to be free of tickets is carried over, by name. What is left of free text (evidence,
warnings) is then searched for every value that stands in a column of the tickets.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ticketkin.core.tables import Kind, Origin
from ticketkin.evaluation.schema import Report
from ticketkin.relations.families import FamiliesRecord, FamilyRecord, TieRecord
from ticketkin.relations.gates import CONTRADICTIONS
from ticketkin.relations.record import KindsLearned, KindsNotLearned, RelationRecord
from ticketkin.reports.kinds import kinds_figures
from ticketkin.reports.material import ReportMaterial
from ticketkin.reports.page_figures import PageFigure, PageFigures, inlined

_LEFT_OUT = "…"
# Shorter values are words such as "yes" and "P1": they name nobody, and stand in every sentence.
_SHORTEST_VALUE = 4
_PROFILE = {
    "n_tickets", "n_empty", "first_opened", "last_opened", "n_without_time", "length_tokens_median",
    "length_tokens_p95", "limit_tokens", "share_cut", "languages", "n_exact_repeats",
}  # fmt: skip
_ENCODER = {"name", "max_length_tokens", "device", "packaged", "code", "tuned_as"}
# Counts by names of Ticketkin's own, never by values of a column.
_OWN_COUNTS = ("redactions", "repairs")


@dataclass(frozen=True)
class SharedReport:
    """What a page for others is made of."""

    report: Report
    material: ReportMaterial
    figures: PageFigures


def shareable(
    report: Report, material: ReportMaterial, figures: PageFigures, values: Iterable[str]
) -> SharedReport:
    """Return all three without texts, ids, names and values of tickets, and without file names.

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
    families = _families(material.families)
    drawn = _figures(figures, replace(material, families=families))
    parts = _without(
        {"report": bare, "relations": _relation_sentences(relations), "figures": _figure_sentences(drawn)},
        values,
    )
    shared = replace(
        material,
        title="shared copy",
        false_alarms=(),
        misses=(),
        borderline_pairs=(),
        relations=_with_sentences(relations, parts["relations"]),
        families=families,
        n_to_review=0,
        command="ticketkin run EXPORT",
        is_shared=True,
    )
    return SharedReport(
        Report.model_validate(parts["report"]), shared, _with_figure_sentences(drawn, parts["figures"])
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


def _relations(record: RelationRecord | None) -> RelationRecord | None:
    """Return the record without the ids of contradictory pairs, and without what the page does not show."""
    if not isinstance(record, KindsLearned):
        return record
    gates = [
        # contradictions are listed with the ids of their tickets behind a colon
        replace(gate, evidence=gate.evidence.partition(": ")[0]) if gate.code == CONTRADICTIONS else gate
        for gate in record.gates
    ]
    return record.model_copy(update={"contradictions": [], "without": {}, "causes": None, "gates": gates})


def _relation_sentences(record: RelationRecord | None) -> list[str]:
    """Return what a record holds of free text, in an order that `_with_sentences` knows."""
    if record is None:
        return []
    if isinstance(record, KindsNotLearned):
        return [record.reason]
    return [*record.notes, *(text for gate in record.gates for text in (gate.evidence, gate.advice))]


def _with_sentences(record: RelationRecord | None, sentences: Sequence[str]) -> RelationRecord | None:
    """Return the record with other free text in place of `_relation_sentences`."""
    if record is None:
        return None
    rest = iter(sentences)
    if isinstance(record, KindsNotLearned):
        return KindsNotLearned(reason=next(rest))
    notes = [next(rest) for _ in record.notes]
    gates = [replace(gate, evidence=next(rest), advice=next(rest)) for gate in record.gates]
    return record.model_copy(update={"notes": notes, "gates": gates})


def _figures(figures: PageFigures, material: ReportMaterial) -> PageFigures:
    """Return the figures, those that name tickets drawn anew from `material`, which names none."""
    if not any(figure.names_tickets for figure in (*figures.proof, *figures.others)):
        return figures
    drawn = inlined([figure for figure in kinds_figures(material) if figure.names_tickets])
    anew = {figure.name: figure for figure in drawn}

    def without_tickets(named: list[PageFigure]) -> list[PageFigure]:
        return [anew[figure.name] if figure.names_tickets else figure for figure in named]

    return PageFigures(without_tickets(figures.proof), without_tickets(figures.others))


def _figure_sentences(figures: PageFigures) -> list[str]:
    """Return the words that go with figures, in an order that `_with_figure_sentences` knows."""
    shown = (*figures.proof, *figures.others)
    return [text for figure in shown for text in (figure.title, figure.explanation, figure.alt)]


def _with_figure_sentences(figures: PageFigures, sentences: Sequence[str]) -> PageFigures:
    """Return the figures with other free text in place of `_figure_sentences`."""
    rest = iter(sentences)

    def reworded(shown: list[PageFigure]) -> list[PageFigure]:
        return [replace(figure, title=next(rest), explanation=next(rest), alt=next(rest)) for figure in shown]

    return PageFigures(reworded(figures.proof), reworded(figures.others))


def _profile(profile: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: value for key, value in profile.items() if key in _PROFILE}
    kept |= {name: str(kept[name])[:10] for name in ("first_opened", "last_opened") if kept.get(name)}
    sizes = (profile.get("categories") or {}).values()
    return kept | {"categories": {f"category {place}": size for place, size in enumerate(sizes, 1)}}


def _families(families: FamiliesRecord | None) -> FamiliesRecord | None:
    """Return the families with "1", "2", … for their tickets, as they are met."""
    if families is None:
        return None
    numbers: dict[str, str] = {}

    def number(ticket: str) -> str:
        return numbers.setdefault(ticket, str(len(numbers) + 1))

    def ties(named: Iterable[TieRecord]) -> list[TieRecord]:
        return [replace(tie, source=number(tie.source), target=number(tie.target)) for tie in named]

    return replace(
        families,
        left_out=[],
        families=[
            FamilyRecord(
                family=family.family,
                tickets=[number(ticket) for ticket in family.tickets],
                duplicate_of={number(one): number(of) for one, of in family.duplicate_of.items()},
                causal=ties(family.causal),
                related=ties(family.related),
                longest_chain=[number(ticket) for ticket in family.longest_chain],
            )
            for family in families.families
        ],
    )


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
