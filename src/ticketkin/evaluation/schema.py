"""The shape of report.json, checked when it is written and read; its JSON schema stands in the docs.

The metrics of the registry are keys beside the counts in report.json; here they are one mapping by name.
A report of an earlier version may lack a metric that came later.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    GetJsonSchemaHandler,
    SerializerFunctionWrapHandler,
    ValidationError,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from ticketkin.core.artifacts import read_json, write_json
from ticketkin.core.checks import Outcome
from ticketkin.core.errors import UnreadableFileError
from ticketkin.evaluation.bootstrap import Interval, PairedGain
from ticketkin.evaluation.metrics import METRICS, MetricDefinition
from ticketkin.evaluation.thresholds import ThresholdChoice
from ticketkin.evaluation.verdict_words import Answer, first_sentence

SCHEMA_VERSION = "1"


Split = Literal["evaluation", "holdout"]
Tier = Literal["none", "minimum", "good", "excellent", "production"]
TIERS: tuple[Tier, ...] = get_args(Tier)
"""Of readiness, lowest first."""


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Metric(_Part):
    """A value with its 95 % interval; null where it can't be computed."""

    value: float | None
    low: float | None
    high: float | None

    @property
    def interval(self) -> Interval:
        """The same numbers as an interval."""
        return Interval(self.value, self.low, self.high)


NOT_MEASURED = Metric(value=None, low=None, high=None)


