"""Settings of everything that is trained by gradients, and of the sweep over its strength."""

import re
from typing import Annotated, Literal

from pydantic import Field, JsonValue, model_validator

from ticketkin.core.stage_settings import StageSettings
from ticketkin.encoders.settings import DEFAULT_CROSS_ENCODER, LowRankSettings

APERTIUM = "apertium:"
"""Stands before the name of a mode of Apertium where a translator is named."""
_MODE = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")

Epochs = Annotated[int, Field(ge=0, le=10_000)]


class AugmentSettings(StageSettings):
    """More training positives from altered texts; never for the head, never for evaluation pairs."""

    methods: tuple[Literal["deletion", "swap", "duplication", "synonyms", "back-translation"], ...] = ()
    """In turn over the positives; none by default."""
    share: float = Field(default=0.5, gt=0, le=1_000)
    """Altered positives for each positive."""
    word_share: float = Field(default=0.1, gt=0, le=0.5)
    """Share of a text's words that 'deletion', 'swap', 'duplication' and 'synonyms' touch."""
    placement: Literal["mixed", "own-phase"] = "mixed"
    """In the phase of the positive they come from, or in a phase of their own before the first."""
    wordnet: str | None = None
    """Folder with WordNet's data.noun, data.verb, data.adj and data.adv, for 'synonyms'."""
    translators: tuple[str, ...] = ()
    """Two for 'back-translation', there and back: translation models by hub name or folder, or modes of an
    installed Apertium such as apertium:eng-spa,apertium:spa-eng."""

    @model_validator(mode="after")
    def _has_what_its_methods_need(self) -> "AugmentSettings":
        if "synonyms" in self.methods and self.wordnet is None:
            raise ValueError("'synonyms' needs augment.wordnet, a folder with WordNet's data.noun and others")
        if "back-translation" in self.methods and len(self.translators) != 2:
            raise ValueError(
                f"'back-translation' needs two augment.translators, there and back; {len(self.translators)} "
                "given"
            )
        for name in self.translators:
            if name.startswith(APERTIUM) and not _MODE.fullmatch(name.removeprefix(APERTIUM)):
                raise ValueError(
                    f"augment.translators: {name!r} names no mode of Apertium, which has letters, digits, '_'"
                    f" and '-', a letter first; write it as 'apertium -l' shows it, such as {APERTIUM}eng-spa"
                )
        return self


class HeadSettings(StageSettings):
    """The linear head on frozen embeddings."""

    learning_rate: float = Field(default=3e-4, gt=0, le=1)
    """AdamW learning rate."""
    epochs: int = Field(default=10, ge=1, le=10_000)
    """Passes over the positives."""
    batch_size: int = Field(default=128, ge=2, le=65_536)
    """Positives a batch; kin groups are masked, never negatives of each other."""


class OptimiserSettings(StageSettings):
    """What every gradient training of the encoder shares."""

    learning_rate: float = Field(default=2e-5, gt=0, le=1)
    """Peak AdamW learning rate."""
    weight_decay: float = Field(default=0.0, ge=0, le=10)
    """AdamW weight decay."""
    schedule: Literal["constant", "linear", "cosine", "hold_cosine"] = "linear"
    """After the warm-up: the peak throughout, a linear or cosine decay, or a hold before the cosine."""
    warmup_share: float = Field(default=0.1, ge=0, lt=1)
    """Share of all steps spent warming up."""
    warmup_steps: int = Field(default=0, ge=0, le=10_000_000)
    """Steps spent warming up at least, whatever their share."""
    hold_share: float = Field(default=0.2, ge=0, lt=1)
    """Share of all steps at the peak before a 'hold_cosine' decays."""
    lowest_rate: float = Field(default=0.0, ge=0, le=1)
    """Learning rate below which no schedule falls."""
    batch_size: int = Field(default=32, ge=2, le=65_536)
    """Examples a step; halves when memory runs out."""
    max_length_tokens: int = Field(default=128, ge=8, le=131_072)
    """Tokens read of each text while training."""
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """'auto' takes bfloat16 on CUDA, float16 where it lacks that, float32 elsewhere."""
    gradient_checkpointing: bool = False
    """Recompute activations instead of keeping them: less memory, a third more time."""
    patience: int = Field(default=0, ge=0, le=10_000)
    """Epochs without a better MRR on the evaluation links before it stops; 0 trains to the end."""
    keep_best: bool = True
    """Judge the model on the evaluation links after each epoch and keep the best epoch's weights; false keeps
    the last one's."""
    checkpoint_steps: int = Field(default=20, ge=1, le=10_000_000)
    """A killed training continues from the last of these."""
    checkpoint_seconds: float = Field(default=30.0, ge=0, le=1e6)
    """None is written sooner after the one before: on a GPU, writing takes longer than the steps between."""

    def shaping(self) -> dict[str, JsonValue]:
        """Return the settings that shape what a training gives, by name: all but when it is kept."""
        return self.model_dump(exclude={"checkpoint_steps", "checkpoint_seconds"})


