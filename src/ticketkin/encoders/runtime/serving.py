"""An encoder as it serves: a folder and a runtime in, embeddings out."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from ticketkin.core.artifacts import hash_value
from ticketkin.core.errors import JobError, MissingInputError, UnreadableFileError
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.tables import FloatArray, IntArray
from ticketkin.encoders.cache import EmbeddingCache
from ticketkin.encoders.encoding import TextModel, encode_texts
from ticketkin.encoders.loading import load_folder
from ticketkin.encoders.model_hash import model_fingerprint
from ticketkin.encoders.runtime.record import (
    KNOWN_TEXT,
    PACKAGES,
    REMEDY,
    TOKENIZER,
    ExportRecord,
    installed,
    read_export,
)
from ticketkin.encoders.runtime.sessions import Inputs, open_session
from ticketkin.encoders.runtime.tokens import TextTokenizer
from ticketkin.encoders.settings import EncoderSettings, Runtime

PREFERRED: tuple[Runtime, ...] = ("openvino-int8", "onnx-int8", "openvino")
"""In this order 'auto' tries them: int8 before float32, and of the two in int8 the one nearer to torch."""
_DEFAULTS = EncoderSettings()
_TEXTS_TOKENISED = 1_000
# Another version or processor may round otherwise; one whose sums overflow is far off.
_SAME_ANSWER = 0.999


class ExportedModel:
    """An encoder exported to another runtime; a `TextModel` without torch."""

    def __init__(self, folder: Path, max_length_tokens: int | None = None) -> None:
        """Load an export, its texts cut at `max_length_tokens` where that is shorter than its source's limit.

        Raises as `read_export` and `open_session`.
        """
        self.record: ExportRecord = read_export(folder)
        definition = (folder / TOKENIZER).read_bytes()
        tokenisation = self.record.tokenisation.cut_at(max_length_tokens)
        try:
            self._tokenizer = TextTokenizer(definition, tokenisation)
            uncut = TextTokenizer(definition, self.record.tokenisation)
        except ValueError as error:
            raise UnreadableFileError(f"{folder} is damaged ({error}). {REMEDY}") from error
        self._session = open_session(folder, self.record.runtime)
        self.leaves_cores = self._session.leaves_cores
        self._check_answer(folder, uncut.inputs(uncut.tokens([KNOWN_TEXT])[0]))
        self.name = f"{self.record.name} ({self.record.runtime})"
        self.dimension = self.record.dimension
        self.max_length_tokens = tokenisation.max_length_tokens
        self.fingerprint = hash_value(
            {
                "source": self.record.source,
                "runtime": self.record.runtime,
                "calibration": self.record.calibration,
                "exported with": self.record.packages,
                # The .xml numbers its nodes anew each time; its weights and ranges lie in the .bin.
                "files": {name: kept for name, kept in self.record.files.items() if name != "model.xml"},
                "max_length_tokens": tokenisation.max_length_tokens,
                "packages": installed(PACKAGES[self.record.runtime]),
            }
        )

    def _check_answer(self, folder: Path, inputs: Inputs) -> None:
        """Raise JobError where this machine computes otherwise than the one that exported."""
        here = self._session.run([inputs])[0]
        there = np.array(self.record.known_answer, dtype=np.float32)
        cosine = float(here @ there) if here.shape == there.shape else 0.0
        if not cosine >= _SAME_ANSWER:
            raise JobError(
                f"The model in {folder} gives other embeddings here than where it was exported (cosine "
                f"{cosine:.4f}), so this processor or package runs {self.record.runtime} otherwise; use "
                "encoder.runtime=torch"
            )

    def prepare(self, texts: Sequence[str]) -> tuple[list[IntArray], IntArray]:
        """Return the tokens of each text, and how many they are, shape (len(texts),)."""
        tokens: list[IntArray] = []
        for start in range(0, len(texts), _TEXTS_TOKENISED):
            tokens += self._tokenizer.tokens(texts[start : start + _TEXTS_TOKENISED])
        return tokens, np.array([row.shape[1] for row in tokens], dtype=np.int64)

    def embed(self, batch: Sequence[IntArray]) -> FloatArray:
        """Return the embeddings of one batch of tokens, shape (len(batch), d), float32, unit length."""
        return self._session.run([self._tokenizer.inputs(row) for row in batch])


class TextEncoder:
    """Texts to embeddings by one model in one runtime."""

    def __init__(
        self,
        model: TextModel,
        runtime: Runtime,
        settings: EncoderSettings,
        cache: EmbeddingCache | None = None,
    ) -> None:
        self.model, self.runtime = model, runtime
        self.n_forward_passes = 0
        """Texts that went through the model so far: what an answer costs."""
        self._settings, self._cache = settings, cache

    @property
    def leaves_cores(self) -> bool:
        """Return whether one text is encoded in one thread: other work gains by going on beside it."""
        return isinstance(self.model, ExportedModel) and self.model.leaves_cores

    @property
    def fingerprint(self) -> str:
        """Return a hash of model and runtime: equal means equal embeddings."""
        return self.model.fingerprint

    @property
    def dimension(self) -> int:
        """Return d."""
        return self.model.dimension

    def encode(self, texts: Sequence[str], progress: Progress = SILENT) -> FloatArray:
        """Return embeddings, shape (len(texts), d), float32, unit length. Raises as `encode_texts`."""
        embeddings = encode_texts(self.model, texts, self._cache, self._settings, progress)
        self.n_forward_passes += len(set(texts))
        return embeddings


def export_folder(folder: Path, runtime: Runtime) -> Path:
    """Return where the export of the encoder in `folder` to `runtime` is kept: beside it, not inside.

    The encoder's own folder stays as it was hashed.
    """
    return folder.with_name(f"{folder.name}-exported") / runtime


def load_runtime(
    folder: Path, runtime: Runtime | Literal["auto"], settings: EncoderSettings = _DEFAULTS
) -> TextEncoder:
    """Return the encoder saved in `folder` as `runtime` executes it.

    'auto' takes the preferred export that is kept beside it and runs here, and torch where there is none.

    An export is used only where it was made from exactly this encoder. Raises MissingExtraError where the
    runtime is not installed, MissingInputError where there is no export, UnreadableFileError where it is
    damaged or was made from another model; for torch as `load_folder`.
    """
    chosen: Runtime = runtime if runtime != "auto" else _preferred_export(folder)
    if chosen == "torch":
        return TextEncoder(load_folder(folder, settings), chosen, settings)
    place = export_folder(folder, chosen)
    if not place.is_dir():
        raise MissingInputError(
            f"{folder} has no export for encoder.runtime={chosen} ({place} is missing); make the run or "
            f"bundle again with --set encoder.runtime={chosen}, or use encoder.runtime=torch"
        )
    model = ExportedModel(place, settings.max_length_tokens)
    tokenisation = model.record.tokenisation
    if model_fingerprint(folder, tokenisation.max_length_tokens, tokenisation.prompt) != model.record.source:
        raise UnreadableFileError(f"{place} was made from another model than {folder}. {REMEDY}")
    return TextEncoder(model, chosen, settings)


def _preferred_export(folder: Path) -> Runtime:
    """Return the preferred runtime that is installed and has an export of the encoder in `folder`."""
    for runtime in PREFERRED:
        needed = PACKAGES[runtime]
        if export_folder(folder, runtime).is_dir() and len(installed(needed)) == len(needed):
            return runtime
    return "torch"
