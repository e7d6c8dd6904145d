"""What report.html shows beyond report.json: raw values behind the figures, example pairs, provenance.

All of it is optional but the title: a part that is absent is explained in the report, not drawn empty.
One stage gathers the material and writes it as JSON, another writes the page of it.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any

import numpy as np
import numpy.typing as npt
from pydantic import BeforeValidator, PlainSerializer, PlainValidator

from ticketkin.evaluation.borderline import BorderlineTest
from ticketkin.relations.families import FamiliesRecord
from ticketkin.relations.record import RelationRecord


def _as_floats(value: Any) -> npt.NDArray[np.float64]:
    return np.asarray(value, dtype=np.float64).reshape(-1)


def _as_integers(value: Any) -> npt.NDArray[np.int64]:
    return np.asarray(value, dtype=np.int64).reshape(-1)


def _as_list(values: npt.NDArray[Any]) -> list[Any]:
    listed: list[Any] = np.asarray(values).tolist()
    return listed


Floats = Annotated[npt.NDArray[np.float64], PlainValidator(_as_floats), PlainSerializer(_as_list)]
Integers = Annotated[npt.NDArray[np.int64], PlainValidator(_as_integers), PlainSerializer(_as_list)]


FEW_PAIRS = 30
"""Below so many pairs of kin, one pair moves a threshold or a rate by more than three points."""


# Material of an earlier version holds {} for what is absent.
_EMPTY_IS_ABSENT = BeforeValidator(lambda value: None if value == {} else value)


@dataclass(frozen=True)
class PairExample:
    """Two tickets that were decided wrongly, or hardly; texts are cleaned and redacted."""

    left_id: str
    left_text: str
    right_id: str
    right_text: str
    similarity: float
    label: int
    """1 kin, 0 not kin, as the links say."""


@dataclass(frozen=True)
class PairSimilarities:
    """The holdout pairs as one candidate scores them."""

    similarities: Floats
    """Shape (n_pairs,)."""
    labels: Integers
    """1 kin, 0 not kin, shape (n_pairs,)."""
    threshold: float | None = None
    """At or above it a pair is called kin; chosen on evaluation pairs."""


@dataclass(frozen=True)
class RecallCurve:
    """Share of the queries with at least one kin among the first k results."""

    k: Integers
    """Shape (n_points,), ascending."""
    share: Floats
    """In [0, 1], shape (n_points,)."""


@dataclass(frozen=True)
class EpochCurve:
    """What one training was worth after each epoch, on the evaluation links; all of shape (n_epochs,)."""

    loss: Floats
    """Mean over the steps of the epoch."""
    mrr: Floats
    spearman: Floats
    """Of similarity and label over the evaluation pairs; empty where these were not looked at."""
    pearson: Floats
    """As `spearman`."""
    kept_epoch: int
    """Whose weights are kept, from 1 on."""


@dataclass(frozen=True)
class TrainingCurve:
    """What one training did at each optimiser step."""

    learning_rate: Floats
    """As the optimiser applied it, shape (n_steps,)."""
    loss: Floats
    """Shape (n_steps,)."""
    epochs: EpochCurve | None = None
    """None where no epoch was judged."""


@dataclass(frozen=True)
class StrengthCurve:
    """MRR on the evaluation links by strength λ of the tuned change; 0 is the untouched model."""

    strengths: Floats
    """Shape (n_strengths,)."""
    mrr: Floats
    """Shape (n_strengths,)."""
    chosen: float


@dataclass(frozen=True)
class TokenLengths:
    """Lengths of the composed texts."""

    tokens: Integers
    """Shape (n_tickets,)."""
    limit: int
    """Tokens the encoder reads; the rest of a longer text is not seen."""


@dataclass(frozen=True)
class MaskedKind:
    """One kind of personal data or secret that was looked for."""

    placeholder: str
    """What stands in its place, such as [EMAIL]."""
    description: str


@dataclass(frozen=True)
class Masking:
    """What was replaced in the texts before anything was kept, and what was not looked for."""

    is_on: bool
    looked_for: tuple[MaskedKind, ...] = ()
    not_looked_for: tuple[str, ...] = ()
    """A plain sentence each."""


@dataclass(frozen=True)
class ReportMaterial:
    """Everything the report draws or quotes that report.json does not hold."""

    title: str
    is_synthetic: bool = False
    """The built-in sample; True here or in report.json is the first thing the report says."""
    pair_similarities: Mapping[str, PairSimilarities] = field(default_factory=dict)
    """Champion and baseline by candidate name, on the holdout pairs."""
    recall_curves: Mapping[str, RecallCurve] = field(default_factory=dict)
    """All candidates by name, on the evaluation links."""
    training: Mapping[str, TrainingCurve] = field(default_factory=dict)
    """By tuned candidate."""
    strengths: Mapping[str, StrengthCurve] = field(default_factory=dict)
    """By tuned candidate."""
    lengths: TokenLengths | None = None
    false_alarms: tuple[PairExample, ...] = ()
    """Not kin, yet most similar; worst first."""
    misses: tuple[PairExample, ...] = ()
    """Kin, yet least similar; worst first."""
    borderline: BorderlineTest | None = None
    """How the winner decides the holdout pairs nearest its threshold."""
    borderline_pairs: tuple[PairExample, ...] = ()
    """Some of these pairs, nearest first."""
    relations: Annotated[RelationRecord | None, _EMPTY_IS_ABSENT] = None
    """Kinds of kin, how well models distinguish them, or why they were not learned."""
    families: Annotated[FamiliesRecord | None, _EMPTY_IS_ABSENT] = None
    """The largest families alone."""
    n_to_review: int = 0
    """Pairs that wait in to_review.csv for a person's judgement."""
    command: str = ""
    """The command that does it again."""
    masking: Masking | None = None
    """None: an earlier version did not record it."""
    is_shared: bool = False
    """A copy without any ticket's text."""
