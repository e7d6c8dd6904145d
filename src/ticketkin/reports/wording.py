"""The first screen in plain words: what came out, by how much, and what to do next."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from ticketkin.core.wording import number_of
from ticketkin.evaluation.metric_results import Retrieval, Split
from ticketkin.evaluation.metrics import IN_FIRST_TEN, METRICS
from ticketkin.evaluation.power import is_within_reach
from ticketkin.evaluation.proof_results import Comparison
from ticketkin.evaluation.schema import Report
from ticketkin.evaluation.verdict_in_folds import CHOSEN_IN_FOLDS
from ticketkin.reports.formatting import format_gain
from ticketkin.reports.material import FEW_PAIRS, ReportMaterial
from ticketkin.training.candidates import CANDIDATES

_SYNTHETIC = (
    "These tickets are synthetic: they come from Ticketkin's built-in sample. The numbers show that the "
    "method runs from end to end, not how good it will be on your tickets."
)
_SILVER = (
    "The labels are silver and circular: no links made by people were found, or too few to judge by, so kin "
    "were guessed from similar wording. Good numbers below are no proof; only links made by people are."
)

_HELD_OUT = "They were put aside before any choice was made."
_BY_FOLDS = "Each was ranked by what had not learned from its duplicates."
_CHOSEN_ON = "Choices were made on these same tickets, so the number may flatter."
_UNMASKED = (
    "Redaction was switched off for this run: personal data and secrets stand in the texts below as people "
    "wrote them. Do not pass this report on."
)
_SHARED = (
    "A copy for passing on: it holds no text, number or name from any ticket and no name of a file. The "
    "whole report stays in the run folder."
)


@dataclass(frozen=True)
class PlainWords:
    """Of 100 tickets with known kin, how many find kin in the top 10."""

    after: int
    before: int | None
    """By the baseline; None where the champion is the baseline."""
    n_queries: int
    tickets: str
    """Which ones, such as 'held-out tickets'."""
    is_held_out: bool
    """Whether they were put aside before any choice was made."""
    how_judged: str
    """What keeps the number from flattering, or that it may flatter."""


def notices(report: Report, material: ReportMaterial) -> list[str]:
    """Return what a reader must know before any number: synthetic tickets, silver labels, bare texts."""
    is_unmasked = material.masking is not None and not material.masking.is_on and not material.is_shared
    first = [_SYNTHETIC] * (material.is_synthetic or report.synthetic)
    return [
        *first,
        *[_SILVER] * has_silver_labels(report),
        *[_UNMASKED] * is_unmasked,
        *[_SHARED] * material.is_shared,
    ]


def has_silver_labels(report: Report) -> bool:
    """Return whether kin were guessed from similar wording, in any part of the links."""
    origins = {
        scores.labels_from
        for candidate in report.candidates.values()
        for scores in (candidate.evaluation, candidate.holdout)
        if scores is not None
    }
    return "silver" in origins


def plain_words(report: Report) -> PlainWords | None:
    """Return recall@10 as tickets of 100: by folds, or on the holdout where champion and baseline have it."""
    verdict, folds = report.verdict, report.cross_fitting
    if folds is not None and folds.retrieval is not None:
        baseline = report.candidates[verdict.baseline].evaluation.retrieval
        judged = baseline if verdict.kept_baseline else folds.retrieval
        return _plain(report, judged, baseline, "tickets with known kin", _BY_FOLDS)
    splits: tuple[tuple[Split, str, str], ...] = (
        ("holdout", "held-out", _HELD_OUT),
        ("evaluation", "evaluation", _CHOSEN_ON),
    )
    for split, word, how in splits:
        champion = report.candidates[verdict.champion].on(split)
        baseline_result = report.candidates[verdict.baseline].on(split)
        if champion is not None and baseline_result is not None:
            words = _plain(report, champion.retrieval, baseline_result.retrieval, f"{word} tickets", how)
            if words is not None:
                return words
    return None


def _plain(
    report: Report, judged: Retrieval, baseline: Retrieval, tickets: str, how_judged: str
) -> PlainWords | None:
    after, before = (scores.metric(IN_FIRST_TEN.name).value for scores in (judged, baseline))
    if after is None or before is None:
        return None
    return PlainWords(
        after=round(100 * after),
        before=None if report.verdict.kept_baseline else round(100 * before),
        n_queries=judged.n_queries,
        tickets=tickets,
        is_held_out=tickets.startswith("held-out"),
        how_judged=how_judged,
    )


def few_pairs(report: Report) -> str:
    """Return what to know of ROC-AUC and F1 where they rest on few pairs, or ""."""
    n = report.candidates[report.verdict.champion].evaluation.pairs.n_positive
    if n >= FEW_PAIRS:
        return ""
    return (
        f"ROC-AUC, F1 and thresholds rest on {number_of(n, 'pair')} of kin: they show a direction, no more, "
        "and will move as links are added."
    )


def few_test_pairs(material: ReportMaterial) -> str:
    """Return what to know of figures of pairs where they rest on few, or ""."""
    n = min((int(pairs.labels.sum()) for pairs in material.pair_similarities.values()), default=FEW_PAIRS)
    return (
        ""
        if n >= FEW_PAIRS
        else f"Only {n:,} of the test pairs are kin: such figures show a direction, no more."
    )


def judging_links(report: Report, split: Split = "evaluation") -> str:
    """Return which links candidates were judged on, as tables and sentences name them."""
    return "all links, by folds" if report.cross_fitting is not None else f"{split} links"


@dataclass(frozen=True)
class GainRow:
    """A paired comparison, ready for a table."""

    challenger: str
    baseline: str
    metric: str
    """Its name in the registry."""
    split: Split
    links: str
    """Which links judged, in words."""
    gain: str
    """With its interval, as people read it: `+.031 [+.012, +.050]`."""
    value: float | None
    n: int
    """Queries."""
    n_groups: int
    sign: int
    """1 better, -1 worse, 0 could be chance."""
    doubt: str
    """Why it could be chance, or ""."""

    @property
    def parts(self) -> tuple[str, str]:
        """Return `+.031` and `+.012 and +.050`; the second "" without interval."""
        value, _, interval = self.gain.partition(" [")
        return value, interval.rstrip("]").replace(", ", " and ")


def comparison_rows(report: Report) -> list[GainRow]:
    """Return the paired comparisons as rows."""
    return [
        _gain_row(comparison, judging_links(report, comparison.split)) for comparison in report.comparisons
    ]


def _gain_row(comparison: Comparison, links: str) -> GainRow:
    gain = comparison.paired_gain()
    doubt = ""
    if not (gain.is_above_zero or gain.is_loss):
        doubt = "it holds zero, so this could be chance"
    elif not gain.is_beyond_chance:
        doubt = (
            f"{number_of(gain.n_clusters, 'kin group is', 'kin groups are')} too few to rule out chance "
            f"(p {gain.p_value:.2f})"
        )
    return GainRow(
        challenger=gain.challenger,
        baseline=gain.baseline,
        metric=gain.metric,
        split=comparison.split,
        links=links,
        gain=format_gain(gain.gain),
        value=gain.gain.value,
        n=gain.n_queries,
        n_groups=gain.n_clusters,
        sign=0 if doubt else 1 if gain.is_gain else -1,
        doubt=doubt,
    )


def headline_gain(report: Report, rows: Sequence[GainRow]) -> GainRow | None:
    """Return the row that answers "by how much": champion against baseline in MRR, holdout first.

    Where the baseline was kept, it is the challenger that came closest; where folds judged, the procedure.
    """
    verdict, primary = report.verdict, METRICS.primary.name
    if report.cross_fitting is not None:
        folds = report.cross_fitting
        chosen_on_all = folds.final.champion
        name = CHOSEN_IN_FOLDS if chosen_on_all == verdict.baseline else chosen_on_all
        return replace(_gain_row(folds.procedure, judging_links(report)), challenger=name)
    chosen = [row for row in rows if row.baseline == verdict.baseline and row.metric == primary]
    if verdict.champion != verdict.baseline:
        chosen = [row for row in chosen if row.challenger == verdict.champion]
        return min(chosen, key=lambda row: row.split != "holdout", default=None)
    measured = [row for row in chosen if row.value is not None]
    return max(measured, key=lambda row: row.value or 0.0, default=None)


def too_few(report: Report) -> bool:
    """Return whether the baseline stays only because links are too few to prove the gain that was seen."""
    verdict, power = report.verdict, report.power
    if power is None or not verdict.kept_baseline or power.is_proven:
        return False
    return is_within_reach(power.n_more_kin_groups, power.n_kin_groups)


def gain_tickets(report: Report, gain: GainRow | None) -> str:
    """Return on which tickets the headline gain was measured, in words."""
    if report.cross_fitting is not None:
        return "tickets with known kin"
    return "held-out tickets" if gain is not None and gain.split == "holdout" else "evaluation tickets"


def about(candidate: str) -> str:
    """Return what a candidate is, as the beginning of a sentence; "" for one of another version."""
    words = CANDIDATES[candidate].about if candidate in CANDIDATES else ""
    return words[:1].upper() + words[1:]


def masked_briefly(report: Report, material: ReportMaterial) -> str:
    """Return in one line what stands above the texts of tickets."""
    if material.masking is None:
        return "What was replaced in these texts was not recorded: treat them as personal data."
    if not material.masking.is_on:
        return "Redaction was switched off, so nothing was replaced: these texts are personal data."
    n_replaced = sum(report.tickets.get("redactions", {}).values())
    pieces = "of personal data and secrets"
    replaced = (
        number_of(n_replaced, f"piece {pieces} was", f"pieces {pieces} were") if n_replaced else "Nothing was"
    )
    return (
        f"{replaced} replaced in the tickets of this run. Patterns find most, never all, and names of people "
        "can still stand here; what was looked for and what was not is listed below."
    )
