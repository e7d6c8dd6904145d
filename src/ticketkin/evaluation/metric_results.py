"""What was measured of a candidate, as report.json holds it.

The metrics of the registry are keys beside the counts in report.json; here they are one mapping by name.
A report of an earlier version may lack a metric that came later.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    GetJsonSchemaHandler,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)
from pydantic.json_schema import JsonSchemaValue
from pydantic_core import CoreSchema

from ticketkin.core.tables import LabelsFrom
from ticketkin.evaluation.bootstrap import Interval
from ticketkin.evaluation.metric_definitions import MetricDefinition
from ticketkin.evaluation.metrics import METRICS

Split = Literal["evaluation", "holdout"]


class ReportPart(BaseModel):
    """A part of report.json: no other keys than its own."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)


class Metric(ReportPart):
    """A value with its 95 % interval; null where it can't be computed."""

    value: float | None
    low: float | None
    high: float | None

    @classmethod
    def of(cls, interval: Interval) -> "Metric":
        """Return an interval as report.json holds it."""
        return cls(value=interval.value, low=interval.low, high=interval.high)

    @property
    def interval(self) -> Interval:
        """The same numbers as an interval."""
        return Interval(self.value, self.low, self.high)


NOT_MEASURED = Metric(value=None, low=None, high=None)


class _Measured(ReportPart):
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


class Confusion(ReportPart):
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
    n_graded: int = 0
    """Pairs over whose grades in their file Spearman and Pearson are taken; 0: over the labels of all."""

    @classmethod
    def definitions(cls) -> Sequence[MetricDefinition]:
        """Return the metrics of pairs."""
        return METRICS.pairs


class SplitResult(ReportPart):
    """One candidate on one split."""

    labels_from: LabelsFrom
    retrieval: Retrieval
    pairs: PairDecisions

    def metric(self, name: str) -> Metric:
        """Return a metric of either part; null throughout where the report does not hold it."""
        return (self.retrieval if METRICS[name].part == "retrieval" else self.pairs).metric(name)
