"""What a model loses when its embeddings are cut to their first dimensions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from ticketkin.core.tables import FloatArray, IntArray, Visibility
from ticketkin.core.wording import number_of
from ticketkin.encoders.dense import DenseRanker, unit_length
from ticketkin.evaluation.bootstrap import Interval, Resamples, mean_interval
from ticketkin.evaluation.gains import PRIMARY, paired_gain
from ticketkin.evaluation.retrieval import evaluate_retrieval


class JudgedQueries(Protocol):
    """The tickets that a cut is judged by, and what they may see."""

    @property
    def queries(self) -> IntArray:
        """Rows of tickets with visible kin."""

    @property
    def groups(self) -> IntArray:
        """Kin group of every ticket."""

    @property
    def visibility(self) -> Visibility:
        """What a query may see."""


@dataclass(frozen=True)
class CutQuality:
    """How well a model ranks by its first dimensions: the evaluation links beside their nearest rivals."""

    dimensions: int
    mrr: Interval
    change: Interval
    """In MRR, from all dimensions, on the same queries; of all of them, zero."""
    n_queries: int
    n_kin_groups: int
    """What the intervals resample."""

    def __str__(self) -> str:
        """Return `128: 0.644 [0.610, 0.680] (-0.004 [-0.010, +0.002])`."""
        change = self.change
        if change.value == 0 or change.low is None or change.high is None:
            return f"{self.dimensions}: {self.mrr}"
        return f"{self.dimensions}: {self.mrr} ({change.value:+.3f} [{change.low:+.3f}, {change.high:+.3f}])"


def cuts_sentence(name: str, cuts: Sequence[CutQuality], labels_from: str) -> str:
    """Return what was measured for a candidate, on one line; `labels_from` says who labelled."""
    groups = number_of(cuts[0].n_kin_groups, "kin group")
    judged = f"{number_of(cuts[0].n_queries, 'evaluation ticket')} of {groups}"
    return f"{name} by dimensions -> MRR on {judged} (labels: {labels_from}): {', '.join(map(str, cuts))}"


def first_dimensions(embeddings: FloatArray, dimensions: int | None) -> FloatArray:
    """Return embeddings (n, d) cut to their first dimensions, unit length; None leaves them as they are."""
    return embeddings if dimensions is None else unit_length(embeddings[:, :dimensions])


def quality_by_dimensions(
    judged: JudgedQueries, embeddings: FloatArray, sizes: Sequence[int], n_bootstrap: int, seed: int
) -> list[CutQuality]:
    """Return how well `embeddings` of all tickets, (n_tickets, d), rank whole and cut to each of `sizes`."""
    whole = embeddings.shape[1]
    every = sorted({whole, *(size for size in sizes if size < whole)}, reverse=True)
    scores = {
        str(size): evaluate_retrieval(
            DenseRanker(str(size), first_dimensions(embeddings, size)),
            judged.queries,
            judged.groups,
            judged.visibility,
        )
        for size in every
    }
    qualities = []
    for size in every:
        gain = paired_gain(scores, str(size), str(whole), PRIMARY, n_bootstrap, seed)
        resamples = Resamples.draw(scores[str(size)].clusters, n_bootstrap, seed)
        mrr = mean_interval(scores[str(size)].per_query(PRIMARY), resamples)
        qualities.append(CutQuality(size, mrr, gain.gain, gain.n_queries, gain.n_clusters))
    return qualities