class _Measured(_Part):
    """Counts, and a value with its interval for each metric of one part of the registry."""

    metrics: dict[str, Metric] = {}
    """By name, in the order of the registry."""

    @classmethod
    def definitions(cls) -> Sequence[MetricDefinition]:
        """Return the metrics of this part, as the registry has them now."""
        raise NotImplementedError

    def metric(self, name: str) -> Metric:
        """Return one metric; null throughout where the report does not hold it."""
        return self.metrics.get(name, NOT_MEASURED)

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, values: Any) -> Any:
        if not isinstance(values, Mapping):
            return values
        names = [metric.name for metric in cls.definitions() if metric.name in values]
        counts = {key: value for key, value in values.items() if key not in names}
        return {"metrics": {name: values[name] for name in names}, **counts}

    @model_serializer(mode="wrap")
    def _spread(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        counts: dict[str, Any] = serialize(self)
        metrics: dict[str, Any] = counts.pop("metrics")
        return counts | metrics

    @classmethod
    def __get_pydantic_json_schema__(
        cls, core_schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> JsonSchemaValue:
        """Return the schema with a key for each metric: all of them are written."""
        schema = handler.resolve_ref_schema(handler(core_schema))
        reference = schema["properties"].pop("metrics")["additionalProperties"]
        for metric in cls.definitions():
            schema["properties"][metric.name] = {**reference, "description": metric.description}
            schema["required"].append(metric.name)
        return schema


class Retrieval(_Measured):
    """Held-out tickets with kin as queries, ranked against every ticket they may see."""

    n_queries: int
    n_clusters: int
    """Kin groups the queries belong to: the unit of the bootstrap."""
    n_candidates: int

    @classmethod
    def definitions(cls) -> Sequence[MetricDefinition]:
        """Return the metrics of retrieval."""
        return METRICS.retrieval


class Confusion(_Part):
    """Counts at the threshold."""

    true_positive: int
    false_positive: int
    false_negative: int
    true_negative: int


class PairDecisions(_Measured):
    """Fixed pairs of kin and not kin, decided at a threshold chosen on evaluation pairs."""

    n_positive: int
    n_negative: int
    confusion: Confusion
    prevalence: float
    """Share of kin among the pairs at which precision_at_prevalence is stated."""

    @classmethod
    def definitions(cls) -> Sequence[MetricDefinition]:
        """Return the metrics of pairs."""
        return METRICS.pairs


class SplitResult(_Part):
    """One candidate on one split."""

    labels_from: Literal["person", "silver"]
    retrieval: Retrieval
    pairs: PairDecisions

    def metric(self, name: str) -> Metric:
        """Return a metric of either part; null throughout where the report does not hold it."""
        return (self.retrieval if METRICS[name].part == "retrieval" else self.pairs).metric(name)


class CandidateResult(_Part):
    """One candidate; the holdout only for champion and baseline."""

    evaluation: SplitResult
    holdout: SplitResult | None = None
    threshold_choice: ThresholdChoice | None = None
    training: dict[str, Any] | None = None
    """What happened in training, for tuned candidates."""
    cost_seconds: float | None = None
    forward_passes: int | None = None
    """Passes of an encoder that a new ticket costs."""

    def on(self, split: Split) -> SplitResult | None:
        """Return the results on a split; None for the holdout where it was not opened for this candidate."""
        return self.evaluation if split == "evaluation" else self.holdout


class GateResult(_Part):
    """One condition a challenger had to meet, with its evidence."""

    challenger: str
    name: str
    passed: bool
    evidence: str


class VerdictResult(_Part):
    """Which encoder, which ranking, and why."""

    champion: str
    encoder: str
    baseline: str
    kept_baseline: bool
    answer: Answer | None = None
    """None in a report of an earlier version."""
    reason: str
    cheaper: str = ""
    """Which ranking costs less for a new ticket and is as good as can be told; "" where none is."""
    gates: list[GateResult] = []
    holdout_opened_at: str | None = None

    @property
    def first_line(self) -> str:
        """The answer: the first sentence of the reason."""
        return first_sentence(self.reason)[0]

    @property
    def grounds(self) -> str:
        """What the answer rests on: the other sentences."""
        return first_sentence(self.reason)[1]


class Comparison(_Part):
    """A paired gain on the same queries."""

    challenger: str
    baseline: str
    metric: str
    split: Split = "evaluation"
    gain: Metric
    n_queries: int
    n_clusters: int
    p_value: float

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


class ShuffledResult(_Part):
    """What the whole procedure gained in the primary metric where links were shuffled and mean nothing."""

    gains: list[float]
    n_yes: int
    """Shuffles that would have been called a gain."""
    share_of_yes: Metric
    """With Wilson's 95 % interval; null where no shuffle was tried."""


class ChoiceResult(_Part):
    """What was chosen in a fold, or on all links."""

    champion: str
    options: dict[str, str]
    """By candidate that is fitted: the strength of a head, how far a ranking may move from the hybrid."""


class CrossFittingResult(_Part):
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


class PowerResult(_Part):
    """What so many kin groups can prove."""

    n_kin_groups: int
    smallest_provable_gain: float | None
    """In the primary metric, with 80 % power; null where it can't be told."""
    n_more_kin_groups: int | None
    """To prove the gain that was seen; 0 where it takes no more, null where nothing was gained."""
    gain: Comparison | None = None
    """The gain that was seen; null in a report of an earlier version."""


class LearningPointResult(_Part):
    """What the learned ranking gains when it has learned from a part of the kin groups."""

    share: float
    n_kin_groups: int
    """Learned from, on average over the draws of the part."""
    gains: list[Comparison]
    """In the primary metric: over the untouched encoder, and over the hybrid, which needs no links."""


class LearningCurveResult(_Part):
    """How the learned ranking grows with the links it learns from."""

    points: list[LearningPointResult]
    """By rising number of kin groups."""
    last_doubling: Comparison
    """What all kin groups gain over half of them."""


class Warning(_Part):
    """Something a reader must know before believing a number."""

    code: str
    message: str


class CheckResult(_Part):
    """One diagnostic: what was examined, the evidence, what to do."""

    code: str
    outcome: Outcome
    evidence: str
    advice: str


class CriterionResult(Metric):
    """One target of readiness."""

    name: str
    target: float
    at_most: bool
    """True where lower is better."""
    gap: float | None
    """How far beyond the target; negative where it is not reached."""
    passed: bool
    note: str


class ReadinessResult(_Part):
    """Whether the champion is fit for production use."""

    tier: Tier
    criteria: list[CriterionResult]


class EncoderRuntime(_Part):
    """What executes one encoder: torch itself, or a runtime that stays true to it."""

    encoder: str
    """base, or the candidate that tuned it."""
    judged_by: str
    serves: str
    """In the bundle that this report lies in; in a run, what its own bundle answers with."""


class Report(_Part):
    """The whole of report.json."""

    schema_version: str
    verdict: VerdictResult
    candidates: dict[str, CandidateResult]
    comparisons: list[Comparison]
    cross_fitting: CrossFittingResult | None = None
    """Null where a split judged."""
    power: PowerResult | None = None
    learning_curve: LearningCurveResult | None = None
    """Null where it was not drawn: too few kin groups, no people's links, or switched off."""
    warnings: list[Warning]
    diagnostics: list[CheckResult]
    readiness: ReadinessResult
    cost: dict[str, float]
    """Seconds for each stage."""
    tickets: dict[str, Any]
    links: dict[str, Any]
    pairs: dict[str, Any] = {}
    """Where the labelled pairs come from, and what became of those in files; empty in an earlier version."""
    splits: dict[str, Any]
    profile: dict[str, Any]
    encoder: dict[str, Any]
    """The untouched model: name, fingerprint, limit, template."""
    runtimes: list[EncoderRuntime] = []
    """Of each encoder that was judged; none in a report of an earlier version."""
    test_pairs_sha256: str
    """Hash of the fixed holdout pairs: texts and labels. Numbers compare only where it is the same."""
    synthetic: bool
    seed: int
    versions: dict[str, str]


def metric_values(candidate: Mapping[str, Any]) -> dict[str, float | None]:
    """Return the value of every evaluation metric of a candidate as in report.json, by name."""
    evaluation = candidate["evaluation"]
    return {
        metric.name: evaluation[metric.part][metric.name]["value"]
        for metric in METRICS
        if metric.name in evaluation[metric.part]
    }


def read_report(path: Path) -> Report:
    """Read report.json. Raises UnreadableFileError where it is not what a run writes."""
    try:
        return Report.model_validate(read_json(path))
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = ".".join(map(str, first["loc"])) or "the whole file"
        reason = f"{where}: {first['msg']}"
    except ValueError as error:
        reason = str(error)
    raise UnreadableFileError(
        f"{path} is not a report that this version of Ticketkin can read ({reason}). Make it again: "
        f"ticketkin run --resume --out {path.parent}"
    )


def report_json_schema() -> dict[str, Any]:
    """Return the JSON schema of report.json."""
    return Report.model_json_schema()


def write_schema(path: Path) -> None:
    """Write the JSON schema to `path`."""
    write_json(path, report_json_schema())
