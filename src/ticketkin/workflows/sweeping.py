"""Choosing on the evaluation links: how much of a tuned change to keep, and when to stop tuning."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ticketkin.core.progress import Progress
from ticketkin.core.tables import FloatArray, IntArray, SplitName, Visibility
from ticketkin.encoders.dense import DenseRanker
from ticketkin.encoders.encoding import encode_texts
from ticketkin.encoders.loading import LoadedEncoder
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.evaluation.retrieval import evaluate_retrieval
from ticketkin.training.preparation import EncoderJudge
from ticketkin.training.settings import StrengthSettings
from ticketkin.training.strength import StrengthSweep, sweep_strengths
from ticketkin.workflows.run_data import RunData

_N_RIVALS = 5
_BLOCK_QUERIES = 512


@dataclass(frozen=True)
class RivalSample:
    """The evaluation tickets and the nearest rivals of their queries: encoding the whole file costs minutes.

    The evaluation tickets alone would make every ranking look easy, and the strongest change best.
    """

    data: RunData
    start: FloatArray
    """Embeddings of all tickets by the encoder that tuning starts from."""
    rows: IntArray
    """The sample's tickets, ascending."""

    @classmethod
    def of(cls, data: RunData, start: FloatArray) -> "RivalSample":
        """Take the sample by the embeddings of the starting encoder."""
        rivals = _nearest_visible(start, data.queries(SplitName.EVALUATION), data.visibility)
        rows = np.union1d(data.splits.rows(data.tickets, SplitName.EVALUATION), rivals)
        return cls(data, start, rows)

    @property
    def texts(self) -> list[str]:
        """The texts to encode."""
        return [self.data.texts[row] for row in self.rows]

    def placed(self, embeddings: FloatArray) -> FloatArray:
        """Place the sample's embeddings at their ticket rows; the others are zero, similar to nothing."""
        placed = np.zeros_like(self.start)
        placed[self.rows] = embeddings
        return placed


def sweep(
    data: RunData,
    name: str,
    embed: Callable[[float], FloatArray],
    settings: StrengthSettings,
    progress: Progress,
) -> StrengthSweep:
    """Choose the strength by MRR of the evaluation queries; `embed` gives all tickets' embeddings."""
    found = sweep_strengths(
        embed,
        data.queries(SplitName.EVALUATION),
        data.groups.group,
        data.visibility,
        settings,
    )
    shown = ", ".join(f"{s:g}: {m:.3f}" for s, m in zip(found.strengths, found.mrr, strict=True))
    progress.say(f"  strength of {name} -> MRR on evaluation links: {shown}; chosen {found.chosen:g}")
    return found


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
        found = sample.start[sample.rows] if strength == 0 else embed(strength, sample.texts)
        return sample.placed(found)

    return sweep(sample.data, name, at_strength, settings, progress)


def epoch_judge(sample: RivalSample, settings: EncoderSettings) -> EncoderJudge:
    """Return the judge of a training: MRR of the evaluation queries by the encoder as it is then."""
    data = sample.data
    queries = data.queries(SplitName.EVALUATION)

    def mrr(encoder: LoadedEncoder) -> float:
        ranker = DenseRanker("epoch", sample.placed(encode_texts(encoder, sample.texts, None, settings)))
        scores = evaluate_retrieval(ranker, queries, data.groups.group, data.visibility)
        return float(scores.per_query("mrr").mean())

    return mrr


def _nearest_visible(embeddings: FloatArray, queries: IntArray, visibility: Visibility) -> IntArray:
    """Return the rows that stand among the first rivals of any query, ascending."""
    found = []
    for start in range(0, len(queries), _BLOCK_QUERIES):
        block = queries[start : start + _BLOCK_QUERIES]
        similarities = np.where(visibility.mask(block), embeddings[block] @ embeddings.T, -np.inf)
        k = min(_N_RIVALS, similarities.shape[1])
        found.append(np.argpartition(-similarities, k - 1, axis=1)[:, :k].ravel())
    return np.unique(np.concatenate(found)) if found else np.zeros(0, dtype=np.int64)
