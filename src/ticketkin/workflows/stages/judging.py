"""Stages that judge: the provisional table, the verdict, the report."""

from collections.abc import Mapping
from dataclasses import replace

from ticketkin.core.tables import SplitName
from ticketkin.evaluation.bootstrap import PairedGain
from ticketkin.evaluation.diagnostics.gain_sources import GainSources
from ticketkin.evaluation.diagnostics.openings import holdout_openings
from ticketkin.evaluation.diagnostics.shuffled import shuffled_links
from ticketkin.evaluation.gains import cheaper_choice, decisive_gains
from ticketkin.evaluation.labellers import with_labeller
from ticketkin.evaluation.metric_results import SplitResult
from ticketkin.evaluation.objections import heeding, with_holdout
from ticketkin.evaluation.pair_decisions import PairScores
from ticketkin.evaluation.proof_results import Comparison
from ticketkin.evaluation.retrieval import RetrievalScores, evaluate_retrieval
from ticketkin.evaluation.schema import CandidateResult, ProvisionalReport
from ticketkin.evaluation.verdict import Verdict, decide
from ticketkin.evaluation.verdict_in_folds import ShuffledLinks, decide_in_folds
from ticketkin.evaluation.verdict_words import cheaper_words, dearer_words, naming_base
from ticketkin.reports.html import write_report
from ticketkin.runs.holdout_ledger import Looks
from ticketkin.runs.stages import StageRun
from ticketkin.training.candidates import CANDIDATES, slow_candidates
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.diagnosing import criteria_of, diagnose
from ticketkin.workflows.fold_verdict import shuffled_gains
from ticketkin.workflows.gain_sources import sources_of
from ticketkin.workflows.judging import Judged, fold_material, judge, score_pairs
from ticketkin.workflows.learning import fusion_trial, learning_curve
from ticketkin.workflows.openings import note_verdict
from ticketkin.workflows.pair_checks import labeller_of
from ticketkin.workflows.private_paths import without_paths
from ticketkin.workflows.proof_record import Proof
from ticketkin.workflows.report_material import report_material, whole_material
from ticketkin.workflows.report_record import Decision, verdict_record
from ticketkin.workflows.run_data import RunData
from ticketkin.workflows.run_report import finished_report
from ticketkin.workflows.settings import Settings
from ticketkin.workflows.stages.winner import keep_model, keep_ranking
from ticketkin.workflows.tuned_folds import tuned_in_folds

# The noun for a held-out ticket in sentences, singular and plural.
_HELD_OUT = ("held-out ticket", "held-out tickets")
_OF_TEST_PAIRS = ("ticket of the test pairs", "tickets of the test pairs")


def _result(data: RunData, retrieval: RetrievalScores, pairs: PairScores, threshold: float) -> SplitResult:
    settings = data.job.settings
    n_bootstrap, seed = settings.evaluation.n_bootstrap, settings.seed
    return SplitResult(
        labels_from=data.links.labels_from,
        retrieval=retrieval.measured(n_bootstrap, seed),
        pairs=pairs.measured(threshold, settings.evaluation.prevalence, n_bootstrap, seed),
    )


def _evaluations(data: RunData, judged: Judged) -> dict[str, CandidateResult]:
    return {
        name: CandidateResult(
            evaluation=_result(
                data, judged.retrieval[name], judged.pairs[name], judged.thresholds[name].threshold
            ),
            threshold_choice=judged.thresholds[name],
            forward_passes=judged.forward_passes[name],
        )
        for name in judged.rankers
    }


def run_provisional(run: StageRun[Job]) -> None:
    """Compare the quick candidates; no verdict, and the holdout stays closed."""
    data = RunData(run.values, run.job)
    judged = judge(run, data, with_slow=False)
    in_folds = judged.folds is not None
    run.put(artifact.PROVISIONAL, ProvisionalReport(candidates=_evaluations(data, judged), in_folds=in_folds))
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
    looks = note_verdict(run, data)
    holdout = _open_holdout(run, data, judged, verdict)
    held_out = {
        name: _result(data, retrieval, pairs, judged.thresholds[name].threshold)
        for name, (retrieval, pairs) in holdout.items()
    }
    gains: dict[str, PairedGain] = {}
    if judged.folds is None:
        for name, result in held_out.items():
            candidates[name] = candidates[name].model_copy(update={"holdout": result})
        verdict, gains = _tried_on_holdout(run, holdout, verdict)
    comparisons = [Comparison.of(gain) for gain in verdict.comparisons]
    comparisons += [Comparison.of(gain, "holdout") for gain in gains.values()]
    pairs_held_out = {name: scores for name, (_, scores) in holdout.items()}
    trial = fusion_trial(data, judged, run.progress)
    sources = None
    if trial is not None and CANDIDATES[verdict.champion].is_learned:
        sources = sources_of(trial, data.visibility, verdict.baseline, settings.seed)
    checks = diagnose(run, data, judged, verdict, pairs_held_out, candidates, sources)
    if judged.folds is not None:
        checks.append(shuffled_links(shuffled))
    checks.append(holdout_openings(looks))
    verdict = heeding(verdict, checks, synthetic=run.job.synthetic)
    verdict = with_labeller(_with_cheaper(settings, judged, verdict), labeller_of(data.job))
    called = data.base_learned.name
    verdict = _explained(replace(verdict, reason=naming_base(verdict.reason, called)), sources, looks)
    checks = [replace(check, evidence=naming_base(check.evidence, called)) for check in checks]
    keep_model(run, data, verdict.encoder, candidates[verdict.encoder], checks)
    keep_ranking(run, data, judged, verdict)
    criteria = criteria_of(run, data, judged, verdict, candidates, held_out[verdict.champion], checks)
    proof = Proof.of(data, judged, verdict, shuffled, learning_curve(data, trial, run.progress))
    decision = Decision(verdict, candidates, comparisons, checks, criteria, proof, looks)
    record = verdict_record(run, data, decision)
    material = report_material(run, data, judged, verdict, holdout)
    run.put(artifact.MATERIAL, material)
    run.put(artifact.VERDICT_JSON, without_paths(record, run.private_paths))


