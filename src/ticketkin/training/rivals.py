"""Choosing on the evaluation links: how much of a tuned change to keep, and when to stop tuning."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from ticketkin.core.progress import Progress
from ticketkin.core.tables import BoolArray, FloatArray, IntArray, Visibility
from ticketkin.core.wording import number_of
from ticketkin.encoders.dense import DenseRanker
from ticketkin.encoders.encoding import encode_texts
from ticketkin.encoders.loading import LoadedEncoder
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.evaluation.retrieval import evaluate_retrieval
from ticketkin.training.loop import EpochScores
from ticketkin.training.preparation import EncoderJudge
from ticketkin.training.settings import StrengthSettings
from ticketkin.training.strength import StrengthSweep, sweep_strengths

_N_RIVALS = 5
_BLOCK_QUERIES = 512


@dataclass(frozen=True)
class EvaluationQueries:
    """The queries that strengths and epochs are chosen on, and the tickets they may see."""

    queries: IntArray
    """Rows of the evaluation tickets with visible kin."""
    groups: IntArray
    """Kin group of every ticket."""
    visibility: Visibility

    def mrr(self, name: str, embeddings: FloatArray) -> float:
        """Return the MRR by embeddings of all tickets."""
        scores = evaluate_retrieval(DenseRanker(name, embeddings), self.queries, self.groups, self.visibility)
        return float(scores.per_query("mrr").mean())


@dataclass(frozen=True)
class PairRows:
    """Labelled pairs as ticket rows; all of shape (n_pairs,)."""

    left: IntArray
    right: IntArray
    labels: IntArray
    grades: FloatArray | None = None
    """Of each pair in its file, NaN of a pair that has none; None where labels are 0 and 1 alone."""

    def take(self, chosen: BoolArray) -> "PairRows":
        """Return some of the pairs."""
        grades = None if self.grades is None else self.grades[chosen]
        return PairRows(self.left[chosen], self.right[chosen], self.labels[chosen], grades)

    def correlations(self, embeddings: FloatArray) -> tuple[float | None, float | None]:
        """Return Pearson's and Spearman's correlation of similarity and label, or grade where there are some.

        None where one side is constant.
        """
        from scipy.stats import pearsonr, spearmanr

        similarities = np.einsum("ij,ij->i", embeddings[self.left], embeddings[self.right])
        values = self.labels.astype(np.float32) if self.grades is None else self.grades
        chosen = ~np.isnan(values)
        similarities, values = similarities[chosen], values[chosen]
        if not len(values) or np.ptp(values) == 0 or np.ptp(similarities) == 0:
            return None, None
        return (
            float(pearsonr(similarities, values).statistic),
            float(spearmanr(similarities, values).statistic),
        )


@dataclass(frozen=True)
class RivalSample:
    """The evaluation tickets and the nearest rivals of their queries: encoding the whole file costs minutes.

    The evaluation tickets alone would make every ranking look easy, and the strongest change best.
    """

    judged: EvaluationQueries
    start: FloatArray
    """Embeddings of all tickets by the encoder that tuning starts from."""
    rows: IntArray
    """The sample's tickets, ascending."""
    texts: list[str]
    """The texts of these tickets, which are encoded."""
    pairs: PairRows | None = None
    """Of the evaluation tickets, where they are built already."""

    @classmethod
    def of(
        cls,
        judged: EvaluationQueries,
        split_rows: IntArray,
        texts: Sequence[str],
        start: FloatArray,
        pairs: PairRows | None = None,
    ) -> "RivalSample":
        """Take the tickets of the evaluation split and the rivals that the starting encoder ranks first.

        `texts` are those of all tickets.
        """
        rivals = _nearest_visible(start, judged.queries, judged.visibility)
        rows = np.union1d(split_rows, rivals)
        return cls(judged, start, rows, [texts[row] for row in rows], pairs)

    def placed(self, embeddings: FloatArray) -> FloatArray:
        """Place the sample's embeddings at their ticket rows; the others are zero, similar to nothing."""
        placed = np.zeros_like(self.start)
        placed[self.rows] = embeddings
        return placed


def sweep(
    judged: EvaluationQueries,
    name: str,
    embed: Callable[[float], FloatArray],
    settings: StrengthSettings,
    progress: Progress,
    among: str = "",
) -> StrengthSweep:
    """Choose the strength by MRR of the evaluation queries; `embed` gives all tickets' embeddings.

    `among` says of which tickets alone, where they are not all: such an MRR is higher than the verdict's.
    """
    swept = sweep_strengths(embed, judged.queries, judged.groups, judged.visibility, settings)
    shown = ", ".join(f"{s:g}: {m:.3f}" for s, m in zip(swept.strengths, swept.mrr, strict=True))
    progress.say(f"  strength of {name} -> MRR on evaluation links{among}: {shown}; chosen {swept.chosen:g}")
    return swept


def sweep_on_sample(
    sample: RivalSample,
    name: str,
    embed: Callable[[float, list[str]], FloatArray],
    settings: StrengthSettings,
    progress: Progress,
) -> StrengthSweep:
    """Choose the strength of a candidate whose texts must be encoded anew at each."""

    def at_strength(strength: float) -> FloatArray:
        # At strength 0 the model is the one tuning started from, whose embeddings are there already.
        embeddings = sample.start[sample.rows] if strength == 0 else embed(strength, sample.texts)
        return sample.placed(embeddings)

    all_read = len(sample.rows) == len(sample.start)
    among = "" if all_read else f" among the {number_of(len(sample.rows), 'nearest ticket')}"
    return sweep(sample.judged, name, at_strength, settings, progress, among)


def epoch_judge(sample: RivalSample, settings: EncoderSettings) -> EncoderJudge:
    """Return the judge of a training: MRR of the evaluation queries, and how similarity goes with the labels
    of the evaluation pairs, by the encoder as it is then.
    """

    def scores(encoder: LoadedEncoder) -> EpochScores:
        placed = sample.placed(encode_texts(encoder, sample.texts, None, settings))
        mrr = sample.judged.mrr("epoch", placed)
        return (
            EpochScores(mrr) if sample.pairs is None else EpochScores(mrr, *sample.pairs.correlations(placed))
        )

    return scores


def _nearest_visible(embeddings: FloatArray, queries: IntArray, visibility: Visibility) -> IntArray:
    """Return the rows that stand among the first rivals of any query, ascending."""
    rivals = []
    for start in range(0, len(queries), _BLOCK_QUERIES):
        block = queries[start : start + _BLOCK_QUERIES]
        similarities = np.where(visibility.mask(block), embeddings[block] @ embeddings.T, -np.inf)
        k = min(_N_RIVALS, similarities.shape[1])
        rivals.append(np.argpartition(-similarities, k - 1, axis=1)[:, :k].ravel())
    return np.unique(np.concatenate(rivals)) if rivals else np.zeros(0, dtype=np.int64)
