"""Stages that judge: the provisional table, the verdict, the report."""

import shutil
from collections.abc import Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from typing import Any

import numpy as np

from ticketkin.core.tables import SplitName
from ticketkin.encoders.loading import load_encoder
from ticketkin.encoders.serving import write_serving
from ticketkin.evaluation.bootstrap import PairedGain
from ticketkin.evaluation.diagnostics.shuffled import shuffled_links
from ticketkin.evaluation.pair_decisions import PairScores
from ticketkin.evaluation.retrieval import RetrievalScores, evaluate_retrieval
from ticketkin.evaluation.schema import SCHEMA_VERSION, Report
from ticketkin.evaluation.verdict import (
    PRIMARY,
    Verdict,
    cheaper_choice,
    decide,
    decisive_gains,
    with_holdout,
)
from ticketkin.evaluation.verdict_in_folds import ShuffledLinks, decide_in_folds
from ticketkin.evaluation.verdict_words import cheaper_words, dearer_words
from ticketkin.ranking.cross_fitted import CrossFittedRanker
from ticketkin.reports.html import write_report
from ticketkin.runs.stages import StageRun
from ticketkin.training.candidates import CANDIDATES, slow_candidates
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.candidates import (
    RankingRecord,
    first_level_start,
    save_encoder_folds,
    save_folds,
    save_ranking,
)
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.diagnosing import diagnose, readiness_of
from ticketkin.workflows.fold_verdict import shuffled_gains
from ticketkin.workflows.judging import Judged, fold_material, judge, score_pairs
from ticketkin.workflows.learning import learning_curve
from ticketkin.workflows.pair_files import text_pairs
from ticketkin.workflows.private_paths import without_paths
from ticketkin.workflows.proof_record import learning_record, proof_record
from ticketkin.workflows.report_material import report_material, whole_material
from ticketkin.workflows.run_data import RunData
from ticketkin.workflows.run_warnings import warnings_of_run
from ticketkin.workflows.runtimes import judged_by
from ticketkin.workflows.settings import Settings
from ticketkin.workflows.tuned_folds import tuned_in_folds
from ticketkin.workflows.versions import versions


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
            "forward_passes": judged.forward_passes[name],
        }
        for name in judged.rankers
    }


def run_provisional(run: StageRun[Job]) -> None:
    """Compare the quick candidates; no verdict, and the holdout stays closed."""
    data = RunData(run.values, run.job)
    judged = judge(run, data, with_slow=False)
    run.put(artifact.PROVISIONAL, {"candidates": _evaluations(data, judged)})
    where = "all links, by folds" if data.is_judged_in_folds else "evaluation links"
    run.progress.say(f"  provisional, on {where}{_still_to_come(run)}:")
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
    shuffled = _shuffled(run, data, judged)
    verdict = _decide(run, data, judged, shuffled)
    candidates = _evaluations(data, judged)
    holdout = _open_holdout(run, data, judged, verdict)
    held_out_results = {
        name: _result(data, retrieval, pairs, judged.thresholds[name].threshold)
        for name, (retrieval, pairs) in holdout.items()
    }
    gains: dict[str, PairedGain] = {}
    if judged.folds is None:
        gains = _held_out_gains(run, holdout, verdict)
        for name, result in held_out_results.items():
            candidates[name]["holdout"] = result
    comparisons = [gain.to_json() for gain in verdict.comparisons]
    comparisons += [{**gain.to_json(), "split": SplitName.HOLDOUT.value} for gain in gains.values()]
    if judged.folds is None:
        verdict = with_holdout(
            verdict,
            {name: retrieval for name, (retrieval, _) in holdout.items()},
            gains.get(PRIMARY),
            synthetic=run.job.synthetic,
        )
    verdict = _with_cheaper(settings, judged, verdict)
    _keep_model(run, verdict.encoder)
    _keep_ranking(run, judged, verdict)
    held_out = {name: scores for name, (_, scores) in holdout.items()}
    checks = diagnose(run, data, judged, verdict, held_out, candidates)
    if judged.folds is not None:
        checks.append(shuffled_links(shuffled))
    readiness = readiness_of(
        run, data, judged, verdict, candidates, held_out_results[verdict.champion], checks
    )
    content = _report(run, data, verdict, candidates, comparisons)
    content |= {"diagnostics": [check.to_json() for check in checks], "readiness": readiness.to_json()}
    content |= proof_record(data, judged, verdict, shuffled)
    content["learning_curve"] = learning_record(learning_curve(data, judged, run.progress))
    report = Report.model_validate(without_paths(content, run.private_paths))
    material = report_material(run, data, judged, verdict, holdout)
    run.put(artifact.MATERIAL, material)
    run.put(artifact.REPORT_JSON, report)


