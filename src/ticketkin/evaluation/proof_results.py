"""How a verdict was reached and what it rests on, as report.json holds it."""

from ticketkin.evaluation.bootstrap import PairedGain
from ticketkin.evaluation.metric_results import Metric, ReportPart, Retrieval, Split


class Comparison(ReportPart):
    """A paired gain on the same queries."""

    challenger: str
    baseline: str
    metric: str
    split: Split = "evaluation"
    gain: Metric
    n_queries: int
    n_clusters: int
    p_value: float

    @classmethod
    def of(cls, gain: PairedGain, split: Split = "evaluation") -> "Comparison":
        """Return a gain measured on a split as report.json holds it."""
        return cls(
            challenger=gain.challenger,
            baseline=gain.baseline,
            metric=gain.metric,
            split=split,
            gain=Metric.of(gain.gain),
            n_queries=gain.n_queries,
            n_clusters=gain.n_clusters,
            p_value=gain.p_value,
        )

    def paired_gain(self) -> PairedGain:
        """Return what can be asked whether it is a gain, a loss or chance."""
        return PairedGain(
            self.challenger,
            self.baseline,
            self.metric,
            self.gain.interval,
            self.n_queries,
            self.n_clusters,
            self.p_value,
        )


class ShuffledResult(ReportPart):
    """What the whole procedure gained in the primary metric where links were shuffled and mean nothing."""

    gains: list[float]
    n_yes: int
    """Shuffles that would have been called a gain."""
    share_of_yes: Metric
    """With Wilson's 95 % interval; null where no shuffle was tried."""


class ChoiceResult(ReportPart):
    """What was chosen in a fold, or on all links."""

    champion: str
    options: dict[str, str]
    """By candidate that is fitted: the strength of a head, how far a ranking may move from the hybrid."""


class CrossFittingResult(ReportPart):
    """How candidates were judged by folds, where links are few."""

    n_folds: int
    n_repeats: int
    n_kin_groups: int
    procedure: Comparison
    """The gain of the whole procedure, which chooses anew in each fold, over the baseline."""
    retrieval: Retrieval | None = None
    """What the whole procedure finds; null in a report of an earlier version."""
    choices: list[ChoiceResult]
    """Of each fold of each repeat."""
    final: ChoiceResult
    """Of all links: what is kept."""
    shuffled: ShuffledResult
    left_out: list[str]
    """Candidates that were asked for and not judged: to train them once for each fold would take too long."""


class PowerResult(ReportPart):
    """What so many kin groups can prove."""

    n_kin_groups: int
    smallest_provable_gain: float | None
    """In the primary metric, with 80 % power; null where it can't be told."""
    n_more_kin_groups: int | None
    """To prove the gain that was seen; 0 where it takes no more, null where nothing was gained."""
    gain: Comparison | None = None
    """The gain that was seen; null in a report of an earlier version."""

    @property
    def is_proven(self) -> bool:
        """Whether the gain that was seen is proven, however few such studies would prove it."""
        return self.gain is not None and self.gain.paired_gain().is_gain


class LearningPointResult(ReportPart):
    """What the learned ranking gains when it has learned from a part of the kin groups."""

    share: float
    n_kin_groups: int
    """Learned from, on average over the draws of the part."""
    gains: list[Comparison]
    """In the primary metric: over the untouched encoder, and over the hybrid, which needs no links."""


class LearningCurveResult(ReportPart):
    """How the learned ranking grows with the links it learns from."""

    points: list[LearningPointResult]
    """By rising number of kin groups."""
    last_doubling: Comparison
    """What all kin groups gain over half of them."""
