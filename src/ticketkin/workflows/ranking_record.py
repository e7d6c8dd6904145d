"""Which ranking won in a run."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator

from ticketkin.core.records import read_record
from ticketkin.training.candidates import (
    known_candidate,
    known_encoder,
)
from ticketkin.workflows import artifacts as artifact

Encoder = Annotated[str, AfterValidator(known_encoder)]
Start = Literal["base", "adapted"]


@dataclass(frozen=True)
class RankingRecord:
    """Which ranking won in a run, as `ranking/ranking.json` tells it."""

    champion: Annotated[str, AfterValidator(known_candidate)]
    encoder: Encoder
    """The best of the encoders alone."""
    start: Start
    """What the head was trained on."""
    seed: int
    judged_by: Literal["split", "folds"] = "split"
    """Whether the ranking was fitted on the links of two splits, or on all links once folds had judged."""


def ranking_record(folder: Path) -> RankingRecord:
    """Return which ranking won in a run folder. Raises UnreadableFileError where its record is damaged."""
    path = folder / artifact.RANKING / "ranking.json"
    return read_record(path, RankingRecord, f"Judge again: ticketkin evaluate {folder}")
