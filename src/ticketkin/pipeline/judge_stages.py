"""Stages that judge: the provisional table, the verdict, the report."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from ticketkin.core.artifacts import atomic_path, read_json, write_json
from ticketkin.core.ranking import Ranker
from ticketkin.core.tables import IntArray, SplitName
from ticketkin.encoders.loading import load_encoder
from ticketkin.encoders.serving import write_serving
from ticketkin.evaluation.bootstrap import PairedGain
from ticketkin.evaluation.pair_decisions import PairScores
from ticketkin.evaluation.retrieval import RetrievalScores, evaluate_retrieval
from ticketkin.evaluation.schema import SCHEMA_VERSION, Report, read_report
from ticketkin.evaluation.thresholds import ThresholdChoice, choose_threshold
from ticketkin.evaluation.verdict import (
    PRIMARY,
    Verdict,
    best_encoder,
    decide,
    decisive_gains,
    with_holdout,
)
from ticketkin.pipeline import run_data as artifact
from ticketkin.pipeline.candidates import (
    RankingRecord,
    encoder_candidates,
    fusion_ranker,
    save_ranking,
    simple_rankers,
)
from ticketkin.pipeline.diagnosing import diagnose, readiness_of
from ticketkin.pipeline.pair_files import pairs_of_run
from ticketkin.pipeline.report_material import report_material
from ticketkin.pipeline.run_data import RunData
from ticketkin.pipeline.sharing import without_paths
from ticketkin.pipeline.stage import RunContext
from ticketkin.pipeline.train_stages import read_metadata
from ticketkin.pipeline.versions import stage_seconds, versions
from ticketkin.reports.html import write_report
from ticketkin.reports.material import ReportMaterial

# Which stage's seconds are a candidate's cost.
_COST_STAGE = {"base": "embed", **{name: name for name in artifact.TUNED}}
_MOST_FAMILIES = 8


@dataclass(frozen=True)
class Judged:
    """All candidates on the evaluation links."""

    rankers: dict[str, Ranker]
    encoders: list[str]
    best_encoder: str
    retrieval: dict[str, RetrievalScores]
    pairs: dict[str, PairScores]
    thresholds: dict[str, ThresholdChoice]


def score_pairs(data: RunData, ranker: Ranker, split: SplitName) -> PairScores:
    """Return a ranker's similarities on the fixed pairs of a split."""
    pairs = data.pairs.of(split)
    left, right = pairs.rows(data.tickets)
    labels: IntArray = pairs.frame["label"].cast(pl.Int64).to_numpy()
    return PairScores(ranker.pair_similarities(left, right), labels, data.groups.group[left])


def judge(context: RunContext, data: RunData, *, with_slow: bool) -> Judged:
    """Evaluate every candidate on the evaluation links; the fusion stands on the best encoder."""
    settings = context.job.settings
    encoders = encoder_candidates(data, with_slow=with_slow)
    rankers = simple_rankers(data, encoders)
    queries = data.queries(SplitName.EVALUATION)
    groups, visibility = data.groups.group, data.visibility
    retrieval = {
        name: evaluate_retrieval(ranker, queries, groups, visibility, context.progress)
        for name, ranker in rankers.items()
    }
    best = best_encoder(retrieval, encoders.names, settings.evaluation.n_bootstrap, settings.seed)
    if "fusion" in settings.candidates:
        fused = fusion_ranker(data, encoders, best, context.progress)
        rankers["fusion"] = fused
        retrieval["fusion"] = evaluate_retrieval(fused, queries, groups, visibility, context.progress)
    pairs = {name: score_pairs(data, ranker, SplitName.EVALUATION) for name, ranker in rankers.items()}
    thresholds = {
        name: choose_threshold(scores.similarities, scores.labels, settings.evaluation)
        for name, scores in pairs.items()
    }
    return Judged(rankers, encoders.names, best, retrieval, pairs, thresholds)


def _result(data: RunData, retrieval: RetrievalScores, pairs: PairScores, threshold: float) -> dict[str, Any]:
    settings = data.job.settings
    n_bootstrap, seed = settings.evaluation.n_bootstrap, settings.seed
    return {
        "labels_from": data.links.labels_from,
        "retrieval": retrieval.to_json(n_bootstrap, seed),
        "pairs": pairs.to_json(threshold, settings.evaluation.prevalence, n_bootstrap, seed),
    }


def _evaluations(data: RunData, judged: Judged) -> dict[str, dict[str, Any]]:
    return {
        name: {
            "evaluation": _result(
                data, judged.retrieval[name], judged.pairs[name], judged.thresholds[name].threshold
            ),
            "threshold_choice": judged.thresholds[name].to_json(),
        }
        for name in judged.rankers
    }


