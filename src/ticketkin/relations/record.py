"""What was learned of kinds of kin and how well models distinguish them: the content of relations.json.

Keys of the file that differ from the names here stand as aliases.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    TypeAdapter,
    model_serializer,
    model_validator,
)

from ticketkin.core.checks import Check
from ticketkin.evaluation.bootstrap import Interval
from ticketkin.relations.bands import REPORTED_BANDS, Bands, ReportedBand
from ticketkin.relations.kinds import KINDS, NONE
from ticketkin.relations.settings import AUTO, Classifier, RelationModel


class _Part(BaseModel):
    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        use_attribute_docstrings=True,
        populate_by_name=True,
        serialize_by_alias=True,
    )


class KindQuality(_Part):
    """How well one kind is distinguished from the others; without a value where no pair is of the kind."""

    n: int
    """Pairs of the kind."""
    precision: Interval | None
    recall: Interval | None
    f1: Interval | None


class ReliabilityBin(_Part):
    """One tenth of the predicted probability of a kind."""

    predicted: float = Field(alias="said")
    """Mean predicted probability."""
    true: float
    """Share of the pairs that are of the kind."""
    n: float
    """Pairs, mean over repeats."""


class DirectionByTime(_Part):
    """How often the ticket that was filed first is the cause."""

    n_detected: float
    """Causal pairs that were predicted as causal, mean over repeats."""
    share_right: float | None
    """Of those, the share whose earlier ticket is the cause; None where none was detected."""


class ModelQuality(_Part):
    """How well one model tells kinds apart: out of fold, means over repeats, intervals over blocks."""

    macro_f1: Interval
    weighted_f1: Interval
    brier: Interval
    by_kind: dict[str, KindQuality]
    confusion: list[list[float]]
    """Pairs by true kind (rows) and predicted kind (columns), mean over repeats."""
    reliability: dict[str, list[ReliabilityBin]]
    """By kind, before calibration."""
    direction_by_time: DirectionByTime

    @property
    def counts(self) -> dict[str, int]:
        """Pairs that judged, by kind."""
        return {kind: quality.n for kind, quality in self.by_kind.items()}


class ClassifierScore(_Part):
    """How well one classifier tells kinds apart on folds within the pairs that choose."""

    macro_f1: float
    """Of the predictions of all folds together, mean over the kinds that there are."""
    spread: float
    """Standard deviation of the macro F1 over the folds."""
    f1: dict[str, float]
    """By kind."""


class ClassifierChoice(_Part):
    """Which classifier was chosen on folds within the training pairs, and by what."""

    chosen: Classifier
    n_pairs: int
    """Pairs that chose; their mixture is evener than that of all pairs, as frequent kinds are thinned."""
    n_folds: int
    scores: dict[Classifier, ClassifierScore]
    in_folds: dict[Classifier, int] = {}
    """How often each was chosen in the folds that assess the whole procedure."""


class CauseQuality(_Part):
    """How well a cross-encoder of their own tells causes from all other pairs, out of fold."""

    n_causal: int
    n_other: int
    roc_auc: Interval
    pr_auc: Interval
    f1: Interval
    precision: Interval
    recall: Interval
    brier: Interval
    direction_right: float
    """Share of the causes whose direction the higher of both orders' logits gives."""
    milliseconds_a_pair: float
    base: str
    fresh_head: bool
    """Whether the head began at random."""
    method: str
    folds: int
    pr_auc_kinds: Interval | None = None
    """Of the causal kind by the model of kinds alone, on the same pairs; None in records of older runs."""
    pr_auc_both: Interval | None = None
    """Of the causal kind with the cross-encoder."""
    gain: Interval | None = None
    """The second less the first."""

    @property
    def helps(self) -> bool:
        """Whether the causal kind is better with the cross-encoder beyond doubt."""
        return self.gain is not None and self.gain.low is not None and self.gain.low > 0


