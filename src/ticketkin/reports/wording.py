"""The first screen in plain words: what came out, by how much, and what to do next."""

from collections.abc import Sequence
from dataclasses import dataclass

from ticketkin.evaluation.metrics import IN_FIRST_TEN, METRICS, NumberFormat
from ticketkin.evaluation.schema import Comparison, Report, Split
from ticketkin.reports.formatting import format_gain
from ticketkin.reports.material import ReportMaterial

_SYNTHETIC = (
    "These tickets are synthetic: they come from Ticketkin's built-in sample. The numbers show that the "
    "method runs from end to end, not how good it will be on your tickets."
)
_SILVER = (
    "The labels are silver and circular: no links made by people were found, or too few to judge by, so kin "
    "were guessed from similar wording. Good numbers below are no proof; only links made by people are."
)


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
    """Of 100 held-out tickets, how many find kin in the top 10."""

    after: int
    before: int | None
    """By the baseline; None where the champion is the baseline."""
    n_queries: int
    links: str
    """'held-out' if counted on the holdout, else 'evaluation'."""


def notices(report: Report, material: ReportMaterial) -> list[str]:
    """Return what a reader must know before any number: synthetic tickets, silver labels, bare texts."""
    is_unmasked = material.masking is not None and not material.masking.is_on and not material.is_shared
    first = [_SYNTHETIC] * (material.is_synthetic or report.synthetic)
    return [*first, *_silver(report), *[_UNMASKED] * is_unmasked, *[_SHARED] * material.is_shared]


def _silver(report: Report) -> list[str]:
    origins = {
        scores.labels_from
        for candidate in report.candidates.values()
        for scores in (candidate.evaluation, candidate.holdout)
        if scores is not None
    }
    return [_SILVER] * ("silver" in origins)


def plain_words(report: Report) -> PlainWords | None:
    """Return recall@10 as tickets of 100, on the holdout where champion and baseline have it."""
    verdict = report.verdict
    splits: tuple[tuple[Split, str], ...] = (("holdout", "held-out"), ("evaluation", "evaluation"))
    for split, words in splits:
        champion = report.candidates[verdict.champion].on(split)
        baseline = report.candidates[verdict.baseline].on(split)
        if champion is None or baseline is None:
            continue
        after, before = (scores.metric(IN_FIRST_TEN.name).value for scores in (champion, baseline))
        if after is not None and before is not None:
            return PlainWords(
                after=round(100 * after),
                before=None if verdict.kept_baseline else round(100 * before),
                n_queries=champion.retrieval.n_queries,
                links=words,
            )
    return None


@dataclass(frozen=True)
class GainRow:
    """A paired comparison, ready for a table."""

    challenger: str
    baseline: str
    metric: str
    """Its name in the registry."""
    split: Split
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
    return [_gain_row(comparison) for comparison in report.comparisons]


def _gain_row(comparison: Comparison) -> GainRow:
    gain, definition = comparison.paired_gain(), METRICS.get(comparison.metric)
    number_format = NumberFormat.SHARE if definition is None else definition.format
    doubt = ""
    if not (gain.is_above_zero or gain.is_loss):
        doubt = "it holds zero, so this could be chance"
    elif not gain.is_beyond_chance:
        doubt = f"{gain.n_clusters:,} kin groups are too few to rule out chance (p {gain.p_value:.2f})"
    return GainRow(
        challenger=gain.challenger,
        baseline=gain.baseline,
        metric=gain.metric,
        split=comparison.split,
        gain=format_gain(gain.gain, number_format),
        value=gain.gain.value,
        n=gain.n_queries,
        n_groups=gain.n_clusters,
        sign=0 if doubt else 1 if gain.is_gain else -1,
        doubt=doubt,
    )


def headline_gain(report: Report, rows: Sequence[GainRow]) -> GainRow | None:
    """Return the row that answers "by how much": champion against baseline in MRR, holdout first.

    Where the baseline was kept, it is the challenger that came closest.
    """
    verdict, primary = report.verdict, METRICS.primary.name
    chosen = [row for row in rows if row.baseline == verdict.baseline and row.metric == primary]
    if verdict.champion != verdict.baseline:
        chosen = [row for row in chosen if row.challenger == verdict.champion]
        return min(chosen, key=lambda row: row.split != "holdout", default=None)
    measured = [row for row in chosen if row.value is not None]
    return max(measured, key=lambda row: row.value or 0.0, default=None)


def next_steps(report: Report, is_synthetic: bool, n_examples: int, n_to_review: int = 0) -> list[str]:
    """Return what to do next, most useful first; `n_to_review` pairs wait in to_review.csv."""
    verdict = report.verdict
    if is_synthetic:
        return [
            "Run it on your own export: ticketkin run incidents.csv",
            "If people marked duplicates in another file, add it with --links FILE: more links make a "
            "better model and a surer answer.",
        ]
    steps = []
    if n_to_review and verdict.answer != "yes":
        steps.append(
            f"Judge the {n_to_review:,} pairs in to_review.csv, which lies beside this report: fill in the "
            "column kind, leave it empty where you are not sure. Then: ticketkin run FOLDER --reviewed "
            "FOLDER/to_review.csv, where FOLDER is the folder of this report."
        )
    if _silver(report):
        steps.append(
            "Get links made by people (duplicate-of, parent, problem) and give them with --links FILE."
        )
    if verdict.answer == "unproven":
        steps.append(f"Until then rank with {verdict.champion}, which learns from no links.")
    elif verdict.kept_baseline:
        steps.append(
            f"Keep using {verdict.baseline}. To try again, add links: a few hundred kin groups are often "
            "what tuning lacks."
        )
    else:
        steps.append(
            "Use the winner: model/ loads with SentenceTransformer; ranking/ holds the learned ranking where "
            "that won."
        )
    if n_examples:
        steps.append(
            "Read the worst mistakes below with someone from the desk: some 'false alarms' may be kin that "
            "nobody linked."
        )
    if report.warnings:
        steps.append("Go through the warnings below before you rely on the numbers.")
    return steps


def masked_briefly(material: ReportMaterial) -> str:
    """Return in one line what stands above the texts of tickets."""
    if material.masking is None:
        return "What was replaced in these texts was not recorded: treat them as personal data."
    if not material.masking.is_on:
        return "Redaction was switched off, so nothing was replaced: these texts are personal data."
    redactions = material.import_summary.get("redactions") or {}
    n_replaced = sum(count for count in redactions.values() if isinstance(count, int))
    replaced = f"{n_replaced:,} pieces of personal data and secrets were" if n_replaced else "Nothing was"
    return (
        f"{replaced} replaced in the tickets of this run. Patterns find most, never all, and names of people "
        "can still stand here; what was looked for and what was not is listed below."
    )
