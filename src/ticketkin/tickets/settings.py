"""Settings of reading, cleaning and redacting tickets, of links and of splits."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from ticketkin.core.stage_settings import StageSettings


class TicketSettings(StageSettings):
    """Reading, cleaning, redacting and composing tickets."""

    mapping: dict[str, str] = Field(default_factory=dict)
    """Ticket field to column name, for exports that are not recognised (`--map`)."""
    encoding: str = "auto"
    """Encoding of CSV and JSON files, such as cp1251; 'auto' finds it and notes a guess."""
    template: str = "{title}\n{description}"
    """Text a model reads; fields in braces. Context fields such as {category} belong at the end."""
    strip_mail_threads: bool = False
    """Drop quoted mail threads and signatures from descriptions."""
    redact: bool = True
    """Replace personal data and secrets by placeholders such as [EMAIL]."""
    redact_words: Path | None = None
    """File of names, user ids and phrases, one a line, that become [NAME] (`--redact-words`)."""
    redact_names: bool = False
    """Replace what a spaCy pipeline takes for a person's name; needs the extra `names` and a pipeline."""
    names_pipelines: tuple[str, ...] = ()
    """Packages of the spaCy pipelines for names, e.g. en_core_web_sm; none means every installed one."""
    max_characters: int = Field(default=20_000, ge=100, le=10_000_000)
    """Longer texts are cut here, counted and reported."""
    unreadable_times: Literal["error", "ignore"] = "error"
    """'error' refuses a file in which more than a tenth of the opening times can't be read."""


class LinkSettings(StageSettings):
    """Where links come from."""

    columns: tuple[str, ...] = ()
    """Column names of a link file: source, target and optionally kind (`--link-columns`)."""
    kinds: dict[str, str] = Field(default_factory=dict)
    """Link type as written to duplicate, related, causal, caused-by or ignore; added to the presets."""
    doubtful: Literal["error", "ignore"] = "error"
    """'error' refuses links that look joined on a wrong column: hardly any id known, or linked tickets no
    nearer in words than strangers are; 'ignore' takes them."""
    silver: Literal["auto", "never"] = "auto"
    """'auto' makes circular silver links only where people left none."""
    silver_pairs: int = Field(default=2_000, ge=10, le=1_000_000)
    """Number of silver pairs, 40 % positive, 30 % hard and 30 % easy negatives."""


class SplitSettings(StageSettings):
    """Train, evaluation and holdout."""

    by: Literal["category", "time"] = "category"
    """'category' splits at random, stratified; 'time' holds out the most recent kin groups."""
    train: float = Field(default=0.765, gt=0, lt=1)
    """Share of tickets to train on."""
    evaluation: float = Field(default=0.135, gt=0, lt=1)
    """Share of tickets to choose on; the rest is the holdout."""
    near_identical: float = Field(default=0.9, ge=0.5, le=1)
    """Estimated Jaccard similarity of word 3-shingles above which two texts share a template."""

    @model_validator(mode="after")
    def _leaves_a_holdout(self) -> "SplitSettings":
        if self.train + self.evaluation >= 1:
            raise ValueError(
                f"train + evaluation is {self.train + self.evaluation:g}; it must leave a holdout, "
                "so keep it below 1"
            )
        return self