class AdaptedSettings(OptimiserSettings):
    """Training on all texts without labels, before the other candidates begin."""

    objectives: tuple[Literal["mlm", "tsdae", "simcse"], ...] = Field(default=("mlm", "simcse"), min_length=1)
    """In this order: masked words, denoising auto-encoder, the same text twice under dropout."""
    texts: Literal["all", "train"] = "all"
    """Which tickets' texts; no link of any is read."""
    epochs: int = Field(default=1, ge=1, le=10_000)
    """Passes over the texts for each objective."""
    learning_rate: float = Field(default=2e-5, gt=0, le=1)
    """Peak AdamW learning rate."""
    mask_share: float = Field(default=0.15, gt=0, lt=1)
    """Share of words that 'mlm' hides."""
    deletion_share: float = Field(default=0.6, gt=0, lt=1)
    """Share of words that 'tsdae' drops from the text that is embedded."""


class TuningSettings(OptimiserSettings):
    """What tuning on kin adds."""

    epochs_per_phase: tuple[Epochs, Epochs, Epochs] = (1, 1, 1)
    """Passes over the easy, medium and hard phase."""
    curriculum: Literal["auto", "own", "cumulative"] = "auto"
    """What a phase trains on: its own pairs, or the earlier phases' too; 'auto' is own where a file or a
    source gives the phases, cumulative where they are measured."""
    batch_size: int = Field(default=32, ge=2, le=65_536)
    """Positives a batch (labelled pairs where there is no ranking loss); halves when memory runs out."""
    ranking_loss: Literal["none", "symmetric", "mnrl", "gist", "triplet"] = "symmetric"
    """On positives with mined negatives: InfoNCE in both directions or one, guided by the untouched model,
    or triplets."""
    labelled_loss: Literal["none", "cosent", "cosine", "angle", "online_contrastive"] = "cosent"
    """On labelled pairs."""
    contrastive_weight: float = Field(default=0.25, ge=0, le=1_000)
    """Weight of the labelled loss beside a ranking loss."""
    matryoshka_dimensions: tuple[Annotated[int, Field(ge=1, le=65_536)], ...] = ()
    """Losses are taken on the first so many dimensions too, so that embeddings may be cut there."""
    served_dimensions: int | None = Field(default=None, ge=1, le=65_536)
    """The model keeps its first so many dimensions alone, and what that costs is measured; None keeps all."""
    cached: bool = False
    """Gradients by way of cached embeddings: the memory of a small batch, the negatives of a large one."""


class LoraSettings(LowRankSettings, TuningSettings):
    """Low-rank adaptation of all linear layers."""

    learning_rate: float = Field(default=2e-4, gt=0, le=1)
    """Peak AdamW learning rate; about ten times that of full tuning."""


class FullSettings(TuningSettings):
    """Tuning of every weight."""

    batch_size: int = Field(default=16, ge=2, le=65_536)
    """Positives a batch; every weight has a gradient and two moments, so it needs more memory than LoRA."""


class StrengthSettings(StageSettings):
    """The sweep over the strength of a tuned candidate."""

    strengths: tuple[Annotated[float, Field(ge=0, le=10)], ...] = (0.0, 0.25, 0.5, 0.75, 1.0)
    """W + lambda * change; 0 is the untouched model and must be among them."""

    @model_validator(mode="after")
    def _holds_zero(self) -> "StrengthSettings":
        if 0.0 not in self.strengths:
            raise ValueError(f"strengths {self.strengths} must hold 0, the untouched model")
        return self


class PairReaderSettings(OptimiserSettings):
    """The training of a model that reads both tickets of a pair at once."""

    base_model: str = DEFAULT_CROSS_ENCODER
    """Hub name or local folder; offline without it, the packaged MiniLM with a fresh head."""
    method: Literal["full", "lora"] = "full"
    """Which weights learn; the head always does."""
    rank: int = Field(default=16, ge=1, le=4_096)
    """Rank r of 'lora'."""
    alpha: int = Field(default=32, ge=1, le=65_536)
    """Scale of 'lora' is alpha / rank."""
    dropout: float = Field(default=0.05, ge=0, lt=1)
    """Dropout on the adapter's input."""
    learning_rate: float = Field(default=5e-5, gt=0, le=1)
    """Peak AdamW learning rate."""
    epochs: int = Field(default=3, ge=1, le=10_000)
    """Passes over the pairs."""
    batch_size: int = Field(default=16, ge=2, le=65_536)
    """Pairs a step; halves when memory runs out."""
    max_length_tokens: int = Field(default=512, ge=16, le=131_072)
    """Tokens of both tickets together; the longer one is cut until they fit."""


class RerankerSettings(PairReaderSettings):
    """A model that reads a ticket together with each of the first of its list, and orders them anew."""

    n_read: int = Field(default=20, ge=2, le=200)
    """The first so many by the hybrid are read, a forward pass for each; the others keep their place."""
    epochs: int = Field(default=1, ge=1, le=10_000)
    """Passes over the pairs."""
    max_length_tokens: int = Field(default=256, ge=16, le=131_072)
    """Tokens of both tickets together; the longer one is cut until they fit."""
    unseen_share: float = Field(default=0.2, gt=0, lt=1)
    """Share of the training kin groups it does not train on: it is kept only if it ranks theirs better."""


class CrossEncoderSettings(PairReaderSettings):
    """A model that reads both tickets of a pair at once: slower, and it sees how they differ."""

    validation_share: float = Field(default=0.2, gt=0, lt=1)
    """Share of the training blocks on which the threshold is chosen and the probability calibrated."""
    none_per_cause: float = Field(default=3.0, gt=0, le=1_000)
    """Pairs that are no cause for each that is, where causes alone are learned."""
    folds: int = Field(default=3, ge=2, le=100)
    """Folds of tickets in which causes are assessed, one training each; kinds take `relations.folds`."""