def _shuffled(run: StageRun[Job], data: RunData, judged: Judged) -> ShuffledLinks:
    """Try the whole procedure on shuffled links, where folds judge."""
    if judged.folds is None:
        return ShuffledLinks(())
    gains = shuffled_gains(fold_material(data), judged.encoders[0], run.progress)
    return ShuffledLinks(tuple(gains), tuple(one.name for one in tuned_in_folds(run.job.settings)))


def _decide(run: StageRun[Job], data: RunData, judged: Judged, shuffled: ShuffledLinks) -> Verdict:
    settings = run.job.settings
    labels_from, synthetic = data.links.labels_from, run.job.synthetic
    n_bootstrap, seed = settings.evaluation.n_bootstrap, settings.seed
    n_people_groups: int = run.values.read(artifact.LINK_SUMMARY).get("n_people_kin_groups", 0)
    if judged.folds is None:
        return decide(
            judged.retrieval,
            judged.encoders,
            labels_from=labels_from,
            synthetic=synthetic,
            n_bootstrap=n_bootstrap,
            seed=seed,
            n_people_groups=n_people_groups,
        )
    return decide_in_folds(
        judged.folds.cross_fitted,
        judged.encoders,
        shuffled,
        labels_from=labels_from,
        synthetic=synthetic,
        n_bootstrap=n_bootstrap,
        seed=seed,
        n_people_groups=n_people_groups,
    )


def _with_cheaper(settings: Settings, judged: Judged, verdict: Verdict) -> Verdict:
    """Return the verdict with the ranking that costs less for a new ticket and could be as good, if any."""
    if verdict.answer == "unproven":
        return verdict
    passes = judged.forward_passes
    n_bootstrap = settings.evaluation.n_bootstrap
    gain = cheaper_choice(judged.retrieval, verdict.champion, passes, n_bootstrap, settings.seed)
    if gain is None:
        return verdict
    return replace(
        verdict,
        cheaper=cheaper_words(gain, passes[gain.baseline], passes[gain.challenger]),
        reason=dearer_words(verdict.reason, gain.baseline),
    )


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
        start = first_level_start(judged.encoders)
        seed = run.job.settings.seed
        if judged.folds is None:
            record = RankingRecord(verdict.champion, verdict.encoder, start, seed)
            save_ranking(folder, judged.kept, record)
            return
        record = RankingRecord(verdict.champion, "base", start, seed, "folds")
        save_ranking(folder, judged.kept, record)
        folds = judged.rankers.get("fusion")
        if isinstance(folds, CrossFittedRanker):
            save_folds(folder, folds, record)
        champion = judged.rankers[verdict.champion]
        if CANDIDATES[verdict.champion].role == "encoder" and isinstance(champion, CrossFittedRanker):
            save_encoder_folds(folder, champion)


def _report(
    run: StageRun[Job],
    data: RunData,
    verdict: Verdict,
    candidates: Mapping[str, dict[str, Any]],
    comparisons: list[dict[str, Any]],
) -> dict[str, Any]:
    seconds = run.seconds
    for name, candidate in candidates.items():
        record = data.training_record(name)
        candidate["training"] = None if record is None else record.to_json()
        candidate["cost_seconds"] = seconds.get("embed" if name == "base" else name)
    imported = run.values.read(artifact.IMPORT_SUMMARY)
    profile = run.values.read(artifact.PROFILE).profile
    links = run.values.read(artifact.LINK_SUMMARY)
    opened = datetime.now(UTC).isoformat(timespec="seconds")
    return {
        "schema_version": SCHEMA_VERSION,
        "verdict": {**verdict.to_json(), "holdout_opened_at": opened},
        "candidates": candidates,
        "comparisons": comparisons,
        "warnings": [
            *verdict.warnings,
            *warnings_of_run(run.job.settings, imported, profile, links),
            *_left_out_warnings(data),
        ],
        "cost": seconds,
        "tickets": imported.to_json(),
        "links": links,
        "splits": _split_counts(data),
        "profile": profile.to_json(),
        "encoder": asdict(run.values.read(artifact.BASE_ENCODER)),
        "runtimes": [
            {"encoder": name, "judged_by": (by := judged_by(data, name)), "serves": by}
            for name in candidates
            if CANDIDATES[name].role == "encoder"
        ],
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


def _left_out_warnings(data: RunData) -> list[dict[str, str]]:
    """Say which candidates that were asked for do not stand in the table, and why."""
    return [{"code": f"{one.candidate}_left_out", "message": one.left_out} for one in data.left_out()]


def run_report(run: StageRun[Job]) -> None:
    """Write report.html from report.json and its material."""
    report = run.values.read(artifact.REPORT_JSON)
    asked = run.job.settings.review.pairs > 0
    n_to_review = run.values.read(artifact.TO_REVIEW_SUMMARY)["n_pairs"] if asked else 0
    material = replace(whole_material(run.values), n_to_review=n_to_review)
    write_report(report, material, run.place(artifact.REPORT_HTML).parent)
