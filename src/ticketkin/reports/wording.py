"""The first screen in plain words: what came out, by how much, and what to do next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ticketkin.evaluation.bootstrap import PairedGain
from ticketkin.reports.formatting import format_gain
from ticketkin.reports.material import ReportMaterial

_SYNTHETIC = (
    "These tickets are synthetic: they come from Ticketkin's built-in sample. The numbers show that the "
    "way works, not how good it will be on your tickets."
)
_SILVER = (
    "The labels are silver and circular: no links made by people were found, so kin were guessed from "
    "similar wording. Good numbers below are no proof; only links made by people are."
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


def notices(report: Mapping[str, Any], material: ReportMaterial) -> list[str]:
    """Return what a reader must know before any number: synthetic tickets, silver labels, bare texts."""
    is_unmasked = material.masking is not None and not material.masking.is_on and not material.is_shared
    first = [_SYNTHETIC] * (material.is_synthetic or bool(report.get("synthetic")))
    return [*first, *_silver(report), *[_UNMASKED] * is_unmasked, *[_SHARED] * material.is_shared]


def _silver(report: Mapping[str, Any]) -> list[str]:
    origins = {
        scores["labels_from"]
        for candidate in report.get("candidates", {}).values()
        for scores in (candidate.get("evaluation"), candidate.get("holdout"))
        if scores and "labels_from" in scores
    }
    return [_SILVER] * ("silver" in origins)


def metric(report: Mapping[str, Any], candidate: str, links: str, part: str, name: str) -> Any:
    """Return one metric ({value, low, high}) or count of a candidate, or None where it is absent."""
    scores = (report.get("candidates", {}).get(candidate) or {}).get(links) or {}
    return (scores.get(part) or {}).get(name)


def plain_words(report: Mapping[str, Any]) -> PlainWords | None:
    """Return recall@10 as tickets of 100, on the holdout where champion and baseline have it."""
    champion, baseline = report["verdict"]["champion"], report["verdict"]["baseline"]
    for links, words in (("holdout", "held-out"), ("evaluation", "evaluation")):
        after = metric(report, champion, links, "retrieval", "recall_at_10") or {}
        before = metric(report, baseline, links, "retrieval", "recall_at_10") or {}
        if after.get("value") is not None and before.get("value") is not None:
            return PlainWords(
                after=round(100 * after["value"]),
                before=None if champion == baseline else round(100 * before["value"]),
                n_queries=int(metric(report, champion, links, "retrieval", "n_queries") or 0),
                links=words,
            )
    return None


def comparison_rows(report: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return the paired comparisons as rows: challenger, baseline, metric, split, gain (text), n, sign.

    `sign` is 1 better, -1 worse, 0 could be chance; `doubt` says why it could be.
    """
    rows = []
    for comparison in report["comparisons"]:
        gain, judged = comparison["gain"], PairedGain.from_json(comparison)
        doubt = ""
        if not (judged.is_above_zero or judged.is_loss):
            doubt = "it holds zero, so this could be chance"
        elif not judged.is_beyond_chance:
            doubt = (
                f"{judged.n_clusters:,} kin groups are too few to rule out chance (p {judged.p_value:.2f})"
            )
        rows.append(
            {
                "challenger": comparison["challenger"],
                "baseline": comparison["baseline"],
                "metric": comparison["metric"],
                "split": comparison["split"],
                "gain": format_gain(gain),
                "parts": _split_gain(format_gain(gain)),
                "value": gain["value"],
                "n": comparison["n_queries"],
                "n_groups": comparison["n_clusters"],
                "sign": 0 if doubt else 1 if judged.is_gain else -1,
                "doubt": doubt,
            }
        )
    return rows


def _split_gain(text: str) -> tuple[str, str]:
    """Return `+.031` and `+.012 and +.050` of `+.031 [+.012, +.050]`; the second "" without interval."""
    value, _, interval = text.partition(" [")
    return value, interval.rstrip("]").replace(", ", " and ")


def headline_gain(report: Mapping[str, Any], rows: Sequence[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    """Return the row that answers "by how much": champion against baseline in MRR, holdout first.

    Where the baseline was kept, it is the challenger that came closest.
    """
    verdict = report["verdict"]
    chosen = [row for row in rows if row["baseline"] == verdict["baseline"] and row["metric"] == "mrr"]
    if verdict["champion"] != verdict["baseline"]:
        chosen = [row for row in chosen if row["challenger"] == verdict["champion"]]
        return min(chosen, key=lambda row: row["split"] != "holdout", default=None)
    known = [row for row in chosen if row["value"] is not None]
    return max(known, key=lambda row: float(row["value"]), default=None)


def next_steps(report: Mapping[str, Any], is_synthetic: bool, n_examples: int) -> list[str]:
    """Return what to do next, most useful first."""
    verdict = report["verdict"]
    if is_synthetic:
        return [
            "Run it on your own export: ticketkin run incidents.csv",
            "If people marked duplicates in another file, add it with --links FILE: more links make a "
            "better model and a surer answer.",
        ]
    steps = []
    if _silver(report):
        steps.append(
            "Get links made by people (duplicate-of, parent, problem) and give them with --links FILE; "
            "until then treat this result as a rehearsal."
        )
    if verdict["kept_baseline"]:
        steps.append(
            f"Keep using {verdict['baseline']}. To try again, add links: a few hundred kin groups are often "
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
    if report.get("warnings"):
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
