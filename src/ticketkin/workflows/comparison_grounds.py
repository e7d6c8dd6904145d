"""What models are compared on: the frozen links of one split of a run, or a frozen file of pairs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from ticketkin.core.checks import Check
from ticketkin.core.errors import InputError
from ticketkin.core.progress import Progress
from ticketkin.core.tables import FloatArray, IntArray, SplitName
from ticketkin.encoders.dense import DenseRanker
from ticketkin.encoders.learned_tickets import LearnedTickets
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.evaluation.diagnostics.learned_tickets import (
    learned_tickets,
    nothing_is_left,
    tuned_on_all,
)
from ticketkin.evaluation.diagnostics.openings import holdout_openings
from ticketkin.evaluation.leaderboard import ModelComparison, ModelCost, leaderboard, pair_leaderboard
from ticketkin.evaluation.metrics import METRICS
from ticketkin.evaluation.model_decisions import ModelDecisions, decide_at, decide_in_folds
from ticketkin.evaluation.pair_decisions import PairScores
from ticketkin.evaluation.retrieval import RetrievalScores, evaluate_retrieval
from ticketkin.evaluation.thresholds import choose_threshold
from ticketkin.pairs.interchange import read_text_pairs
from ticketkin.tickets.cleaning import clean_text
from ticketkin.tickets.redaction import redact
from ticketkin.training.rivals import PairRows
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.configuration import read_job
from ticketkin.workflows.job import check_inputs_of
from ticketkin.workflows.judging import score_pairs
from ticketkin.workflows.openings import note_comparison
from ticketkin.workflows.pair_files import pairs_of_run
from ticketkin.workflows.run_data import RunData
from ticketkin.workflows.settings import Settings

_GRADED = ", Spearman over their grades"


class Ground(Protocol):
    """What models are compared on: the same texts and questions for all."""

    texts: list[str]
    encoder: EncoderSettings

    def leave_out(self, learned: Mapping[str, LearnedTickets]) -> list[Check]:
        """Drop questions that a model has learned from, and report it; raises InputError where none is left.

        `learned` is by the model's name.
        """

    def score(self, name: str, embeddings: FloatArray) -> None:
        """Judge a model by its embeddings of the texts."""

    def comparison(
        self, costs: Mapping[str, ModelCost], skipped: dict[str, str], baseline: str, checks: list[Check]
    ) -> ModelComparison:
        """Return the leaderboard of all that were scored, with checks of it."""

    def openings(self, models: Sequence[str], progress: Progress) -> list[Check]:
        """Record that these models were judged on a holdout, if this is one; return the check of that."""


class RunGround:
    """The links and fixed pairs of one split of a run."""

    def __init__(self, folder: Path, split: SplitName) -> None:
        job = read_job(folder)
        check_inputs_of("pairs", folder, job, artifact.PAIRS)
        self._data = RunData.of(folder, job)
        self._folder, self._split = folder, split
        self._queries = self._data.queries(split)
        self._is_asked = np.ones(len(self._data.tickets), dtype=np.bool_)
        if not len(self._queries):
            raise InputError(f"The {split} split of {folder} holds no ticket with kin that it may see")
        self.texts, self.encoder = self._data.texts, self._data.job.settings.encoder
        self._retrieval: dict[str, RetrievalScores] = {}
        self._pairs: dict[str, PairScores] = {}
        self._decisions: dict[str, ModelDecisions] = {}

    def leave_out(self, learned: Mapping[str, LearnedTickets]) -> list[Check]:
        """Drop tickets that models of other runs have learned from, and those of the same kin or template."""
        data, tickets, run = self._data, self._data.tickets, self._folder.resolve().name
        trained = np.union1d(data.queries(SplitName.TRAIN), data.queries(SplitName.EVALUATION))
        known = {name: one.among(tickets) for name, one in learned.items()}
        # A model of this run has learned from its training links, which are not asked, and was chosen by
        # evaluation links; where folds judged, it has learned from all links.
        own = [name for name, one in learned.items() if one.run == run and known[name][trained].all()]
        foreign = {name: recognised for name, recognised in known.items() if name not in own}
        recognised = np.any([np.zeros(len(tickets), np.bool_), *foreign.values()], axis=0)
        self._is_asked = ~np.isin(data.units, data.units[recognised])
        n_before = len(self._queries)
        self._queries = self._queries[self._is_asked[self._queries]]
        names = [name for name, recognised in foreign.items() if recognised.any()]
        labels = [self._pair_rows(one).labels for one in (self._split, SplitName.EVALUATION)]
        if not len(self._queries) or (names and any(len(np.unique(one)) < 2 for one in labels)):
            raise InputError(nothing_is_left(names, f"the {self._split} split of {self._folder}"))
        checks = [learned_tickets(names, n_before, len(self._queries), "ticket")]
        return [*checks, *([tuned_on_all(own)] if own and data.is_judged_in_folds else [])]

    def _pair_rows(self, split: SplitName) -> PairRows:
        """Return the labelled pairs of a split that are asked."""
        pairs = self._data.pairs_of(split)
        return pairs.take(self._is_asked[pairs.left] & self._is_asked[pairs.right])

    def score(self, name: str, embeddings: FloatArray) -> None:
        """Rank all tickets for each query, and score the pairs."""
        ranker = DenseRanker(name, embeddings)
        groups, visibility = self._data.groups.group, self._data.visibility
        self._retrieval[name] = evaluate_retrieval(ranker, self._queries, groups, visibility)
        self._pairs[name] = score_pairs(self._data, ranker, self._pair_rows(self._split))
        settings = self._data.job.settings
        asked = score_pairs(self._data, ranker, self._pair_rows(SplitName.EVALUATION))
        choice = choose_threshold(asked.similarities, asked.labels, settings.evaluation)
        self._decisions[name] = decide_at(
            self._pairs[name], choice.threshold, settings.evaluation.n_bootstrap, settings.seed
        )

    def comparison(
        self, costs: Mapping[str, ModelCost], skipped: dict[str, str], baseline: str, checks: list[Check]
    ) -> ModelComparison:
        """Return the leaderboard by the primary metric of retrieval."""
        settings = self._data.job.settings
        of_split = self._data.pairs_of(self._split)
        asked = self._is_asked[of_split.left] & self._is_asked[of_split.right]
        pairs = pairs_of_run(self._folder, self._split).part(asked)
        return ModelComparison(
            rows=leaderboard(
                self._retrieval, self._pairs, costs, baseline, settings.evaluation.n_bootstrap, settings.seed
            ),
            skipped=skipped,
            baseline=baseline,
            judged_on=f"the {self._split} links",
            primary=METRICS.primary.name,
            n_queries=len(self._queries),
            n_pairs=len(pairs),
            n_clusters=len(np.unique(self._data.groups.group[self._queries])),
            labels_from=self._data.links.labels_from,
            test_pairs_sha256=pairs.digest(),
            decisions=self._decisions,
            threshold_from="the evaluation pairs",
            checks=checks,
        )

    def openings(self, models: Sequence[str], progress: Progress) -> list[Check]:
        """Record a look at the holdout; a look at evaluation links needs no record."""
        looks = note_comparison(self._folder, self._data, self._split, models, progress)
        return [] if looks is None else [holdout_openings(looks)]


@dataclass(frozen=True)
class PairFile:
    """A file of labelled pairs to compare models on."""

    path: Path
    encoder: EncoderSettings
    """Settings for loading the models and encoding the texts."""
    kin_from: float | None = None
    """The grade from which a pair is kin, where labels are grades."""


class PairGround:
    """Pairs of texts from a file; texts that pairs of kin connect are one cluster of the bootstrap."""

    def __init__(self, file: PairFile) -> None:
        self._path, self.encoder = file.path, file.encoder
        self._pairs = read_text_pairs(file.path, file.kin_from)
        if len(np.unique(self._pairs.labels)) < 2:
            raise InputError(
                f"{file.path} holds pairs of one label only; both kin (1) and not kin (0) are needed"
            )
        self.texts = sorted({*self._pairs.left, *self._pairs.right})
        row = {text: place for place, text in enumerate(self.texts)}
        self._left, self._right = (
            np.array([row[text] for text in side], dtype=np.int64)
            for side in (self._pairs.left, self._pairs.right)
        )
        self._clusters = self._connected()[self._left]
        self._scores: dict[str, PairScores] = {}
        self._decisions: dict[str, ModelDecisions] = {}

    def leave_out(self, learned: Mapping[str, LearnedTickets]) -> list[Check]:
        """Drop pairs with texts that a model has learned from, or with kin of such texts in the file."""
        visible = [redact(clean_text(text)) for text in self.texts]
        known = {name: one.among_texts(visible) for name, one in learned.items()}
        recognised = np.any([np.zeros(len(self.texts), np.bool_), *known.values()], axis=0)
        groups = self._connected()
        out = np.isin(groups, groups[recognised])
        kept = ~out[self._left] & ~out[self._right]
        names = [name for name, recognised in known.items() if recognised.any()]
        n_before = len(self._pairs)
        self._pairs = self._pairs.part(kept)
        if len(np.unique(self._pairs.labels)) < 2:
            raise InputError(nothing_is_left(names, self._path.name))
        self._left, self._right = self._left[kept], self._right[kept]
        self._clusters = groups[self._left]
        return [learned_tickets(names, n_before, len(self._pairs), "pair")]

    def _connected(self) -> IntArray:
        """Return the cluster of each text."""
        kin = self._pairs.labels == 1
        n = len(self.texts)
        edges = coo_matrix((np.ones(kin.sum()), (self._left[kin], self._right[kin])), shape=(n, n))
        _, group = connected_components(edges, directed=False)
        return np.asarray(group, dtype=np.int64)

    def score(self, name: str, embeddings: FloatArray) -> None:
        """Score the pairs by cosine."""
        cosines = np.einsum("ij,ij->i", embeddings[self._left], embeddings[self._right])
        self._scores[name] = PairScores(cosines, self._pairs.labels, self._clusters, self._pairs.grades)
        settings = Settings()
        self._decisions[name] = decide_in_folds(self._scores[name], settings.evaluation, settings.seed)

    def comparison(
        self, costs: Mapping[str, ModelCost], skipped: dict[str, str], baseline: str, checks: list[Check]
    ) -> ModelComparison:
        """Return the leaderboard by the primary metric of pairs."""
        settings = Settings()
        return ModelComparison(
            rows=pair_leaderboard(
                self._scores, costs, baseline, settings.evaluation.n_bootstrap, settings.seed
            ),
            skipped=skipped,
            baseline=baseline,
            judged_on=f"the pairs of {self._path.name}{_GRADED if self._pairs.grades is not None else ''}",
            primary=METRICS.primary_of_pairs.name,
            n_queries=0,
            n_pairs=len(self._pairs),
            n_clusters=len(np.unique(self._clusters)),
            labels_from="file",
            test_pairs_sha256=self._pairs.digest(),
            decisions=self._decisions,
            threshold_from=f"the pairs of the other {Settings().evaluation.folds - 1} of "
            f"{Settings().evaluation.folds} folds",
            checks=checks,
        )

    def openings(self, models: Sequence[str], progress: Progress) -> list[Check]:
        """Return nothing: a file of pairs does not say whether it is a holdout."""
        return []
