"""What the report says of kinds of kin and of families."""

from dataclasses import dataclass

from ticketkin.core.wording import number_of
from ticketkin.relations.bands import BAND_WORDS, REPORTED_BANDS, ReportedBand
from ticketkin.relations.families import FamilyRecord
from ticketkin.relations.record import (
    ClassifierChoice,
    KindsLearned,
    KindsNotLearned,
    ReliabilityBin,
    TwoStageQuality,
)
from ticketkin.reports.check_words import CheckRow, check_row
from ticketkin.reports.drawing import ReportFigure
from ticketkin.reports.formatting import ABSENT, format_count, format_metric, format_name, format_share
from ticketkin.reports.kin_figures import family_figure, kinds_confusion_figure, reliability_figure
from ticketkin.reports.material import FEW_PAIRS, ReportMaterial

_LONGEST_TITLE = 90
_NEVER_COMPARED = 2
"""Models that stand in every record: the kept one and the majority class."""
_NOT_LEARNED = "Kinds of kin were not learned in this run."
BAND_HEADS = (
    "band",
    "from probability",
    "reported",
    "correct",
    "true pairs",
    "false alarms in 1,000 tickets",
)
"""Columns after the kind: what is reported of held-out tickets, and how much of it is right."""


def kinds_figures(material: ReportMaterial) -> list[ReportFigure]:
    """Return the figures of kinds and families for which there is something to draw."""
    drawn = []
    learned = material.relations
    if isinstance(learned, KindsLearned):
        drawn.append(kinds_confusion_figure(learned.kept.counts, learned.kept.confusion))
        drawn.append(reliability_figure(_of_kinds_present(learned)))
    if material.families is not None and material.families.families:
        drawn.append(family_figure(material.families.families))
    return drawn


def _of_kinds_present(learned: KindsLearned) -> dict[str, list[ReliabilityBin]]:
    return {kind: bins for kind, bins in learned.kept.reliability.items() if learned.kept.counts.get(kind)}


def kinds_absent(material: ReportMaterial) -> str:
    """Return why there is nothing to say of kinds."""
    record = material.relations
    if isinstance(record, KindsNotLearned):
        return f"Kinds of kin were not learned: {record.reason}."
    return _NOT_LEARNED


@dataclass(frozen=True)
class KindRow:
    """How well one kind is told from the others."""

    kind: str
    n: str
    precision: str
    recall: str
    f1: str


@dataclass(frozen=True)
class CellRow:
    """A row of a table: what it is of, then each column's head with the cell under it."""

    name: str
    cells: list[tuple[str, str]]


@dataclass(frozen=True)
class KindsSection:
    """What the section on kinds shows."""

    counts: str
    notes: list[str]
    folds: str
    chosen: str
    """Which classifier was chosen, and on what; "" where the settings name it."""
    choice: list[CellRow]
    compared: list[CellRow]
    """The kept model beside those it was compared with; empty where it was compared with none."""
    without: list[CellRow]
    """The kept classifier without each group of features; empty where that was not asked for."""
    macro: str
    rows: list[KindRow]
    n_queries: str
    set_on: str
    """On how many pairs the thresholds were set."""
    band_heads: tuple[str, ...]
    bands: list[CellRow]
    gates: list[CheckRow]


@dataclass(frozen=True)
class FamiliesTable:
    """The largest families."""

    summary: str
    rows: list[CellRow]


def kinds_section(material: ReportMaterial) -> KindsSection | None:
    """Return what the section on kinds shows, or None where no kinds were learned."""
    learned = material.relations
    if not isinstance(learned, KindsLearned):
        return None
    two_stage = learned.two_stage
    counts = ", ".join(f"{format_count(n)} {kind}" for kind, n in learned.counts.items() if n)
    return KindsSection(
        counts=f"Pairs whose kind people stated: {counts} (the last sampled to go with them)",
        notes=learned.notes,
        folds=_folds(learned),
        chosen="" if learned.choice is None else _chosen(learned.choice),
        choice=[] if learned.choice is None else _choice_rows(learned.choice),
        compared=_compared_rows(learned),
        without=_without_rows(learned),
        macro=format_metric(learned.kept.macro_f1),
        rows=[
            KindRow(
                kind=kind,
                n=format_count(quality.n),
                precision=format_metric(quality.precision),
                recall=format_metric(quality.recall),
                f1=format_metric(quality.f1),
            )
            for kind, quality in learned.kept.by_kind.items()
            if quality.n
        ],
        n_queries=number_of(two_stage.holdout.n_queries, "held-out ticket"),
        set_on=bands_words(two_stage),
        band_heads=BAND_HEADS,
        bands=[
            CellRow(kind, _band_cells(two_stage, kind, band))
            for kind in two_stage.holdout.by_kind
            if learned.counts.get(kind)
            for band in REPORTED_BANDS
        ],
        gates=[check_row(gate) for gate in learned.gates],
    )


