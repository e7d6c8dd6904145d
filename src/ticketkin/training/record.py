"""What a training did, as it happened: the content of training_metadata.json."""

import platform
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import (
    Any,
    NotRequired,  # pydantic reads those of `typing` from Python 3.12 on
)

from pydantic import BaseModel, ConfigDict, SerializerFunctionWrapHandler, model_serializer, with_config
from typing_extensions import TypedDict

from ticketkin.core.checks import Check
from ticketkin.core.wording import number_of
from ticketkin.encoders.activity import ActivityProof
from ticketkin.encoders.interpolation import ReloadProof
from ticketkin.encoders.runtime.fidelity import RuntimeRecord
from ticketkin.encoders.serving import TextEncoding
from ticketkin.pairs.account import PairAccount
from ticketkin.training.cut_quality import CutQuality
from ticketkin.training.device_use import DeviceUse
from ticketkin.training.strength import StrengthSweep

_PACKAGES = ("torch", "transformers", "sentence-transformers", "peft", "numpy")


@dataclass
class History:
    """One value a step, as it happened."""

    loss: list[float] = field(default_factory=list)
    learning_rate: list[float] = field(default_factory=list)
    """Read from the optimiser after the step."""
    gradient_norm: list[float] = field(default_factory=list)
    """Before clipping."""
    phase: list[int] = field(default_factory=list)
    """Empty where there are no phases."""


@dataclass(frozen=True)
class Evaluation:
    """How good the model is after an epoch, on links that it was not trained on."""

    step: int
    """Steps done."""
    value: float
    """What the best epoch is chosen by: MRR of the evaluation links, or of a cross-encoder its validation."""
    pearson: float | None = None
    """Of similarity and label over the evaluation pairs, where these were looked at."""
    spearman: float | None = None
    """As `pearson`."""
    loss: float | None = None
    """Mean over the steps of the epoch."""


@dataclass(frozen=True)
class EarlyStop:
    """Why a training ended before its last step."""

    step: int
    kept_step: int
    """Steps done when the weights that are kept were reached."""
    reason: str
    """`plateau`, or `not finite`."""


