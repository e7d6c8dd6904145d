"""All settings of a run, composed of the parts that the packages below define."""

from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from ticketkin.core.stage_settings import LARGEST_SEED, StageSettings
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.evaluation.settings import EvaluationSettings, ReadinessSettings
from ticketkin.pairs.settings import PairSettings
from ticketkin.ranking.settings import FusionSettings, ReviewSettings
from ticketkin.relations.settings import FamilySettings, RelationSettings
from ticketkin.tickets.settings import LinkSettings, SplitSettings, TicketSettings
from ticketkin.training.candidates import CANDIDATES, known_candidate
from ticketkin.training.settings import (
    AdaptedSettings,
    AugmentSettings,
    FullSettings,
    HeadSettings,
    LoraSettings,
    RerankerSettings,
    StrengthSettings,
)


class Settings(StageSettings):
    """Everything a run is made of; written resolved to config.toml."""

    recipe: str = "recommended"
    """The recipe these settings began with (`--recipe`); `ticketkin recipes` shows all."""
    seed: int = Field(default=42, ge=0, le=LARGEST_SEED)
    """Seed of splits, sampling, training and bootstrap."""
    candidates: tuple[Annotated[str, AfterValidator(known_candidate)], ...] = tuple(
        candidate.name for candidate in CANDIDATES.values() if candidate.by_default
    )
    """What to try (`--candidates`); lexical, base and hybrid always run; adapted, full and reranker run only
    where they are named.
    """
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
    review: ReviewSettings = ReviewSettings()
    reranker: RerankerSettings = RerankerSettings()
    relations: RelationSettings = RelationSettings()
    families: FamilySettings = FamilySettings()
    evaluation: EvaluationSettings = EvaluationSettings()
    readiness: ReadinessSettings = ReadinessSettings()

    @model_validator(mode="after")
    def _names_what_candidates_build_on(self) -> "Settings":
        for name in self.candidates:
            needed = CANDIDATES[name].builds_on
            if needed and needed not in self.candidates:
                raise ValueError(
                    f"candidates: {name} adds to {needed}, which is not among them; name both: "
                    f"--candidates {','.join((*self.candidates, needed))}"
                )
        return self
