"""The stage that trains the reranker, and the gate that it must pass on kin groups it has not seen."""

import shutil

import numpy as np

from ticketkin.core.artifacts import hash_path
from ticketkin.core.tables import BoolArray, FloatArray, IntArray, SplitName
from ticketkin.encoders.cross_encoder import CrossBase, locate_cross_base
from ticketkin.evaluation.option_choice import choose_option
from ticketkin.evaluation.retrieval import kin_ranks
from ticketkin.ranking.reranker import Reranker, first_of
from ticketkin.runs.stages import StageRun
from ticketkin.training.cross_encoder import PairExamples, save_cross_encoder, train_cross_encoder
from ticketkin.training.positives import PositivePairs
from ticketkin.training.record import (
    CandidateTraining,
    LeftOutCandidate,
    RerankerGate,
    TrainingRecord,
    utc_now,
)
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.candidates import hybrid_over, hybrid_scorer
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.model_metadata import data_hashes
from ticketkin.workflows.run_data import RunData
from ticketkin.workflows.stages.training import training_positives

_NAME = "reranker"
_IN_FOLDS = (
    "reranker is left out: folds judge so few kin groups, and it would have to be trained anew in each. To "
    "train it, let a split judge: --set evaluation.by=split"
)


def run_reranker(run: StageRun[Job]) -> None:
    """Train a cross-encoder on training kin and mined negatives; keep it where it passes the gate."""
    data = RunData(run.values, run.job)
    if data.is_judged_in_folds:
        _leave_out(run, _IN_FOLDS)
        return
    settings, seed = run.job.settings.reranker, run.job.settings.seed
    base = locate_cross_base(settings.base_model, run.job.settings.encoder)
    if base.n_labels != 1:
        run.progress.say(f"  reranker on {base.name}: its head begins at random")
    unseen = _unseen_tickets(data)
    examples = pair_examples(data.texts, _without(training_positives(data), unseen))
    work = run.place(artifact.trained(_NAME)) / "work"
    trained = train_cross_encoder(base, examples, settings, work, seed, run.progress)
    with run.writing(artifact.model_of(_NAME)) as folder:
        save_cross_encoder(trained, folder)
    reranker = Reranker(run.place(artifact.model_of(_NAME)), settings.n_read, base.device)
    gate = judge_reranker(data, reranker, np.flatnonzero(unseen))
    run.progress.say(f"  {gate.sentence}")
    shutil.rmtree(work)
    about = _about(run, data, base, trained.record, gate)
    if not gate.passed:
        shutil.rmtree(run.place(artifact.model_of(_NAME)))
        _leave_out(run, f"reranker is left out: {gate.sentence}", about)
        return
    run.put(artifact.training_record(_NAME), about)


def _leave_out(run: StageRun[Job], reason: str, trained: CandidateTraining | None = None) -> None:
    run.progress.say(f"  {reason}")
    run.put(
        artifact.training_record(_NAME), LeftOutCandidate(candidate=_NAME, left_out=reason, trained=trained)
    )


def _unseen_tickets(data: RunData) -> BoolArray:
    """Return which training tickets the cross-encoder does not train on, shape (n_tickets,): whole units."""
    settings = data.job.settings
    queries = data.queries(SplitName.TRAIN)
    units = np.unique(data.units[queries])
    n_unseen = round(settings.reranker.unseen_share * len(units))
    chosen = np.random.default_rng(settings.seed).permutation(units)[:n_unseen]
    unseen: BoolArray = np.isin(data.units, chosen)
    rows = data.splits.rows(data.tickets, SplitName.TRAIN)
    in_training = np.zeros(len(unseen), dtype=np.bool_)
    in_training[rows] = True
    return unseen & in_training


def _without(positives: PositivePairs, unseen: BoolArray) -> PositivePairs:
    """Return the pairs without unseen tickets; negatives that are unseen are removed."""
    kept = positives.take(~(unseen[positives.left] | unseen[positives.right]))
    hidden = (kept.negatives >= 0) & unseen[np.maximum(kept.negatives, 0)]
    return PositivePairs(kept.left, kept.right, kept.phase, kept.group, np.where(hidden, -1, kept.negatives))


def pair_examples(texts: list[str], positives: PositivePairs) -> PairExamples:
    """Return kin as class 1 and each left ticket with its mined negatives as class 0, read both ways."""
    place, column = np.nonzero(positives.negatives >= 0)
    left = np.concatenate([positives.left, positives.left[place]])
    right = np.concatenate([positives.right, positives.negatives[place, column]])
    return PairExamples(
        [texts[row] for row in left],
        [texts[row] for row in right],
        np.repeat(np.array([1, 0]), [len(positives), len(place)]),
        np.ones(len(left), dtype=np.bool_),
        2,
    )


def judge_reranker(data: RunData, reranker: Reranker, tickets: IntArray) -> RerankerGate:
    """Return whether the first of each list are ranked better with what the cross-encoder reads.

    `tickets` are those of the training split that the cross-encoder has not seen. Among the first tickets of
    each of their lists, the order of the hybrid is compared with the order by the hybrid's standardised score
    plus the cross-encoder's.
    """
    queries = np.intersect1d(tickets, data.queries(SplitName.TRAIN))
    before, after, clusters = [], [], []
    ranker = hybrid_over(data, hybrid_scorer(data))
    asked, candidates = ranker.columns.take(queries), ranker.lists.of(queries)
    near = ranker.scorer.score(asked, candidates)
    for number, places in enumerate(first_of(asked, candidates, reranker.n_read)):
        is_kin = data.groups.group[places] == data.groups.group[queries[number]]
        if not is_kin.any():
            continue
        hybrid = near[number, np.searchsorted(candidates.rows[number][candidates.rows[number] >= 0], places)]
        read = reranker.logits(
            [data.texts[queries[number]]] * len(places), [data.texts[row] for row in places]
        )
        before.append(_reciprocal_rank(hybrid, is_kin))
        after.append(_reciprocal_rank(_standard(hybrid) + _standard(read), is_kin))
        clusters.append(data.groups.group[queries[number]])
    reciprocal = np.array([before, after], dtype=np.float64).reshape(2, -1)
    passed = bool(before) and choose_option(reciprocal, np.array(clusters, dtype=np.int64)) == 1
    mean = reciprocal.mean(axis=1) if before else np.zeros(2)
    return RerankerGate(
        n_queries=len(before), n_read=reranker.n_read, before=float(mean[0]), after=float(mean[1]),
        passed=passed,
    )  # fmt: skip


def _standard(values: FloatArray) -> FloatArray:
    spread = float(values.std())
    standard: FloatArray = (values - values.mean()) / (spread if spread > 0 else 1.0)
    return standard


def _reciprocal_rank(scores: FloatArray, is_kin: BoolArray) -> float:
    return 1 / float(kin_ranks(scores[is_kin], scores[~is_kin])[0])


def _about(
    run: StageRun[Job], data: RunData, base: CrossBase, record: TrainingRecord, gate: RerankerGate
) -> CandidateTraining:
    return CandidateTraining.of(
        record,
        candidate=_NAME,
        base_model=base.name,
        base_fingerprint=hash_path(base.folder),
        template=run.job.settings.tickets.template,
        encoder={"max_length_tokens": run.job.settings.reranker.max_length_tokens},
        pairs=data.pair_account,
        made_at=utc_now(),
        data_hashes=data_hashes(
            run.values, artifact.TICKETS, artifact.LINKS, artifact.SPLITS, artifact.PAIRS
        ),
        gate=gate,
    )