class _Part(BaseModel):
    """A part of the record; what was not given is not written."""

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True)

    @model_serializer(mode="wrap")
    def _given(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        values: dict[str, Any] = serialize(self)
        return {name: value for name, value in values.items() if name in self.model_fields_set}


@with_config(ConfigDict(extra="allow"))
class AskedSettings(TypedDict):
    """The section of settings that a training was made by; each method has further ones."""

    learning_rate: float
    warmup_steps: NotRequired[int]
    epochs_per_phase: NotRequired[list[int]]


class PhaseRecord(_Part):
    """One phase that was executed."""

    phase: int
    """Its number, from 1 on."""
    objective: str = ""
    """Of a training without labels, each of whose objectives is a phase."""
    texts: int = 0
    positives: int = 0
    """Different ones that its steps saw."""
    labelled: int = 0
    """Different labelled pairs that its steps saw."""
    of_phases: list[int] = []
    """Which phases these pairs belong to."""
    steps: int
    examples: int
    """Seen in its steps, repeats counted."""


class TrainingRecord(_Part):
    """What one training did; a key that does not apply to its method is not written."""

    method: str
    base: str = ""
    """Of a cross-encoder."""
    fresh_head: bool = False
    """Whether the head of a cross-encoder began at random."""
    losses: dict[str, str] = {}
    objectives: list[str] = []
    """Of a training without labels, in order."""
    settings: AskedSettings
    """As they were asked for."""
    n_positives: int = 0
    phases: list[PhaseRecord] = []
    positives_by_phase: list[int] = []
    """There are, by the phase they belong to."""
    labelled_by_phase: list[int] = []
    """Labelled pairs there are, by the phase they belong to."""
    phases_are_given: bool = False
    """Whether a file or a source gives the phases; otherwise they are measured."""
    is_cumulative: bool = True
    """Whether a phase trains on the earlier ones' pairs, too."""
    examples: dict[str, dict[str, int]]
    """Seen by each loss, by label, repeats counted."""
    steps_planned: int
    steps_done: int
    stopped_early: EarlyStop | None = None
    evaluations: list[Evaluation] = []
    best_step: int | None = None
    """Steps done at the best evaluation; None where none was made."""
    history: History
    parameters_trained: int
    parameters_total: int = 0
    relative_change: dict[str, float] = {}
    """||dW|| / ||W|| by module."""
    batch_size: int
    """At the end: memory that runs out halves it."""
    device: str
    device_use: DeviceUse | None = None
    """What it used of a GPU; not written where it ran on a CPU."""
    precision: str
    seed: int | None = None
    seconds: float
    made_at: str = ""
    """When the model was saved, in UTC (ISO 8601)."""
    data_sha256: str = ""
    versions: dict[str, str]
    head_change: float = 0.0
    """How far the head of a cross-encoder went, as a share of its size."""
    head_digest: str = ""
    """Hash of the head of a cross-encoder when training ended."""


class RerankerGate(_Part):
    """Whether the first of each list are ranked better by what a reranker reads, on kin it has not seen."""

    n_queries: int
    """Tickets with kin among the first of their list."""
    n_read: int
    before: float
    """MRR within the first of each list by the hybrid."""
    after: float
    """The same with what the reranker read added to it."""
    passed: bool
    """Whether it is better by more than one standard error."""

    @property
    def sentence(self) -> str:
        """What was measured and what follows, in a sentence."""
        if not self.n_queries:
            return "no training ticket whose links the reranker has not seen has kin in its list"
        verdict = "so it is kept" if self.passed else "no clear gain"
        return (
            f"on {number_of(self.n_queries, 'training ticket')} whose links the reranker has not seen, MRR "
            f"within the first {self.n_read} of the list is {self.before:.3f} without it and "
            f"{self.after:.3f} with it: {verdict}"
        )


class CandidateTraining(TrainingRecord):
    """The training of a candidate, the encoder it began with, and how the saved model was proven and kept."""

    candidate: str
    base_model: str
    base_fingerprint: str
    base_code: str = ""
    """REPO@COMMIT of code of its own that the base runs, as was allowed; not written where it runs none."""
    template: str
    encoder: TextEncoding
    """How the encoder it began with turns a text into an embedding."""
    strength: StrengthSweep | None = None
    chosen_strength: float | None = None
    """Where folds chose it, so that there is no one sweep."""
    proof: ActivityProof | ReloadProof | None = None
    """Measured on the saved model, in a fresh process."""
    augmented: dict[str, int] = {}
    """Altered positives that were added, by the way they were altered."""
    runtime: RuntimeRecord | None = None
    """What executes the encoder."""
    pairs: PairAccount | None = None
    """Where the labelled pairs it was trained on come from."""
    data_hashes: dict[str, str] = {}
    """SHA-256 of the files of the run that it was made of."""
    metrics: dict[str, dict[str, float | None]] = {}
    """By split: what strength and epoch were chosen by; in model/ all that was measured."""
    checks: list[Check] = []
    """Of model/: what the diagnostics of its run say, that of the category among them."""
    dimensions: list[CutQuality] = []
    """What is lost where the embeddings are cut, where that was asked for: all dimensions first."""
    gate: RerankerGate | None = None
    """What a reranker was kept for."""

    @classmethod
    def of(cls, record: TrainingRecord, **about: Any) -> "CandidateTraining":
        """Return `record` with what is known `about` the candidate."""
        return cls.model_validate(
            {**{name: getattr(record, name) for name in record.model_fields_set}, **about}
        )


class UntouchedModel(_Part):
    """What stands beside a model that was not trained: the base, where nothing was better."""

    candidate: str
    base_model: str
    base_fingerprint: str
    base_code: str = ""
    made_at: str
    data_hashes: dict[str, str]
    metrics: dict[str, dict[str, float | None]]
    checks: list[Check]
    versions: dict[str, str]


class LeftOutCandidate(_Part):
    """What stands in place of a candidate that was asked for and takes no part."""

    candidate: str
    left_out: str
    """Why, and what makes it take part."""
    trained: CandidateTraining | None = None
    """How it was trained, where that was done: it did not pass its gate."""


def utc_now() -> str:
    """Return the time in UTC, as records hold it."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def training_versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that train, as far as they are installed."""
    return dict(_installed_versions())


@cache
def _installed_versions() -> Mapping[str, str]:
    """Read the versions from the disk once: folds train hundreds of heads in a process."""
    installed = {"python": platform.python_version()}
    for name in _PACKAGES:
        with suppress(PackageNotFoundError):
            installed[name] = version(name)
    return installed