def _folds(learned: KindsLearned) -> str:
    name = format_name(learned.model)
    if learned.choice is not None:
        return f"{number_of(learned.n_folds, 'fold')}, the classifier chosen anew in each; kept: {name}"
    return f"{learned.n_repeats} times {number_of(learned.n_folds, 'fold')}, {name}"


def _chosen(choice: ClassifierChoice) -> str:
    pairs = number_of(choice.n_pairs, "training pair")
    return (
        f"{format_name(choice.chosen)} was chosen on {number_of(choice.n_folds, 'fold')} of {pairs}, in "
        "which frequent kinds are thinned; the spread is the standard deviation over the folds."
    )


def _choice_rows(choice: ClassifierChoice) -> list[CellRow]:
    """Return the F1 of every classifier on the folds that chose."""
    n_folds = sum(choice.in_folds.values())
    return [
        CellRow(
            format_name(name),
            [
                ("macro F1", f"{score.macro_f1:.3f}"),
                ("spread", f"{score.spread:.3f}"),
                *((f"F1 {kind}", f"{value:.3f}") for kind, value in score.f1.items()),
                ("chosen in folds", f"{choice.in_folds.get(name, 0)} of {n_folds}"),
            ],
        )
        for name, score in choice.scores.items()
    ]


def _compared_rows(learned: KindsLearned) -> list[CellRow]:
    """Return the quality of every model on the same folds; nothing where none was compared."""
    if len(learned.results) <= _NEVER_COMPARED:
        return []
    return [
        CellRow(
            f"{format_name(name)} (kept)" if quality is learned.kept else format_name(name),
            [
                ("macro F1", format_metric(quality.macro_f1)),
                *((f"F1 {kind}", format_metric(one.f1)) for kind, one in quality.by_kind.items() if one.n),
                ("Brier score", format_metric(quality.brier)),
            ],
        )
        for name, quality in learned.results.items()
    ]


def _without_rows(learned: KindsLearned) -> list[CellRow]:
    """Return the macro F1 of the kept classifier without each group of features, and with all of them."""
    if not learned.without:
        return []
    named = {"all features": learned.results[learned.model].macro_f1}
    named |= {f"without {group}": macro for group, macro in learned.without.items()}
    return [CellRow(name, [("macro F1", format_metric(macro))]) for name, macro in named.items()]


def _band_cells(two_stage: TwoStageQuality, kind: str, band: ReportedBand) -> list[tuple[str, str]]:
    quality, threshold = two_stage.holdout.of(kind, band), two_stage.bands.threshold(kind, band)
    false_alarms = f"{quality.false_alarms_per_1000_tickets:.1f}"
    cells = (
        BAND_WORDS[band],
        "never" if threshold is None else format_share(threshold, 2),
        *map(format_count, (quality.n_reported, quality.n_right, quality.n_true)),
        ABSENT if threshold is None else false_alarms,
    )
    return list(zip(BAND_HEADS, cells, strict=True))


def bands_words(two_stage: TwoStageQuality) -> str:
    """Return on how many linked pairs the thresholds of the bands were set, with a caution where few."""
    setting = two_stage.evaluation
    linked = {kind: bands["say"].n_true for kind, bands in setting.by_kind.items() if bands["say"].n_true}
    if not linked:
        return "No linked pair was there to set the thresholds on."
    counts = ", ".join(f"{format_count(n)} {kind}" for kind, n in linked.items())
    few = [kind for kind, n in linked.items() if n < FEW_PAIRS]
    caution = f"; {' and '.join(few)}: so few that the thresholds will move as links are added" if few else ""
    return f"The thresholds were set on other tickets, with {counts} pairs that people linked{caution}."


def family_name(family: FamilyRecord) -> str:
    """Return its number and, where it is known, the title that it is called by."""
    title = family.title[:_LONGEST_TITLE] + "…" * (len(family.title) > _LONGEST_TITLE)
    return f"{family.family}. {title}" if title else str(family.family)


def largest_families(material: ReportMaterial) -> FamiliesTable | None:
    """Return the table of the largest families, or None where no link joins two tickets."""
    families = material.families
    if families is None or not families.families:
        return None
    return FamiliesTable(
        summary=f"{format_count(families.n_families)} families over {format_count(families.n_tickets)} "
        "tickets; all of them lie in families/ as CSV, JSON and GraphML.",
        rows=[
            CellRow(
                family_name(family),
                [
                    ("tickets", format_count(len(family.tickets))),
                    ("duplicates", format_count(len(family.duplicate_of))),
                    ("related", format_count(len(family.related))),
                    ("causal", format_count(len(family.causal))),
                    ("longest chain", " → ".join(family.longest_chain) or ABSENT),
                ],
            )
            for family in families.families
        ],
    )
