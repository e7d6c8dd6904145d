"""All settings of a run, composed of the parts that the packages below define."""

from typing import Annotated

from pydantic import AfterValidator, Field

from ticketkin.core.config import (
    LARGEST_SEED,
    AdaptedSettings,
    AugmentSettings,
    EncoderSettings,
    EvaluationSettings,
    FamilySettings,
    FullSettings,
    FusionSettings,
    HeadSettings,
    LinkSettings,
    LoraSettings,
    PairSettings,
    ReadinessSettings,
    RelationSettings,
    SplitSettings,
    StrengthSettings,
    TicketSettings,
)
from ticketkin.core.stage_settings import StageSettings
from ticketkin.training.candidates import CANDIDATES, known_candidate


class Settings(StageSettings):
    """Everything a run is made of; written resolved to config.toml."""

    recipe: str = "recommended"
    """The recipe these settings began with (`--recipe`); `ticketkin recipes` shows all."""
    seed: int = Field(default=42, ge=0, le=LARGEST_SEED)
    """Seed of splits, sampling, training and bootstrap."""
    candidates: tuple[Annotated[str, AfterValidator(known_candidate)], ...] = tuple(
        candidate.name for candidate in CANDIDATES.values() if candidate.by_default
    )
    """What to try (`--candidates`); lexical and base always run, adapted and full only where named."""
    tickets: TicketSettings = TicketSettings()
    links: LinkSettings = LinkSettings()
    split: SplitSettings = SplitSettings()
    pairs: PairSettings = PairSettings()
    encoder: EncoderSettings = EncoderSettings()
    augment: AugmentSettings = AugmentSettings()
    adapted: AdaptedSettings = AdaptedSettings()
    head: HeadSettings = HeadSettings()
    lora: LoraSettings = LoraSettings()
    full: FullSettings = FullSettings()
    strength: StrengthSettings = StrengthSettings()
    fusion: FusionSettings = FusionSettings()
    relations: RelationSettings = RelationSettings()
    families: FamilySettings = FamilySettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    readiness: ReadinessSettings = ReadinessSettings()
