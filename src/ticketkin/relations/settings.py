"""Settings of the kinds of kin and of the graph of all kin."""

from typing import Final, Literal

from pydantic import Field

from ticketkin.core.stage_settings import StageSettings
from ticketkin.relations.balance import Balance
from ticketkin.training.settings import CrossEncoderSettings

Classifier = Literal[
    "majority", "embedding_logistic", "concatenation", "logistic", "svm", "kernel_svm", "trees", "mlp"
]
"""Classifiers over the features of a pair."""
RelationModel = Literal[Classifier, "cross_encoder"]
AUTO: Final = "auto"


class RelationSettings(StageSettings):
    """Which kind of kin a pair is."""

    model: Literal[RelationModel, "auto"] = AUTO
    """The classifier that is kept; 'auto': the one of `choose_from` that is best on folds within the training
    pairs."""
    choose_from: tuple[Classifier, ...] = Field(
        default=("logistic", "svm", "kernel_svm", "trees"), min_length=1
    )
    """Classifiers that 'auto' chooses from; of equally good ones the first."""
    balance: Balance = "weights"
    """What makes up for rare kinds: weights of the classes, their pairs again (within training folds), or
    nothing."""
    compare: tuple[RelationModel, ...] = ()
    """Further classifiers to assess beside it; `ticketkin relations --compare` names all."""
    ablation: bool = False
    """Assess it without each group of features, too."""
    causes: bool = False
    """Train a cross-encoder for cause or not a cause, too; kept where the causal kind is better with it."""
    cross_encoder: CrossEncoderSettings = CrossEncoderSettings()
    """How cross-encoders are trained."""
    contradictions: Literal["drop", "majority"] = "drop"
    """What becomes of a pair that was given two kinds: left out, or what most say (ties are left out)."""
    none_per_linked: float = Field(default=3.0, gt=0, le=1_000)
    """Strangers drawn for each linked pair."""
    folds: int = Field(default=5, ge=2, le=100)
    """Folds of tickets; no ticket stands in two."""
    repeats: int = Field(default=3, ge=1, le=1_000)
    """Times the folds are drawn anew."""
    depth: int = Field(default=10, ge=1, le=10_000)
    """Nearest tickets of each that are classified."""
    say_precision: float = Field(default=0.8, gt=0, le=1)
    """Precision on tickets that were not learned from, from which on a kind is said outright."""
    suggest_precision: float = Field(default=0.5, gt=0, le=1)
    """Precision from which on it is suggested; below it stays silent."""

    @property
    def trains_cross_encoders(self) -> bool:
        """Whether what is kept holds a cross-encoder, of which each fold would need its own training."""
        return self.causes or self.model == "cross_encoder"


class FamilySettings(StageSettings):
    """The graph of all kin."""

    said: bool = False
    """Add what the relation model says outright of every ticket's nearest earlier ones."""