def run_provisional(context: RunContext) -> None:
    """Compare the quick candidates; no verdict, and the holdout stays closed."""
    data = RunData(context.folder, context.job)
    judged = judge(context, data, with_slow=False)
    write_json(context.folder / artifact.PROVISIONAL, {"candidates": _evaluations(data, judged)})
    context.progress.say(f"  provisional, on evaluation links{_still_to_come(context)}:")
    for name, scores in judged.retrieval.items():
        context.progress.say(f"    {name:<8} {scores.summary()}")


def _still_to_come(context: RunContext) -> str:
    slow = [name for name in artifact.SLOW if name in context.job.settings.candidates]
    return f" ({', '.join(slow)} still to come)" if slow else ""


def run_verdict(context: RunContext) -> None:
    """Decide on the evaluation links, open the holdout once, keep the best encoder and ranking."""
    data = RunData(context.folder, context.job)
    settings = context.job.settings
    judged = judge(context, data, with_slow=True)
    verdict = decide(
        judged.retrieval,
        judged.encoders,
        labels_from=data.links.labels_from,
        synthetic=context.job.synthetic,
        n_bootstrap=settings.evaluation.n_bootstrap,
        seed=settings.seed,
    )
    candidates = _evaluations(data, judged)
    holdout = _open_holdout(context, data, judged, verdict)
    for name, (retrieval, pairs) in holdout.items():
        candidates[name]["holdout"] = _result(data, retrieval, pairs, judged.thresholds[name].threshold)
    gains = _held_out_gains(context, holdout, verdict)
    comparisons = [gain.to_json() for gain in verdict.comparisons]
    comparisons += [{**gain.to_json(), "split": SplitName.HOLDOUT.value} for gain in gains.values()]
    verdict = with_holdout(
        verdict,
        {name: retrieval for name, (retrieval, _) in holdout.items()},
        gains.get(PRIMARY),
        labels_from=data.links.labels_from,
        synthetic=context.job.synthetic,
    )
    _keep_model(context, verdict.encoder)
    _keep_ranking(context, judged, verdict)
    held_out = {name: scores for name, (_, scores) in holdout.items()}
    checks = diagnose(context, data, judged, verdict, held_out, candidates)
    readiness = readiness_of(context, data, judged, verdict, candidates, checks)
    report = _report(context, data, verdict, candidates, comparisons)
    report |= {"diagnostics": [check.to_json() for check in checks], "readiness": readiness.to_json()}
    report = Report.model_validate(without_paths(report, context)).model_dump(mode="json")
    material = report_material(context, data, judged, verdict, holdout)
    write_json(context.folder / artifact.MATERIAL, material.to_json())
    write_json(context.folder / artifact.REPORT_JSON, report)


def _open_holdout(
    context: RunContext, data: RunData, judged: Judged, verdict: Verdict
) -> dict[str, tuple[RetrievalScores, PairScores]]:
    """Score champion and baseline on the holdout; nothing is chosen here."""
    queries = data.queries(SplitName.HOLDOUT)
    return {
        name: (
            evaluate_retrieval(
                judged.rankers[name], queries, data.groups.group, data.visibility, context.progress
            ),
            score_pairs(data, judged.rankers[name], SplitName.HOLDOUT),
        )
        for name in dict.fromkeys([verdict.champion, verdict.baseline])
    }


def _held_out_gains(
    context: RunContext, holdout: Mapping[str, tuple[RetrievalScores, PairScores]], verdict: Verdict
) -> dict[str, PairedGain]:
    """Return the champion's gain over the baseline on the holdout by metric; none where it was kept."""
    if verdict.kept_baseline:
        return {}
    settings = context.job.settings
    scores = {name: retrieval for name, (retrieval, _) in holdout.items()}
    return decisive_gains(
        scores, verdict.champion, verdict.baseline, settings.evaluation.n_bootstrap, settings.seed
    )


def _keep_model(context: RunContext, encoder: str) -> None:
    """Put the best encoder into model/ as a plain sentence-transformers folder."""
    with atomic_path(context.folder / artifact.MODEL) as folder:
        if encoder == "base":
            loaded = load_encoder(context.job.settings.encoder)
            loaded.model.save_pretrained(str(folder), create_model_card=False)
            write_serving(folder, loaded.model, context.job.settings.tickets.template)
        else:
            shutil.copytree(context.folder / artifact.TUNED[encoder][0], folder)


