"""Stages that judge: the provisional table, the verdict, the report."""

import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
import polars as pl

from ticketkin.core.ranking import Ranker
from ticketkin.core.tables import IntArray, SplitName
from ticketkin.encoders.loading import load_encoder
from ticketkin.encoders.serving import write_serving
from ticketkin.evaluation.bootstrap import PairedGain
from ticketkin.evaluation.pair_decisions import PairScores
from ticketkin.evaluation.retrieval import RetrievalScores, evaluate_retrieval
from ticketkin.evaluation.schema import SCHEMA_VERSION, Report
from ticketkin.evaluation.thresholds import ThresholdChoice, choose_threshold
from ticketkin.evaluation.verdict import (
    PRIMARY,
    Verdict,
    best_encoder,
    decide,
    decisive_gains,
    with_holdout,
)
from ticketkin.pipeline import artifacts as artifact
from ticketkin.pipeline.candidates import (
    RankingRecord,
    encoder_candidates,
    fusion_ranker,
    save_ranking,
    simple_rankers,
)
from ticketkin.pipeline.configuration import Job
from ticketkin.pipeline.diagnosing import diagnose, readiness_of
from ticketkin.pipeline.pair_files import text_pairs
from ticketkin.pipeline.report_material import report_material
from ticketkin.pipeline.run_data import RunData
from ticketkin.pipeline.sharing import without_paths
from ticketkin.pipeline.versions import versions
from ticketkin.reports.html import write_report
from ticketkin.reports.material import ReportMaterial
from ticketkin.runs.artifacts import JsonObject
from ticketkin.runs.stages import StageRun
from ticketkin.runs.values import RunValues
from ticketkin.training.candidates import slow_candidates

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


def judge(run: StageRun[Job], data: RunData, *, with_slow: bool) -> Judged:
    """Evaluate every candidate on the evaluation links; the fusion stands on the best encoder."""
    settings = run.job.settings
    encoders = encoder_candidates(data, with_slow=with_slow)
    rankers = simple_rankers(data, encoders)
    queries = data.queries(SplitName.EVALUATION)
    groups, visibility = data.groups.group, data.visibility
    retrieval = {
        name: evaluate_retrieval(ranker, queries, groups, visibility, run.progress)
        for name, ranker in rankers.items()
    }
    best = best_encoder(retrieval, encoders.names, settings.evaluation.n_bootstrap, settings.seed)
    if "fusion" in settings.candidates:
        fused = fusion_ranker(data, encoders, best, run.progress)
        rankers["fusion"] = fused
        retrieval["fusion"] = evaluate_retrieval(fused, queries, groups, visibility, run.progress)
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


def run_provisional(run: StageRun[Job]) -> None:
    """Compare the quick candidates; no verdict, and the holdout stays closed."""
    data = RunData(run.values, run.job)
    judged = judge(run, data, with_slow=False)
    run.put(artifact.PROVISIONAL, {"candidates": _evaluations(data, judged)})
    run.progress.say(f"  provisional, on evaluation links{_still_to_come(run)}:")
    for name, scores in judged.retrieval.items():
        run.progress.say(f"    {name:<8} {scores.summary()}")


def _still_to_come(run: StageRun[Job]) -> str:
    slow = [name for name in slow_candidates() if name in run.job.settings.candidates]
    return f" ({', '.join(slow)} still to come)" if slow else ""


def run_verdict(run: StageRun[Job]) -> None:
    """Decide on the evaluation links, open the holdout once, keep the best encoder and ranking."""
    data = RunData(run.values, run.job)
    settings = run.job.settings
    judged = judge(run, data, with_slow=True)
    verdict = decide(
        judged.retrieval,
        judged.encoders,
        labels_from=data.links.labels_from,
        synthetic=run.job.synthetic,
        n_bootstrap=settings.evaluation.n_bootstrap,
        seed=settings.seed,
    )
    candidates = _evaluations(data, judged)
    holdout = _open_holdout(run, data, judged, verdict)
    for name, (retrieval, pairs) in holdout.items():
        candidates[name]["holdout"] = _result(data, retrieval, pairs, judged.thresholds[name].threshold)
    gains = _held_out_gains(run, holdout, verdict)
    comparisons = [gain.to_json() for gain in verdict.comparisons]
    comparisons += [{**gain.to_json(), "split": SplitName.HOLDOUT.value} for gain in gains.values()]
    verdict = with_holdout(
        verdict,
        {name: retrieval for name, (retrieval, _) in holdout.items()},
        gains.get(PRIMARY),
        labels_from=data.links.labels_from,
        synthetic=run.job.synthetic,
    )
    _keep_model(run, verdict.encoder)
    _keep_ranking(run, judged, verdict)
    held_out = {name: scores for name, (_, scores) in holdout.items()}
    checks = diagnose(run, data, judged, verdict, held_out, candidates)
    readiness = readiness_of(run, data, judged, verdict, candidates, checks)
    content = _report(run, data, verdict, candidates, comparisons)
    content |= {"diagnostics": [check.to_json() for check in checks], "readiness": readiness.to_json()}
    report = Report.model_validate(without_paths(content, run.private_paths))
    material = report_material(run, data, judged, verdict, holdout)
    run.put(artifact.MATERIAL, material)
    run.put(artifact.REPORT_JSON, report)


