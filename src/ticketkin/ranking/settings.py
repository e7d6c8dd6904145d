"""Settings of the learned ranking."""

from pydantic import Field

from ticketkin.core.stage_settings import StageSettings


class FusionSettings(StageSettings):
    """The learned ranking over dense, lexical, field and time features."""

    depth: int = Field(default=60, ge=10, le=10_000)
    """Candidates taken from each first ranking."""
    folds: int = Field(default=5, ge=2, le=100)
    """Kin-group folds for weights and calibration that never saw what they score."""