def _keep_ranking(context: RunContext, judged: Judged, verdict: Verdict) -> None:
    """Write ranking/: which ranking won, and the learned one where there is one."""
    with atomic_path(context.folder / artifact.RANKING) as folder:
        folder.mkdir(parents=True)
        start = "adapted" if "adapted" in judged.encoders else "base"
        seed = context.job.settings.seed
        record = RankingRecord(verdict.champion, verdict.encoder, start, seed)  # type: ignore[arg-type]
        save_ranking(folder, judged.rankers, record)


def _report(
    context: RunContext,
    data: RunData,
    verdict: Verdict,
    candidates: Mapping[str, dict[str, Any]],
    comparisons: list[dict[str, Any]],
) -> dict[str, Any]:
    seconds = stage_seconds(context.folder)
    for name, candidate in candidates.items():
        candidate["training"] = read_metadata(context.folder / "candidates" / name)
        candidate["cost_seconds"] = seconds.get(_COST_STAGE.get(name, ""))
    imported = read_json(context.folder / artifact.IMPORT_SUMMARY)
    profile = read_json(context.folder / artifact.PROFILE)
    opened = datetime.now(UTC).isoformat(timespec="seconds")
    return {
        "schema_version": SCHEMA_VERSION,
        "verdict": {**verdict.to_json(), "holdout_opened_at": opened},
        "candidates": candidates,
        "comparisons": comparisons,
        "warnings": [*verdict.warnings, *_data_warnings(imported, profile), *_adapted_warning(context)],
        "cost": seconds,
        "tickets": imported,
        "links": read_json(context.folder / artifact.LINK_SUMMARY),
        "splits": _split_counts(data),
        "profile": {key: value for key, value in profile.items() if key != "lengths_tokens"},
        "encoder": read_json(context.folder / artifact.BASE_ENCODER),
        "test_pairs_sha256": pairs_of_run(context.folder, SplitName.HOLDOUT).digest(),
        "synthetic": context.job.synthetic,
        "seed": context.job.settings.seed,
        "versions": versions(),
    }


def _split_counts(data: RunData) -> dict[str, dict[str, int]]:
    counts = {}
    for name in SplitName:
        rows = data.splits.rows(data.tickets, name)
        counts[name.value] = {
            "n_tickets": len(rows),
            "n_with_kin": int(data.groups.has_kin[rows].sum()),
            "n_kin_groups": len(np.unique(data.groups.group[rows][data.groups.has_kin[rows]])),
            "n_queries": len(data.queries(name)),
        }
    return counts


def _data_warnings(imported: Mapping[str, Any], profile: Mapping[str, Any]) -> list[dict[str, str]]:
    warnings = []
    if profile["share_cut"] > 0.25:
        warnings.append(
            {
                "code": "texts_cut",
                "message": f"{100 * profile['share_cut']:.0f} % of the texts are longer than the "
                f"{profile['limit_tokens']} tokens the model reads; what stands late is not seen",
            }
        )
    if imported["n_rejected"]:
        warnings.append(
            {
                "code": "rejected_rows",
                "message": f"{imported['n_rejected']:,} rows could not be used; see rejected.csv",
            }
        )
    if profile["n_without_time"]:
        warnings.append(
            {
                "code": "no_opening_times",
                "message": f"{profile['n_without_time']:,} tickets have no opening time, so every other "
                "ticket counts as a candidate, later ones too; map the column with --map opened_at=COLUMN",
            }
        )
    return warnings


def _adapted_warning(context: RunContext) -> list[dict[str, str]]:
    """Say that held-out texts were read, where they were: no label was, but a later ticket's would be new."""
    settings = context.job.settings
    if "adapted" not in settings.candidates or settings.adapted.texts != "all":
        return []
    message = (
        "the adapted encoder read the texts of all tickets, held-out ones too, without any label; tomorrow's "
        "tickets will be new to it. --set adapted.texts=train leaves them out"
    )
    return [{"code": "adapted_read_all_texts", "message": message}]


def run_report(context: RunContext) -> None:
    """Write report.html from report.json and its material."""
    report = read_report(context.folder / artifact.REPORT_JSON)
    write_report(report, whole_material(context.folder), context.folder)


def whole_material(folder: Path) -> ReportMaterial:
    """Return the verdict's material with the kinds and the largest families of a run folder."""
    families = read_json(folder / artifact.FAMILIES_JSON)
    return replace(
        ReportMaterial.from_json(read_json(folder / artifact.MATERIAL)),
        relations=read_json(folder / artifact.RELATIONS_JSON),
        families=families | {"families": families["families"][:_MOST_FAMILIES]},
    )
