"""The shape of report.json, checked when it is written and read; its JSON schema stands in the docs."""

from pathlib import Path
from typing import Literal, get_args

from pydantic import Field, JsonValue, ValidationError
from pydantic.json_schema import JsonSchemaValue

from ticketkin.core.artifacts import read_json, write_json
from ticketkin.core.checks import Check, Outcome
from ticketkin.core.errors import UnreadableFileError
from ticketkin.evaluation import verdict_words
from ticketkin.evaluation.metric_results import Metric, ReportPart, Split, SplitResult
from ticketkin.evaluation.proof_results import (
    Comparison,
    CrossFittingResult,
    LearningCurveResult,
    PowerResult,
)
from ticketkin.evaluation.recorded import (
    LeftOutKindResult,
    RecordedEncoder,
    RecordedLinks,
    RecordedProfile,
    RecordedTickets,
    RecordedTraining,
    SplitCounts,
)
from ticketkin.evaluation.thresholds import ThresholdChoice
from ticketkin.evaluation.verdict_words import Answer, first_sentence
from ticketkin.runs.holdout_ledger import Looks

SCHEMA_VERSION = "1"


Tier = Literal["none", "minimum", "good", "excellent", "production"]
TIERS: tuple[Tier, ...] = get_args(Tier)
"""Of readiness, lowest first."""


class CandidateResult(ReportPart):
    """One candidate; the holdout only for champion and baseline."""

    evaluation: SplitResult
    holdout: SplitResult | None = None
    threshold_choice: ThresholdChoice | None = None
    training: RecordedTraining | None = None
    """What happened in training, for tuned candidates."""
    cost_seconds: float | None = None
    forward_passes: int | None = None
    """Passes of an encoder that a new ticket costs."""

    @property
    def strength(self) -> float | None:
        """How much of the tuned change was kept; None where no share was chosen."""
        sweep = None if self.training is None else self.training.get("strength")
        return None if sweep is None else sweep["chosen"]

    def metric_values(self) -> dict[str, float | None]:
        """Return the value of every evaluation metric that the report holds, by name."""
        measured = self.evaluation.retrieval.metrics | self.evaluation.pairs.metrics
        return {name: metric.value for name, metric in measured.items()}

    def on(self, split: Split) -> SplitResult | None:
        """Return the results on a split; None for the holdout where it was not opened for this candidate."""
        return self.evaluation if split == "evaluation" else self.holdout


class GateResult(ReportPart):
    """One condition a challenger had to meet, with its evidence."""

    challenger: str
    name: str
    passed: bool
    evidence: str


class VerdictResult(ReportPart):
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
    gates: list[GateResult] = Field([])
    holdout_opened_at: str | None = None

    @property
    def first_line(self) -> str:
        """The answer: the first sentence of the reason."""
        return first_sentence(self.reason)[0]

    @property
    def grounds(self) -> str:
        """What the answer rests on: the other sentences."""
        return first_sentence(self.reason)[1]


class Warning(ReportPart):
    """Something a reader must know before believing a number."""

    code: str
    message: str


class CheckResult(ReportPart):
    """One diagnostic: what was examined, the evidence, what to do."""

    code: str
    outcome: Outcome
    evidence: str
    advice: str

    @classmethod
    def of(cls, check: Check) -> "CheckResult":
        """Return a check as report.json holds it."""
        return cls(code=check.code, outcome=check.outcome, evidence=check.evidence, advice=check.advice)


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


class ReadinessResult(ReportPart):
    """Whether the champion is fit for production use."""

    tier: Tier
    criteria: list[CriterionResult]


class EncoderRuntime(ReportPart):
    """What executes one encoder: torch itself, or a runtime that stays true to it."""

    encoder: str
    """base, or the candidate that tuned it."""
    judged_by: str
    serves: str
    """In the bundle that this report lies in; in a run, what its own bundle answers with."""


class OpeningsResult(ReportPart):
    """How often the links that judge were opened before these numbers, by the ledger of this installation."""

    look: int
    """Which look it is: openings with the same settings are one."""
    n_looks: int
    n_openings: int
    seeds: list[int]
    """Tried on the same tickets and links, first try first."""

    @classmethod
    def of(cls, looks: Looks) -> "OpeningsResult":
        """Return looks as report.json holds them."""
        return cls(
            look=looks.number, n_looks=looks.n_looks, n_openings=looks.n_openings, seeds=list(looks.seeds)
        )


class ProvisionalReport(ReportPart):
    """The whole of provisional.json: the quick candidates, before there is a verdict."""

    candidates: dict[str, CandidateResult]
    in_folds: bool = False
    """True where all links judge by folds."""


class JudgedRun(ReportPart):
    """What a verdict decided and measured, with what earlier stages recorded."""

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
    cost: dict[str, float]
    """Seconds for each stage."""
    tickets: RecordedTickets
    links: RecordedLinks
    pairs: dict[str, JsonValue] = Field({})
    """Where the labelled pairs come from, and what became of those in files; empty in an earlier version."""
    splits: dict[str, SplitCounts]
    profile: RecordedProfile
    encoder: RecordedEncoder
    """The untouched model: name, fingerprint, limit, template."""
    runtimes: list[EncoderRuntime] = Field([])
    """Of each encoder that was judged; none in a report of an earlier version."""
    openings: OpeningsResult | None = None
    """Null in a report of an earlier version."""
    test_pairs_sha256: str
    """Hash of the fixed holdout pairs: texts and labels. Numbers compare only where it is the same."""
    synthetic: bool
    seed: int
    versions: dict[str, str]

    @property
    def base_called(self) -> str:
        """What to call the base: the untouched model, or the model of a run that tuned it before."""
        return self.encoder.get("tuned_as") or verdict_words.UNTOUCHED_MODEL

    @property
    def left_out_kinds(self) -> list[LeftOutKindResult] | None:
        """The kinds of links that are not used; None in a shared copy, and where it was not recorded."""
        return self.links.get("left_out_kinds")


class VerdictRecord(JudgedRun):
    """The whole of verdict.json: no tier yet, which owes something to kinds; they are learned afterwards."""

    criteria: list[CriterionResult]
    """Of readiness, those that the verdict could measure."""


class Report(JudgedRun):
    """The whole of report.json."""

    readiness: ReadinessResult


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


def report_json_schema() -> JsonSchemaValue:
    """Return the JSON schema of report.json."""
    return Report.model_json_schema()


def write_schema(path: Path) -> None:
    """Write the JSON schema to `path`."""
    write_json(path, report_json_schema())
