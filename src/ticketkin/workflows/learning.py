"""The learned ranking of a run fitted on parts of its links: how it improves with more training data."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from ticketkin.core.progress import Progress
from ticketkin.core.tables import IntArray, SplitName
from ticketkin.evaluation.cross_fitting import Questions, Ranks
from ticketkin.evaluation.learning_curve import LearningCurve, LearningTrial, Lesson
from ticketkin.evaluation.retrieval import RetrievalScores
from ticketkin.evaluation.settings import EvaluationSettings
from ticketkin.evaluation.verdict import WITHOUT_LINKS
from ticketkin.ranking.candidate_lists import CandidateLists, candidate_lists, joined
from ticketkin.ranking.contender import FusionContender, ranks_beyond
from ticketkin.ranking.fusion import MOST_TRAINING_QUERIES, DescribedCorpus
from ticketkin.ranking.pair_features import feature_names
from ticketkin.ranking.shrinkage import FEW_LINKS, MANY_LINKS, pulls_for
from ticketkin.tickets.folds import deal_folds, held_out_folds
from ticketkin.workflows.candidates import FittedFirstLevel, first_level_start, fitted_first_level
from ticketkin.workflows.cross_judging import label_free_corpus, questions_of
from ticketkin.workflows.judging import Judged
from ticketkin.workflows.run_data import RunData

# With fewer kin groups, an eighth of the training data is hardly one group.
_FEWEST_KIN_GROUPS = 20
# Parts of the links are drawn as often as that, at most: the curve shows a tendency, and decides nothing.
_MOST_DRAWS = 3


@dataclass(frozen=True)
class FusionTrial:
    """The learned ranking over fixed candidate lists, to be fitted on parts of links or of features."""

    learning: LearningTrial
    contender: FusionContender
    corpus: DescribedCorpus


def fusion_trial(data: RunData, judged: Judged, progress: Progress) -> FusionTrial | None:
    """Return the learned ranking to be tried; None where the job has none, or no links of people."""
    if "fusion" not in data.job.settings.candidates or data.links.labels_from == "silver":
        return None
    return _in_folds(data, judged) if judged.folds is not None else _by_split(data, judged, progress)


def learning_curve(data: RunData, trial: FusionTrial | None, progress: Progress) -> LearningCurve | None:
    """Return the learning curve; None where it is not wanted or there is nothing to draw it from."""
    settings = data.job.settings
    if trial is None or not settings.evaluation.learning_curve:
        return None
    if len(np.unique(trial.learning.questions.clusters)) < _FEWEST_KIN_GROUPS:
        return None
    return trial.learning.curve(settings.evaluation.n_bootstrap, settings.seed, progress)


def _compared(judged: Judged) -> list[str]:
    return [judged.encoders[0], WITHOUT_LINKS]


def _in_folds(data: RunData, judged: Judged) -> FusionTrial | None:
    """Learn from parts of what each fold may see, and ask the fold."""
    folds = judged.folds
    if folds is None or folds.contender is None:
        return None
    settings, contender, questions = data.job.settings, folds.contender, folds.questions

    def lessons(seed: int) -> list[Lesson]:
        dealt = deal_folds(questions.units, questions.n_units, settings.evaluation.folds, seed)
        return [(seen, np.flatnonzero(held[questions.units])) for seen, held in held_out_folds(dealt)]

    n = len(questions.queries)
    learning = LearningTrial(
        questions,
        contender,
        lambda _: 0,
        [lessons(settings.seed + repeat) for repeat in range(_draws(settings.evaluation))],
        {name: judged.retrieval[name].ranks[:n] for name in _compared(judged)},
    )
    return FusionTrial(learning, contender, label_free_corpus(data))


def _by_split(data: RunData, judged: Judged, progress: Progress) -> FusionTrial | None:
    """Learn from parts of the training links, and ask the evaluation tickets.

    The lists are those of the run's own ranking, but for the head, which saw every training link.
    """
    settings, groups = data.job.settings, data.groups.group
    train, evaluation = _training_queries(data), data.queries(SplitName.EVALUATION)
    queries = np.union1d(train, evaluation)
    if not len(train) or not len(evaluation):
        return None
    units, every = data.units, questions_of(data, groups)
    questions = Questions(queries, groups[queries], units[queries], every.n_units, every.n_candidates)
    fitted = fitted_first_level(data, first_level_start(judged.encoders), progress)
    corpus = fitted.corpus.without_tuned()
    lists = _lists_without_head(fitted, corpus, queries, settings.fusion.depth, progress)
    contender = FusionContender(
        lists,
        feature_names(corpus.state),
        groups,
        units,
        ranks_beyond(corpus.columns.embeddings["base"], lists, groups, data.visibility),
        (FEW_LINKS[0], MANY_LINKS[0]),
        settings.seed,
    )
    seen = np.ones(every.n_units, dtype=np.bool_)
    seen[units[np.setdiff1d(every.queries, train)]] = False
    lesson = (seen, np.searchsorted(queries, evaluation))
    learning = LearningTrial(
        questions,
        contender,
        lambda n_kin_groups: contender.pulls.index(pulls_for(n_kin_groups)[0]),
        [[lesson]] * _draws(settings.evaluation),
        _ranks_by_place(queries, {name: judged.retrieval[name] for name in _compared(judged)}),
    )
    return FusionTrial(learning, contender, corpus)


def _lists_without_head(
    fitted: FittedFirstLevel, corpus: DescribedCorpus, queries: IntArray, depth: int, progress: Progress
) -> CandidateLists:
    """Return the lists of `queries`, taken over from those that the first level was fitted on."""
    known = fitted.lists.without_tuned(feature_names(fitted.corpus.state))
    others = np.setdiff1d(queries, known.queries)
    lists = joined([known, candidate_lists(corpus.state, corpus.columns, others, depth, progress)])
    order = np.argsort(lists.queries)
    return lists.take(order[np.isin(lists.queries[order], queries)])


def _draws(settings: EvaluationSettings) -> int:
    return min(_MOST_DRAWS, settings.repeats or _MOST_DRAWS)


def _training_queries(data: RunData) -> IntArray:
    """Return the training tickets with kin, ascending; where they are very many, those of some kin groups."""
    train = np.sort(data.queries(SplitName.TRAIN))
    kin_groups, group, size = np.unique(data.groups.group[train], return_inverse=True, return_counts=True)
    order = np.random.default_rng(data.job.settings.seed).permutation(len(kin_groups))
    kept = np.zeros(len(kin_groups), dtype=np.bool_)
    kept[order[np.cumsum(size[order]) <= MOST_TRAINING_QUERIES]] = True
    chosen: IntArray = train[kept[group]]
    return chosen


def _ranks_by_place(queries: IntArray, scores: Mapping[str, RetrievalScores]) -> dict[str, Ranks]:
    """Return the ranks of each of `queries`, empty where it was not asked."""
    empty: IntArray = np.zeros(0, dtype=np.int64)
    by_place: dict[str, Ranks] = {}
    for name, one in scores.items():
        by_place[name] = [empty] * len(queries)
        for place, ranks in zip(np.searchsorted(queries, one.queries), one.ranks, strict=True):
            by_place[name][place] = ranks
    return by_place