class BandQuality(_Part):
    """What is reported of one kind from one threshold on, and how much of it is right."""

    n_reported: int = Field(alias="n_said")
    n_right: int
    n_retrieved: int
    """Pairs of the kind among the retrieved ones."""
    n_true: int
    """Pairs of the kind that could have been reported, retrieved or not."""
    precision: float | None
    precision_low: float | None
    precision_high: float | None
    recall: float | None
    false_alarms_per_1000_tickets: float


class SplitQuality(_Part):
    """What is reported of the tickets of one split and their nearest others, at the real base rate."""

    n_queries: int
    n_pairs: int
    by_kind: dict[str, dict[ReportedBand, BandQuality]]
    """By kind and band; in the file keys such as `duplicate_say`."""

    def of(self, kind: str, band: ReportedBand) -> BandQuality:
        """Return the quality of one kind from the threshold of a band on."""
        return self.by_kind[kind][band]

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, values: Any) -> Any:
        if not isinstance(values, Mapping) or "by_kind" in values:
            return values
        rest = dict(values)
        by_kind = {
            kind: {band: rest.pop(f"{kind}_{band}") for band in REPORTED_BANDS if f"{kind}_{band}" in rest}
            for kind in KINDS
            if kind != NONE
        }
        return {**rest, "by_kind": by_kind}

    @model_serializer(mode="wrap")
    def _spread(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = serialize(self)
        by_kind: dict[str, dict[str, Any]] = values.pop("by_kind")
        return values | {
            f"{kind}_{band}": quality for kind, bands in by_kind.items() for band, quality in bands.items()
        }


TRAIN_AND_EVALUATION = "train and evaluation"


class TwoStageQuality(_Part):
    """What retrieval and classification together report: thresholds, and quality by split."""

    say_precision: float
    suggest_precision: float
    bands: Bands
    pairs_by_split: dict[str, dict[str, int]]
    """Pairs by kind that each split holds; where the thresholds were set by folds, those of training and
    evaluation tickets stand together, as `TRAIN_AND_EVALUATION`."""
    evaluation: SplitQuality
    """Of the tickets that set the thresholds."""
    holdout: SplitQuality


class KindsLearned(_Part):
    """Kinds of kin that were learned, and what they are worth."""

    learned: Literal[True] = True
    model: RelationModel
    """The model that is kept."""
    labels_from: str
    counts: dict[str, int]
    """Pairs by kind."""
    mixture_of_none: dict[str, int]
    """Where the pairs of strangers come from."""
    contradictions: list[tuple[str, str, str]] = []
    """Two ticket ids and the kinds that people gave the pair."""
    contradiction_rule: str
    notes: list[str] = Field(alias="told")
    """What must be known before any result."""
    n_folds: int
    n_repeats: int
    seed: int
    results: dict[str, ModelQuality]
    """By model; the kept one and the majority class always. `auto` is the whole procedure: the choice is made
    anew in every fold."""
    choice: ClassifierChoice | None = None
    """None where the settings name the model."""
    without: dict[str, Interval] = {}
    """Macro F1 of the kept model without a group of features, by group."""
    causes: CauseQuality | None = None
    """None where they were not asked for."""
    causes_left_out: str = ""
    """Why the cross-encoder of causes has no say in answers; empty where it has one or was not asked for."""
    two_stage: TwoStageQuality
    gates: list[Check] = []

    @property
    def kept(self) -> ModelQuality:
        """The out-of-fold quality of the kept model; where it was chosen, that of choosing and fitting."""
        return self.results[self.model if self.choice is None else AUTO]

    @property
    def judged_name(self) -> str:
        """What `kept` is the quality of, in words: a classifier, or choosing one in each fold."""
        return self.model if self.choice is None else f"choosing in each fold (here {self.model})"

    @property
    def right_direction(self) -> float | None:
        """Share of detected causes that were filed first; None where none was detected."""
        return self.kept.direction_by_time.share_right


class KindsNotLearned(_Part):
    """Why kinds of kin were not learned."""

    learned: Literal[False] = False
    reason: str


RelationRecord = Annotated[KindsLearned | KindsNotLearned, Field(discriminator="learned")]
RELATION_RECORD: TypeAdapter[KindsLearned | KindsNotLearned] = TypeAdapter(RelationRecord)
