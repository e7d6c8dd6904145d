"""All diagnostics of a run, from its artifacts and the candidates' scores."""

from collections.abc import Mapping
from statistics import median
from time import perf_counter

import numpy as np

from ticketkin.core.checks import Check, Outcome, skipped
from ticketkin.core.tables import SplitName
from ticketkin.encoders.dense import DenseRanker
from ticketkin.encoders.encoding import encode_texts
from ticketkin.encoders.loading import load_encoder, load_folder
from ticketkin.evaluation.bootstrap import Interval
from ticketkin.evaluation.diagnostics.breadth import too_good
from ticketkin.evaluation.diagnostics.gain_sources import GainSources, fields_of_ranking, gain_sources
from ticketkin.evaluation.diagnostics.identical import identical_candidates
from ticketkin.evaluation.diagnostics.labels import LabelledPairs, label_checks
from ticketkin.evaluation.diagnostics.leakage import (
    content_only,
    context_fields,
    leakage_checks,
    template_shortcut,
)
from ticketkin.evaluation.diagnostics.link_quality import inverted_labels
from ticketkin.evaluation.diagnostics.pair_files import phases_get_harder
from ticketkin.evaluation.diagnostics.redundancy import metric_redundancy
from ticketkin.evaluation.diagnostics.similarities import (
    adversarial_pairs,
    category_shortcut,
    context_ablation,
    score_distribution,
    small_sample,
    split_mismatch,
    threshold_stability,
    trivial_threshold,
)
from ticketkin.evaluation.diagnostics.times import opening_times
from ticketkin.evaluation.gains import PRIMARY
from ticketkin.evaluation.metric_results import SplitResult
from ticketkin.evaluation.pair_decisions import PairScores
from ticketkin.evaluation.readiness import assess
from ticketkin.evaluation.retrieval import evaluate_retrieval
from ticketkin.evaluation.schema import CandidateResult, CriterionResult
from ticketkin.evaluation.verdict import Verdict
from ticketkin.ranking.cross_fitted import CrossFittedRanker
from ticketkin.ranking.list_ranker import ListRanker
from ticketkin.runs.stages import StageRun
from ticketkin.tickets.composing import compose_texts
from ticketkin.training.candidates import CANDIDATES, trained_candidates
from ticketkin.training.record_checks import record_checks
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.judging import Judged
from ticketkin.workflows.link_diagnosis import copy_checks, link_checks, text_checks
from ticketkin.workflows.pair_checks import adversarial_pairs_given, checks_as_given
from ticketkin.workflows.run_data import RunData

_N_LATENCY_QUERIES = 9
_AT_BASE = "strength 0"


def diagnose(
    run: StageRun[Job],
    data: RunData,
    judged: Judged,
    verdict: Verdict,
    holdout: Mapping[str, PairScores],
    candidates: Mapping[str, CandidateResult],
    sources: GainSources | None,
) -> list[Check]:
    """Return the checks of labels, leakage, similarities, thresholds and training records.

    `holdout` are the champion's and the baseline's scores there, `candidates` the results of all, `sources`
    what the champion's gain rests on where it compares more than texts.
    """
    settings = run.job.settings
    pairs = _labelled_pairs(data)
    splits = {split.value: data.splits.rows(data.tickets, split) for split in SplitName}
    checks = label_checks(pairs, data.judging_pairs().labels if judged.folds is not None else None)
    checks += [
        *link_checks(data, judged),
        *text_checks(data),
        *copy_checks(data),
        opening_times(data.tickets),
    ]
    checks += leakage_checks(
        data.tickets, data.texts, settings.tickets.template, data.groups.group, data.templates, splits
    )
    test = pairs.frame["split"].is_in(["evaluation", "holdout"]).to_numpy() & (pairs.labels == 1)
    checks.append(template_shortcut(data.templates, pairs.left[test], pairs.right[test]))
    checks += [*_mismatch(pairs), phases_get_harder(pairs)]
    as_given = checks_as_given(data)
    checks = [as_given.get(check.code, check) for check in checks]
    checks.append(_category_shortcut(data, judged, verdict))
    checks += _context_checks(run, data, sources)
    checks.append(gain_sources(sources))
    checks += _score_checks(judged, verdict.champion, holdout)
    checks += [
        metric_redundancy({name: candidate.metric_values() for name, candidate in candidates.items()}),
        identical_candidates(judged.retrieval, _unmoved(data, judged)),
    ]
    if data.links.labels_from != "silver" and verdict.gain is not None:
        # More guessed labels would prove nothing either. Only the deciding gain is checked: the other gains
        # are corrected for their number, so they don't tell how many links are needed.
        checks.append(small_sample(verdict.gain))
    checks += _training_checks(data)
    return checks


def _score_checks(judged: Judged, champion: str, holdout: Mapping[str, PairScores]) -> list[Check]:
    """Return the checks of the champion's scores and its threshold."""
    return [
        trivial_threshold(champion, holdout[champion], judged.thresholds[champion].threshold),
        threshold_stability(champion, judged.pairs[champion], judged.thresholds[champion]),
        score_distribution(champion, holdout[champion]),
        too_good(champion, holdout[champion]),
    ]


def _labelled_pairs(data: RunData) -> LabelledPairs:
    left, right = data.pairs.rows(data.tickets)
    return LabelledPairs(data.pairs.frame, left, right, data.texts, data.groups.group)


