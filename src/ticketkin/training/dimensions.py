"""A tuned model that keeps its first dimensions alone (Kusupati et al. 2022, arXiv:2205.13147)."""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from ticketkin.core.errors import ConfigurationError
from ticketkin.core.progress import Progress
from ticketkin.core.tables import FloatArray
from ticketkin.core.wording import number_of
from ticketkin.encoders.activity import ActivityProof
from ticketkin.encoders.fingerprint import read_fingerprint
from ticketkin.encoders.interpolation import ReloadProof
from ticketkin.encoders.loading import LoadedEncoder, load_float32
from ticketkin.encoders.saving import extended, save_encoder
from ticketkin.training.cut_quality import CutQuality, first_dimensions, quality_by_dimensions
from ticketkin.training.preparation import EncoderJudge, TunedEncoder
from ticketkin.training.rivals import RivalSample
from ticketkin.training.settings import TuningSettings
from ticketkin.training.tuning_data import TuningData
from ticketkin.training.tuning_methods import TuningMethod

_N_BOOTSTRAP = 1_000
"""Not the setting of the evaluation: changing that must not tune anew."""


@dataclass(frozen=True)
class CutTuning:
    """A way of tuning whose model is kept with its first dimensions alone."""

    whole: TuningMethod
    dimensions: int

    @property
    def name(self) -> str:
        """Of the candidate."""
        return self.whole.name

    def train(
        self,
        start: LoadedEncoder,
        data: TuningData,
        folder: Path,
        progress: Progress,
        judge: EncoderJudge | None,
    ) -> TunedEncoder:
        """Train all dimensions. Raises ConfigurationError where there is nothing to cut off."""
        if self.dimensions >= start.dimension:
            raise ConfigurationError(
                f"{self.name}.served_dimensions is {self.dimensions:,}, and {start.name} has "
                f"{number_of(start.dimension, 'dimension')}; give fewer than these, or leave it out"
            )
        return self.whole.train(start, data, folder, progress, judge)

    def prove(self, start: LoadedEncoder, tuned: TunedEncoder) -> ActivityProof | ReloadProof:
        """Prove what was trained, whole."""
        return self.whole.prove(start, tuned)

    def embed(
        self, start: LoadedEncoder, tuned: TunedEncoder, strength: float, texts: list[str], progress: Progress
    ) -> FloatArray:
        """Cut what the whole model gives."""
        embeddings = self.whole.embed(start, tuned, strength, texts, progress)
        return first_dimensions(embeddings, self.dimensions)

    def save(
        self, start: LoadedEncoder, tuned: TunedEncoder, strength: float, folder: Path, template: str
    ) -> None:
        """Save the model with the cut as its last layers, so that whatever loads it gets few dimensions."""
        with tempfile.TemporaryDirectory() as place:
            whole = Path(place) / "whole"
            self.whole.save(start, tuned, strength, whole, template)
            save_cut(whole, self.dimensions, folder, template)


def whole(method: TuningMethod) -> TuningMethod:
    """Return the way of tuning that keeps all dimensions."""
    return method.whole if isinstance(method, CutTuning) else method


def measured_cuts(
    sample: RivalSample,
    embed: Callable[[list[str]], FloatArray],
    tuning: TuningSettings,
    seed: int,
) -> list[CutQuality]:
    """Return the quality after each cut that the settings name; an empty list if they name none.

    `embed` gives the embeddings of texts by the tuned model with all its dimensions.
    """
    sizes = [*tuning.matryoshka_dimensions]
    sizes += [] if tuning.served_dimensions is None else [tuning.served_dimensions]
    if not sizes or not len(sample.judged.queries):
        return []
    embeddings = sample.placed(embed(sample.texts))
    return quality_by_dimensions(sample.judged, embeddings, sizes, _N_BOOTSTRAP, seed)


def save_cut(whole: Path, dimensions: int, folder: Path, template: str) -> None:
    """Write the model in `whole` to `folder` with a layer that keeps its first dimensions, and Normalize.

    The layer is plain: any program that loads sentence-transformers folders, and any export, cuts alike.
    """
    import torch
    from sentence_transformers.sentence_transformer.modules import Dense, Normalize

    model = load_float32(str(whole), "cpu")
    dense = Dense(
        int(model.get_embedding_dimension() or 0),
        dimensions,
        bias=False,
        activation_function=torch.nn.Identity(),
    )
    with torch.no_grad():
        dense.linear.weight.copy_(torch.from_numpy(np.eye(*dense.linear.weight.shape, dtype=np.float32)))
    saved = read_fingerprint(whole)
    save_encoder(extended(model, dense, Normalize()), folder, saved.base if saved else None, template)