def _open_holdout(
    run: StageRun[Job], data: RunData, judged: Judged, verdict: Verdict
) -> dict[str, tuple[RetrievalScores, PairScores]]:
    """Score champion and baseline on the holdout; nothing is chosen here."""
    queries = data.queries(SplitName.HOLDOUT)
    return {
        name: (
            evaluate_retrieval(
                judged.rankers[name], queries, data.groups.group, data.visibility, run.progress
            ),
            score_pairs(data, judged.rankers[name], SplitName.HOLDOUT),
        )
        for name in dict.fromkeys([verdict.champion, verdict.baseline])
    }


def _held_out_gains(
    run: StageRun[Job], holdout: Mapping[str, tuple[RetrievalScores, PairScores]], verdict: Verdict
) -> dict[str, PairedGain]:
    """Return the champion's gain over the baseline on the holdout by metric; none where it was kept."""
    if verdict.kept_baseline:
        return {}
    settings = run.job.settings
    scores = {name: retrieval for name, (retrieval, _) in holdout.items()}
    return decisive_gains(
        scores, verdict.champion, verdict.baseline, settings.evaluation.n_bootstrap, settings.seed
    )


def _keep_model(run: StageRun[Job], encoder: str) -> None:
    """Put the best encoder into model/ as a plain sentence-transformers folder."""
    with run.writing(artifact.MODEL) as folder:
        if encoder == "base":
            loaded = load_encoder(run.job.settings.encoder)
            loaded.model.save_pretrained(str(folder), create_model_card=False)
            write_serving(folder, loaded.model, run.job.settings.tickets.template)
        else:
            shutil.copytree(run.values.path(artifact.model_of(encoder)), folder, dirs_exist_ok=True)


def _keep_ranking(run: StageRun[Job], judged: Judged, verdict: Verdict) -> None:
    """Write ranking/: which ranking won, and the learned one where there is one."""
    with run.writing(artifact.RANKING) as folder:
        start: Literal["base", "adapted"] = "adapted" if "adapted" in judged.encoders else "base"
        seed = run.job.settings.seed
        record = RankingRecord(verdict.champion, verdict.encoder, start, seed)
        save_ranking(folder, judged.rankers, record)


def _report(
    run: StageRun[Job],
    data: RunData,
    verdict: Verdict,
    candidates: Mapping[str, dict[str, Any]],
    comparisons: list[dict[str, Any]],
) -> dict[str, Any]:
    seconds = run.seconds
    for name, candidate in candidates.items():
        candidate["training"] = data.training_record(name)
        candidate["cost_seconds"] = seconds.get("embed" if name == "base" else name)
    imported = run.values.read(artifact.IMPORT_SUMMARY)
    profile = run.values.read(artifact.PROFILE)
    opened = datetime.now(UTC).isoformat(timespec="seconds")
    return {
        "schema_version": SCHEMA_VERSION,
        "verdict": {**verdict.to_json(), "holdout_opened_at": opened},
        "candidates": candidates,
        "comparisons": comparisons,
        "warnings": [*verdict.warnings, *_data_warnings(imported, profile), *_adapted_warning(run)],
        "cost": seconds,
        "tickets": imported,
        "links": run.values.read(artifact.LINK_SUMMARY),
        "splits": _split_counts(data),
        "profile": {key: value for key, value in profile.items() if key != "lengths_tokens"},
        "encoder": run.values.read(artifact.BASE_ENCODER),
        "test_pairs_sha256": text_pairs(data, SplitName.HOLDOUT).digest(),
        "synthetic": run.job.synthetic,
        "seed": run.job.settings.seed,
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


def _adapted_warning(run: StageRun[Job]) -> list[dict[str, str]]:
    """Say that held-out texts were read, where they were: no label was, but a later ticket's would be new."""
    settings = run.job.settings
    if "adapted" not in settings.candidates or settings.adapted.texts != "all":
        return []
    message = (
        "the adapted encoder read the texts of all tickets, held-out ones too, without any label; tomorrow's "
        "tickets will be new to it. --set adapted.texts=train leaves them out"
    )
    return [{"code": "adapted_read_all_texts", "message": message}]


def run_report(run: StageRun[Job]) -> None:
    """Write report.html from report.json and its material."""
    report = run.values.read(artifact.REPORT_JSON)
    write_report(report, whole_material(run.values), run.place(artifact.REPORT_HTML).parent)


def whole_material(values: RunValues) -> ReportMaterial:
    """Return the verdict's material with the kinds and the largest families of a run."""
    families = values.read(artifact.FAMILIES_JSON)
    relations: JsonObject = values.read(artifact.RELATIONS_JSON)
    return replace(
        values.read(artifact.MATERIAL),
        relations=relations,
        families=families | {"families": families["families"][:_MOST_FAMILIES]},
    )