def _mismatch(pairs: LabelledPairs) -> list[Check]:
    split = pairs.frame["split"].to_numpy()
    similarities, labels = (
        {name.value: values[split == name.value] for name in SplitName}
        for values in (pairs.similarities("base"), pairs.labels)
    )
    inverted = inverted_labels(similarities, labels)
    if inverted.outcome is Outcome.FAILED:  # this explains any difference between the splits
        return [inverted, skipped("split_mismatch", "the labels of a split are the wrong way round")]
    return [inverted, *split_mismatch(similarities, labels)]


def _category_shortcut(data: RunData, judged: Judged, verdict: Verdict) -> Check:
    """Judge the champion, which may lean on the category as a field or in the text; on labels of files as
    they are given, as kin groups join pairs that nobody labelled.
    """
    ranker = judged.rankers[verdict.champion]
    if data.job.pairs_file is not None:
        given = adversarial_pairs_given(data)
        return category_shortcut(ranker.pair_similarities(given.left, given.right), given.labels)
    rows = np.concatenate(
        [data.splits.rows(data.tickets, s) for s in (SplitName.EVALUATION, SplitName.HOLDOUT)]
    )
    categories = data.tickets.frame["category"].to_list()
    mined = adversarial_pairs(categories, data.groups.group, np.sort(rows), data.job.settings.seed)
    return category_shortcut(ranker.pair_similarities(mined.left, mined.right), mined.labels)


def _context_checks(run: StageRun[Job], data: RunData, sources: GainSources | None) -> list[Check]:
    """Judge context as fields that the champion compares, and as a part of the text."""
    of_fields = [] if sources is None or not sources.fields else [fields_of_ranking(sources)]
    if of_fields and not context_fields(run.job.settings.tickets.template):
        return of_fields
    return [*of_fields, _context_ablation(run, data)]


def _context_ablation(run: StageRun[Job], data: RunData) -> Check:
    """Compare the untouched encoder with and without context in the text, among the evaluation tickets."""
    template = run.job.settings.tickets.template
    fields = context_fields(template)
    queries = data.queries(SplitName.EVALUATION)
    if not fields:
        return context_ablation(0.0, 0.0, len(queries), fields)
    settings = run.job.settings.encoder
    rows = data.splits.rows(data.tickets, SplitName.EVALUATION)
    bare = compose_texts(data.tickets, content_only(template))
    encoded = encode_texts(load_encoder(settings), [bare[row] for row in rows], None, settings, run.progress)
    kept = data.embeddings(artifact.BASE_EMBEDDINGS)
    mrr = []
    for embeddings in (kept[rows], encoded):
        placed = np.zeros_like(kept)
        placed[rows] = embeddings
        scores = evaluate_retrieval(
            DenseRanker("ablation", placed), queries, data.groups.group, data.visibility
        )
        mrr.append(float(scores.per_query(PRIMARY).mean()))
    return context_ablation(mrr[0], mrr[1], len(queries), fields)


def _unmoved(data: RunData, judged: Judged) -> set[str]:
    """Return the candidates that may equal their start: strength 0, or the hybrid's own weights."""
    unmoved = {name for name in judged.retrieval if CANDIDATES[name].is_learned}
    for name in judged.encoders:
        record = data.training_record(name)
        if record is not None and record.strength is not None and record.strength.chosen == 0:
            unmoved.add(name)
    if judged.folds is not None:
        choices = judged.folds.cross_fitted.choices
        unmoved |= {name for name in choices[0].options if {c.options[name] for c in choices} == {_AT_BASE}}
    return unmoved


def _training_checks(data: RunData) -> list[Check]:
    """Return the checks of trainings that did not pass; those that passed are in the doctor's list."""
    checks = []
    for name in (candidate.name for candidate in trained_candidates()):
        record = data.training_record(name)
        if record is not None:
            checks += [
                Check(f"training_{check.code}", check.outcome, f"{name}: {check.evidence}", check.advice)
                for check in record_checks(record)
                if check.outcome is not Outcome.PASSED
            ]
    return checks


def criteria_of(
    run: StageRun[Job],
    data: RunData,
    judged: Judged,
    verdict: Verdict,
    candidates: Mapping[str, CandidateResult],
    held_out: SplitResult,
    checks: list[Check],
) -> list[CriterionResult]:
    """Return which targets of readiness the champion meets, latency measured on the spot.

    `held_out` is its result on the holdout.
    """
    is_proven = verdict.gain is not None and not verdict.kept_baseline
    gain = verdict.gain.gain if is_proven and verdict.gain else Interval(0.0, 0.0, 0.0)
    return assess(
        candidates[verdict.champion].evaluation,
        held_out,
        checks,
        beats_baseline=gain,
        latency_ms=_latency_ms(run, data, judged, verdict),
        settings=run.job.settings.readiness,
        has_holdout=judged.folds is None,
    )


def _latency_ms(run: StageRun[Job], data: RunData, judged: Judged, verdict: Verdict) -> float:
    """Return the median milliseconds to encode one ticket and rank all others."""
    encoder = load_folder(run.place(artifact.MODEL), run.job.settings.encoder)
    ranker = judged.rankers[verdict.champion]
    for one in ranker.rankers if isinstance(ranker, CrossFittedRanker) else (ranker,):
        if isinstance(one, ListRanker):
            one.lists.forget()  # each query was asked before
    queries = data.queries(SplitName.HOLDOUT)[:_N_LATENCY_QUERIES]
    seconds = []
    for query in queries:
        started = perf_counter()
        encode_texts(encoder, [data.texts[query]], None, run.job.settings.encoder)
        ranker.similarities(np.array([query]), data.visibility)
        seconds.append(perf_counter() - started)
    return 1000 * median(seconds) if seconds else float("nan")
