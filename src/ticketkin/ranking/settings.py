"""Settings of the learned ranking, and of the pairs that people are asked to judge."""

from pydantic import Field

from ticketkin.core.stage_settings import StageSettings


class FusionSettings(StageSettings):
    """The learned ranking over dense, lexical, field and time features."""

    depth: int = Field(default=60, ge=10, le=10_000)
    """Candidates taken from each first ranking."""
    folds: int = Field(default=5, ge=2, le=100)
    """Kin-group folds for weights and calibration that never saw what they score."""


class ReviewSettings(StageSettings):
    """Pairs that a person is asked to judge first."""

    pairs: int = Field(default=50, ge=0, le=10_000)
    """How many stand in to_review.csv; with 0 there is none."""