def _tried_on_holdout(
    run: StageRun[Job], holdout: Mapping[str, tuple[RetrievalScores, PairScores]], verdict: Verdict
) -> tuple[Verdict, dict[str, PairedGain]]:
    """Return the verdict with what the holdout says of it, and the gains there."""
    gains = _held_out_gains(run, holdout, verdict)
    tried = with_holdout(
        verdict,
        {name: retrieval for name, (retrieval, _) in holdout.items()},
        gains,
        synthetic=run.job.synthetic,
        held_out=_HELD_OUT if run.job.test_pairs_file is None else _OF_TEST_PAIRS,
    )
    return tried, gains


def _explained(verdict: Verdict, sources: GainSources | None, looks: Looks) -> Verdict:
    """Add to the reason what the gain rests on and how often the holdout was opened."""
    if sources is not None and verdict.answer == "yes":
        verdict = replace(verdict, reason=f"{verdict.reason} {sources.sentence}.")
    if looks.n_looks > 1 and verdict.answer != "unproven":
        verdict = replace(verdict, reason=f"{verdict.reason} {looks.sentence}.")
    return verdict


def _shuffled(run: StageRun[Job], data: RunData, judged: Judged) -> ShuffledLinks:
    """Try the whole procedure on shuffled links, where folds judge."""
    if judged.folds is None:
        return ShuffledLinks(())
    gains = shuffled_gains(fold_material(data), judged.encoders[0], run.progress)
    return ShuffledLinks(tuple(gains), tuple(one.name for one in tuned_in_folds(run.job.settings)))


def _decide(run: StageRun[Job], data: RunData, judged: Judged, shuffled: ShuffledLinks) -> Verdict:
    settings = run.job.settings
    labels_from, synthetic, seed = data.links.labels_from, run.job.synthetic, settings.seed
    n_people_groups = run.values.read(artifact.LINK_SUMMARY).n_people_kin_groups
    if judged.folds is None:
        return decide(
            judged.retrieval,
            judged.encoders,
            labels_from=labels_from,
            synthetic=synthetic,
            settings=settings.evaluation,
            seed=seed,
            n_people_groups=n_people_groups,
        )
    return decide_in_folds(
        judged.folds.cross_fitted,
        judged.encoders,
        shuffled,
        labels_from=labels_from,
        synthetic=synthetic,
        settings=settings.evaluation,
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
    """Score champion and baseline on the holdout; nothing is chosen here.

    Where folds judge, nothing is put aside: all links and pairs are scored by weights that never saw them.
    """
    names = dict.fromkeys([verdict.champion, verdict.baseline])
    if judged.folds is not None:
        return {name: (judged.retrieval[name], judged.pairs[name]) for name in names}
    queries = data.queries(SplitName.HOLDOUT)
    return {
        name: (
            evaluate_retrieval(
                judged.rankers[name], queries, data.groups.group, data.visibility, run.progress
            ),
            score_pairs(data, judged.rankers[name], data.pairs_of(SplitName.HOLDOUT)),
        )
        for name in names
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


def run_report(run: StageRun[Job]) -> None:
    """Write report.json, and from it and its material report.html with its figures."""
    report = finished_report(run.values, run.job.settings)
    run.put(artifact.REPORT_JSON, report)
    asked = run.job.settings.review.pairs > 0
    n_to_review = run.values.read(artifact.TO_REVIEW_SUMMARY).n_pairs if asked else 0
    material = replace(whole_material(run.values), n_to_review=n_to_review)
    write_report(report, material, run.place(artifact.PAGE_FIGURES).parent)
