"""The material for judging candidates in folds (`evaluation.by` is folds): made without labels."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.ranking import Ranker
from ticketkin.core.tables import FloatArray, IntArray
from ticketkin.evaluation.cross_fitting import Contender, Questions, Ranks
from ticketkin.evaluation.retrieval import Asked, evaluate_groupings, queries_with_kin
from ticketkin.ranking.candidate_lists import CandidateLists, candidate_lists
from ticketkin.ranking.columns import EmbeddedTickets
from ticketkin.ranking.contender import FusionContender, ranks_beyond
from ticketkin.ranking.corpus_state import CorpusState
from ticketkin.ranking.fusion import DescribedCorpus
from ticketkin.ranking.pair_features import feature_names
from ticketkin.ranking.shrinkage import FEW_LINKS
from ticketkin.tickets.kin import KinGroups
from ticketkin.training.head_contender import HeadContender
from ticketkin.training.positives import PositivePairs, TrainingPairs
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.described import described
from ticketkin.workflows.fold_training import training_pairs
from ticketkin.workflows.run_data import RunData

LABEL_FREE = (artifact.TICKETS, artifact.LINKS, artifact.BASE_EMBEDDINGS)
"""Inputs of `FoldMaterial`; links are read only to know which pairs are kin."""


@dataclass(frozen=True)
class FoldMaterial:
    """The material for judging in folds; labels influence no part of it."""

    data: RunData
    corpus: DescribedCorpus
    """Over statistics of all tickets: labels never enter them."""
    unlearned: Mapping[str, Ranker]
    """Candidates that learn nothing, cheapest first."""
    tuned: Callable[[Questions, KinGroups], Sequence[Contender]] = lambda *_: ()
    """Encoders that each fold tunes anew; by default none."""
    training: Callable[[RunData, KinGroups], TrainingPairs] = training_pairs
    """What encoders learn from."""

    @property
    def base(self) -> FloatArray:
        """Embeddings of the untouched encoder."""
        return self.corpus.columns.embeddings["base"]

    def unlearned_ranks(self, asked: Sequence[Asked]) -> list[dict[str, Ranks]]:
        """Return for each grouping the ranks of kin by each candidate that learns nothing."""
        scores = {
            name: evaluate_groupings(ranker, asked, self.data.visibility)
            for name, ranker in self.unlearned.items()
        }
        return [{name: own[place].ranks for name, own in scores.items()} for place in range(len(asked))]

    def fusion(self, questions: Questions, groups: IntArray, lists: CandidateLists) -> FusionContender:
        """Return the learned ranking as a contender; `lists` are those of the questions."""
        return FusionContender(
            lists,
            feature_names(self.corpus.state),
            groups,
            self.data.units_of(groups),
            ranks_beyond(self.base, lists, groups, self.data.visibility),
            FEW_LINKS,
            self.data.job.settings.seed,
        )

    def head(self, questions: Questions, kin: KinGroups) -> HeadContender:
        """Return the linear head as a contender."""
        return head_contender(self.data, questions, kin, self.training(self.data, kin).positives)

    def contenders(self, questions: Questions, kin: KinGroups, lists: CandidateLists) -> list[Contender]:
        """Return the candidates that are fitted on links, as far as the job asks for them."""
        wanted = self.data.job.settings.candidates
        every: dict[str, Callable[[], Contender]] = {
            "head": lambda: self.head(questions, kin),
            "fusion": lambda: self.fusion(questions, kin.group, lists),
        }
        head, fusion = ([make()] if name in wanted else [] for name, make in every.items())
        return [*head, *self.tuned(questions, kin), *fusion]

    def lists(self, queries: IntArray, progress: Progress = SILENT) -> CandidateLists:
        """Return the candidate lists of some tickets with their features."""
        depth = self.data.job.settings.fusion.depth
        return candidate_lists(self.corpus.state, self.corpus.columns, queries, depth, progress)


def questions_of(data: RunData, groups: IntArray) -> Questions:
    """Return the tickets that have visible kin by `groups`, true or shuffled."""
    queries = queries_with_kin(np.flatnonzero(data.may_judge), groups, data.visibility)
    units = data.units_of(groups)
    n_candidates = data.visibility.n_tickets - 1
    return Questions(queries, groups[queries], units[queries], int(units.max()) + 1, n_candidates)


def head_contender(
    data: RunData, questions: Questions, kin: KinGroups, positives: PositivePairs
) -> HeadContender:
    """Return the linear head, trained on `positives`, as a contender on `questions`."""
    settings = data.job.settings
    return HeadContender(
        data.embeddings(artifact.BASE_EMBEDDINGS),
        positives,
        questions.queries,
        kin.group,
        data.units_of(kin.group),
        data.visibility,
        settings.head,
        sorted(set(settings.strength.strengths)),
        settings.seed,
    )


def label_free_corpus(data: RunData) -> DescribedCorpus:
    """Return the run's tickets over a corpus state that no label shaped: that of all of them."""

    def describe() -> DescribedCorpus:
        embeddings = {"base": data.embeddings(artifact.BASE_EMBEDDINGS)}
        given = EmbeddedTickets(data.tickets, data.texts, embeddings)
        state = CorpusState.fit(given, np.arange(len(data.tickets)))
        return DescribedCorpus(state, described(data, state, embeddings), data.groups.group)

    return data.values.derive("label-free corpus", LABEL_FREE, describe)
