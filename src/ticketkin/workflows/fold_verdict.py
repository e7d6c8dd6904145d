"""All candidates on all links: each ticket by weights that never saw its kin (`evaluation.by` is folds)."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache

import numpy as np
from threadpoolctl import threadpool_limits

from ticketkin.core.progress import Progress
from ticketkin.core.ranking import Ranker
from ticketkin.core.tables import BoolArray, Float64Array, IntArray
from ticketkin.core.threads import at_once
from ticketkin.encoders.dense import DenseRanker
from ticketkin.evaluation.bootstrap import PairedGain
from ticketkin.evaluation.cross_fitting import (
    Contender,
    CrossFitted,
    Questions,
    cross_fit,
    fits_at_once,
    n_draws,
    procedure_once,
)
from ticketkin.evaluation.gains import PRIMARY, paired_gain
from ticketkin.evaluation.retrieval import Asked, RetrievalScores
from ticketkin.evaluation.shuffling import Shuffling
from ticketkin.evaluation.verdict_in_folds import PROCEDURE
from ticketkin.ranking.contender import FusionContender
from ticketkin.ranking.cross_fitted import CrossFittedRanker
from ticketkin.ranking.fusion import FusionRanker, fit_or_pass
from ticketkin.ranking.models import LogisticModel
from ticketkin.ranking.scorer import FirstLevel, PairScorer
from ticketkin.tickets.folds import held_out_folds
from ticketkin.tickets.kin import KinGroups
from ticketkin.training.head_contender import HeadContender
from ticketkin.training.tuned_contender import TunedContender
from ticketkin.workflows.cross_judging import FoldMaterial, questions_of
from ticketkin.workflows.fold_training import pairs_of_kin
from ticketkin.workflows.run_data import RunData

# Shuffled links are drawn within quarters of the file's time and the values of one field.
_TIMES = 4
# A field with more values than this tells tickets apart too finely to shuffle within them.
_MOST_VALUES = 50
# Shuffled links are judged by fewer folds than true ones: there are many shuffles.
_SHUFFLE_FOLDS = 3
_STRATUM_FIELDS = ("category", "service", "subcategory", "assignment_group", "configuration_item")


@dataclass(frozen=True)
class FoldVerdict:
    """The results of the folds, and the rankers behind them."""

    questions: Questions
    cross_fitted: CrossFitted
    contender: FusionContender | None
    """The learned ranking, before it is fitted; None where the job does not ask for it."""
    rankers: dict[str, Ranker]
    """Of the fitted candidates, each ticket by its fold of the first repeat."""
    kept: FusionRanker | None
    """The learned ranking fitted on all links; None where the job does not ask for it."""


def judge_in_folds(material: FoldMaterial, progress: Progress) -> FoldVerdict:
    """Judge every candidate by nested cross-fitting over all links, and fit what is kept."""
    questions, contenders = _race(material, material.data.groups, progress)
    result = _cross_fitted(material, questions, contenders, material.data.groups, progress)
    rankers: dict[str, Ranker] = {}
    kept, learned = None, None
    for contender in contenders:
        if isinstance(contender, HeadContender | TunedContender):
            rankers[contender.name] = _encoder_by_folds(contender, result)
        if isinstance(contender, FusionContender):
            rankers["fusion"], kept = _fusion_rankers(material, contender, questions, result)
            learned = contender
    return FoldVerdict(questions, result, learned, rankers, kept)


def cross_fitted_on(material: FoldMaterial, kin: KinGroups, progress: Progress) -> CrossFitted:
    """Return what folds give on any kin groups over the tickets of a run."""
    questions, contenders = _race(material, kin, progress)
    return _cross_fitted(material, questions, contenders, kin, progress)


def _race(material: FoldMaterial, kin: KinGroups, progress: Progress) -> tuple[Questions, list[Contender]]:
    questions = questions_of(material.data, kin.group)
    lists = material.lists(questions.queries, progress)
    return questions, material.contenders(questions, kin, lists)


def _cross_fitted(
    material: FoldMaterial,
    questions: Questions,
    contenders: list[Contender],
    kin: KinGroups,
    progress: Progress,
) -> CrossFitted:
    settings = material.data.job.settings
    ranks = material.unlearned_ranks([Asked(questions.queries, kin.group)])[0]
    folds = settings.evaluation.folds
    repeats = n_draws(settings.evaluation.repeats, len(np.unique(questions.clusters)))
    # Hundreds of fits of a few thousand pairs each: several threads would cost more than they save.
    with threadpool_limits(limits=1):
        return cross_fit(questions, ranks, contenders, folds, repeats, settings.seed, progress)


def _fold_of_ticket(result: CrossFitted, unit_of_ticket: IntArray) -> IntArray:
    return result.folds[unit_of_ticket]


def _encoder_by_folds(contender: HeadContender | TunedContender, result: CrossFitted) -> CrossFittedRanker:
    name, rankers = contender.name, list[Ranker]()
    for (seen, _), choice in zip(held_out_folds(result.folds), result.choices, strict=False):
        option = contender.options.index(choice.options[name])
        rankers.append(DenseRanker(name, contender.embeddings(seen, option)))
    return CrossFittedRanker(name, rankers, _fold_of_ticket(result, contender.unit_of_ticket))


@dataclass(frozen=True)
class _Level:
    """The first level of one fold, and its output for the queries it never saw."""

    first: FirstLevel
    logits: Float64Array
    labels: IntArray


def _level(contender: FusionContender, seen: BoolArray, asked: IntArray, pull: str) -> _Level:
    first = contender.fit(seen, contender.pull(pull))
    lists, logits = contender.logits(first, asked)
    return _Level(first, logits, lists.kin(contender.groups).astype(np.int64))


def _calibrated(levels: Sequence[_Level]) -> LogisticModel:
    """Return the second level: log-odds of pairs that the first never saw, turned into probabilities."""
    logits = np.concatenate([np.zeros(0), *(level.logits for level in levels)])
    labels = np.concatenate([np.zeros(0, dtype=np.int64), *(level.labels for level in levels)])
    return fit_or_pass(logits[:, None].astype(np.float32), labels)


def _fusion_rankers(
    material: FoldMaterial, contender: FusionContender, questions: Questions, result: CrossFitted
) -> tuple[CrossFittedRanker, FusionRanker]:
    """Return the learned ranking by folds, and the one that is fitted on all links.

    A fold's probabilities are calibrated on the other folds' tickets, by log-odds under its own pull: those
    of different pulls differ in scale.
    """
    depth = material.data.job.settings.fusion.depth
    state, columns = material.corpus.state, material.corpus.columns
    folds = held_out_folds(result.folds)

    @cache
    def level(fold: int, pull: str) -> _Level:
        seen, held = folds[fold]
        return _level(contender, seen, np.flatnonzero(held[questions.units]), pull)

    def ranker(first: FirstLevel, pull: str, without: int | None = None) -> FusionRanker:
        second = _calibrated([level(fold, pull) for fold in range(len(folds)) if fold != without])
        return FusionRanker(PairScorer(state, first, second, depth, False), columns)

    pulls = [choice.options["fusion"] for choice in result.choices[: len(folds)]]
    by_fold = [ranker(level(fold, pull).first, pull, fold) for fold, pull in enumerate(pulls)]
    every, kept = np.ones(questions.n_units, dtype=np.bool_), result.final.options["fusion"]
    fitted = ranker(contender.fit(every, contender.pull(kept)), kept)
    of_ticket = _fold_of_ticket(result, contender.unit_of_ticket)
    return CrossFittedRanker("fusion", by_fold, of_ticket), fitted


def shuffled_gains(material: FoldMaterial, baseline: str, progress: Progress) -> list[PairedGain]:
    """Return the gains of the whole procedure over the baseline on links that are shuffled anew each time."""
    data = material.data
    # A file's pairs belong to the true kin, so shuffled kin get mined strangers, as kin of an export do.
    material = replace(material, training=pairs_of_kin)
    settings, seed = data.job.settings.evaluation, data.job.settings.seed
    shuffling = Shuffling.of(data.groups.group, strata(data), seed)
    trials = _shuffled_trials(data, shuffling, settings.shuffles)
    if not trials:
        return []
    lists = material.lists(shuffling.pool)
    unlearned = material.unlearned_ranks([Asked(one.questions.queries, one.groups) for one in trials])

    def gain(place: int) -> PairedGain:
        trial, ranks = trials[place], unlearned[place]
        questions = trial.questions
        own = lists.take(np.searchsorted(shuffling.pool, questions.queries))
        contenders = material.contenders(questions, trial.kin, own)
        procedure = procedure_once(questions, ranks, contenders, _SHUFFLE_FOLDS, trial.seed)
        untouched = RetrievalScores(
            questions.queries, questions.clusters, ranks[baseline], questions.n_candidates
        )
        scores = {PROCEDURE: procedure, baseline: untouched}
        return paired_gain(scores, PROCEDURE, baseline, PRIMARY, settings.n_bootstrap, seed)

    n_at_once = fits_at_once(material.tuned(trials[0].questions, trials[0].kin))
    return at_once(gain, range(len(trials)), progress, "shuffled links", n_at_once)


@dataclass(frozen=True)
class _ShuffledTrial:
    """Links that were shuffled once, and what can be asked of them."""

    groups: IntArray
    questions: Questions
    seed: int

    @property
    def kin(self) -> KinGroups:
        """Its kin groups; which ticket stands for one is of no account."""
        return KinGroups(self.groups, np.arange(len(self.groups)))


def _shuffled_trials(data: RunData, shuffling: Shuffling, n_trials: int) -> list[_ShuffledTrial]:
    """Return the trials that folds can judge: those of two units or more."""
    first = data.job.settings.seed
    drawn = [(shuffling.draw(seed), seed) for seed in range(first, first + n_trials)]
    trials = [_ShuffledTrial(groups, questions_of(data, groups), seed) for groups, seed in drawn]
    return [trial for trial in trials if len(np.unique(trial.questions.units)) >= 2]


def strata(data: RunData) -> IntArray:
    """Return the number of each ticket's time and field, within which links are shuffled."""
    n_tickets = len(data.tickets)
    order = data.visibility.order
    place = np.arange(n_tickets) if order is None else order
    result: IntArray = place * _TIMES // max(1, n_tickets)
    for name in _STRATUM_FIELDS:
        values = data.tickets.frame[name].to_numpy().astype(str)
        _, code = np.unique(values, return_inverse=True)
        if 1 < code.max() + 1 <= _MOST_VALUES:
            return result * (int(code.max()) + 1) + code
    return result
