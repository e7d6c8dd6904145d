"""The two tuning methods of an encoder, LoRA and full tuning, behind one interface."""

from pathlib import Path
from typing import Protocol

from ticketkin.core.progress import Progress
from ticketkin.core.tables import FloatArray
from ticketkin.encoders.activity import ActivityProof, prove_adapter_active
from ticketkin.encoders.adapter import embeddings_at_strength, scaled_merge
from ticketkin.encoders.interpolation import (
    ReloadProof,
    interpolated_embeddings,
    prove_tuned,
    save_interpolated,
)
from ticketkin.encoders.loading import LoadedEncoder
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.training.full import train_full
from ticketkin.training.lora import train_lora
from ticketkin.training.preparation import EncoderJudge, TunedEncoder
from ticketkin.training.settings import FullSettings, LoraSettings
from ticketkin.training.tuning_data import TuningData


class TuningMethod(Protocol):
    """How a candidate is trained, proven, encoded at a strength, and saved."""

    @property
    def name(self) -> str:
        """Of the candidate."""

    def train(
        self,
        start: LoadedEncoder,
        data: TuningData,
        folder: Path,
        progress: Progress,
        judge: EncoderJudge | None,
    ) -> TunedEncoder:
        """Train and save into `folder`; without a judge `patience` is ignored and all steps are done."""

    def prove(self, start: LoadedEncoder, tuned: TunedEncoder) -> ActivityProof | ReloadProof:
        """Return how the reloaded model differs from its start and from memory; raise if it is not active."""

    def embed(
        self, start: LoadedEncoder, tuned: TunedEncoder, strength: float, texts: list[str], progress: Progress
    ) -> FloatArray:
        """Return embeddings at a strength, shape (len(texts), d), unit length."""

    def save(
        self, start: LoadedEncoder, tuned: TunedEncoder, strength: float, folder: Path, template: str
    ) -> None:
        """Write a plain sentence-transformers folder at a strength, and how its texts are composed."""


class Lora:
    """An adapter, scaled and merged."""

    name = "lora"

    def __init__(self, settings: LoraSettings, encoder: EncoderSettings, seed: int) -> None:
        self._settings, self._encoder, self._seed = settings, encoder, seed

    def train(
        self,
        start: LoadedEncoder,
        data: TuningData,
        folder: Path,
        progress: Progress,
        judge: EncoderJudge | None,
    ) -> TunedEncoder:
        """Train an adapter."""
        return train_lora(start, data, self._settings, folder, self._seed, progress, judge)

    def prove(self, start: LoadedEncoder, tuned: TunedEncoder) -> ActivityProof:
        """Prove that the reloaded adapter is active, in a fresh process."""
        return prove_adapter_active(
            start, _adapter(tuned), tuned.folder, tuned.probe_texts, tuned.probe_embeddings
        )

    def embed(
        self, start: LoadedEncoder, tuned: TunedEncoder, strength: float, texts: list[str], progress: Progress
    ) -> FloatArray:
        """Scale the adapter on a fresh base."""
        return embeddings_at_strength(start, _adapter(tuned), strength, texts, self._encoder, progress)

    def save(
        self, start: LoadedEncoder, tuned: TunedEncoder, strength: float, folder: Path, template: str
    ) -> None:
        """Merge the scaled adapter."""
        scaled_merge(start.source, _adapter(tuned), strength, folder, start.max_length_tokens, template)


def _adapter(tuned: TunedEncoder) -> Path:
    assert tuned.adapter_folder is not None  # noqa: S101 - train_lora always writes one
    return tuned.adapter_folder


class Full:
    """Every weight, interpolated between start and end."""

    name = "full"

    def __init__(self, settings: FullSettings, encoder: EncoderSettings, seed: int) -> None:
        self._settings, self._encoder, self._seed = settings, encoder, seed

    def train(
        self,
        start: LoadedEncoder,
        data: TuningData,
        folder: Path,
        progress: Progress,
        judge: EncoderJudge | None,
    ) -> TunedEncoder:
        """Tune every weight."""
        return train_full(start, data, self._settings, folder, self._seed, progress, judge)

    def prove(self, start: LoadedEncoder, tuned: TunedEncoder) -> ReloadProof:
        """Prove that the reloaded model is the one trained, in a fresh process."""
        return prove_tuned(start.source, tuned.folder, tuned.probe_texts, tuned.probe_embeddings)

    def embed(
        self, start: LoadedEncoder, tuned: TunedEncoder, strength: float, texts: list[str], progress: Progress
    ) -> FloatArray:
        """Encode with weights between start and end."""
        return interpolated_embeddings(start, tuned.folder, strength, texts, self._encoder, progress)

    def save(
        self, start: LoadedEncoder, tuned: TunedEncoder, strength: float, folder: Path, template: str
    ) -> None:
        """Save the weights between start and end."""
        save_interpolated(start.source, tuned.folder, strength, folder, template)
