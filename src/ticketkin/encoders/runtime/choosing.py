"""Which runtime stands in for torch: asked for or preferred, and only where its measured fidelity holds."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

from ticketkin.core.artifacts import hash_value, write_json
from ticketkin.core.errors import JobError, MissingExtraError, UnreadableFileError
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.records import read_record
from ticketkin.core.tables import FloatArray
from ticketkin.encoders.cache import EmbeddingCache, default_cache_folder
from ticketkin.encoders.encoding import TextModel, encode_texts
from ticketkin.encoders.loading import LoadedEncoder
from ticketkin.encoders.runtime.exporting import calibration_key, ensure_export
from ticketkin.encoders.runtime.fidelity import LIMITS, Fidelity, RuntimeRecord, measure_fidelity
from ticketkin.encoders.runtime.record import EXPORT_PACKAGES, REMEDY, installed
from ticketkin.encoders.runtime.serving import PREFERRED, ExportedModel
from ticketkin.encoders.settings import EncoderSettings, Runtime

_FIDELITY = "fidelity.json"
_CACHED_EXPORTS = "exported"
_TEXTS_TIMED = 64


@dataclass(frozen=True)
class Trial:
    """The texts on which an export is made and judged."""

    calibration: Sequence[str]
    """Texts of training tickets, some hundred: ranges of int8 are taken from them. None that is evaluated."""
    probes: Sequence[str]
    """Texts that both embed, at least two: evaluation queries with what they are ranked against, or any texts
    that are not in `calibration`."""
    mrr: Callable[[FloatArray], float] | None = None
    """MRR of the evaluation links from the embeddings of `probes`, (n_probes, d); None without links."""


@dataclass(frozen=True)
class RuntimeChoice:
    """Which runtime an encoder got, and why."""

    asked: str
    runtime: Runtime
    folder: Path | None
    """The export in use; None for torch."""
    fidelity: Fidelity | None
    """Of the export in use; None for torch."""
    refused: dict[str, str]
    """Why each exported runtime that was tried is not used."""

    @property
    def record(self) -> RuntimeRecord:
        """What a record of the run keeps: not the export's place, which differs by machine."""
        return RuntimeRecord(self.asked, self.runtime, self.fidelity, self.refused)


@dataclass(frozen=True)
class _Measured:
    """fidelity.json: kept beside an export, so that it is measured once."""

    probes: str
    fidelity: Fidelity


def cached_export_folder(encoder: LoadedEncoder, runtime: Runtime, calibration: Sequence[str]) -> Path:
    """Return where the export of a model outside a run is kept: one folder for each way it can be made."""
    key = hash_value(
        {
            "source": encoder.fingerprint,
            "runtime": runtime,
            "calibration": calibration_key(runtime, calibration),
            "packages": installed(EXPORT_PACKAGES[runtime]),
        }
    )
    return default_cache_folder() / _CACHED_EXPORTS / key[:32]


def choose_runtime(
    encoder: LoadedEncoder,
    settings: EncoderSettings,
    trial: Trial,
    folder: Path | None = None,
    progress: Progress = SILENT,
) -> tuple[TextModel, RuntimeChoice]:
    """Return what embeds texts in place of `encoder`, as `settings.runtime` asks, and how it was chosen.

    An export is made where no current one lies in `folder` / RUNTIME (None: in the user's cache), and used
    only where its fidelity holds; else torch goes on, and a message says so. 'auto' tries the exports in the
    order of PREFERRED and keeps the first that holds and is faster than torch here. Raises MissingExtraError
    where a runtime that was asked for by name is not installed.
    """
    asked = settings.runtime
    tried = PREFERRED if asked == "auto" else () if asked == "torch" else (asked,)
    refused: dict[str, str] = {}
    for runtime in tried:
        place = folder / runtime if folder else cached_export_folder(encoder, runtime, trial.calibration)
        try:
            ensure_export(encoder, runtime, trial.calibration, place)
            model = ExportedModel(place, settings.max_length_tokens)
            fidelity = _fidelity_of(encoder, model, settings, trial, place)
        except MissingExtraError as error:
            if asked != "auto":
                raise
            refused[runtime] = str(error)
            continue
        except (JobError, UnreadableFileError) as error:
            refused[runtime] = str(error)
            progress.say(f"  {runtime} can't be used: {error}")
            continue
        faults = fidelity.faults(LIMITS[runtime])
        if asked == "auto" and fidelity.speedup <= 1:
            faults.append(f"{fidelity.speedup:.2f} times as fast as torch here")
        if not faults:
            progress.say(f"  {runtime}: {fidelity.line()}")
            return model, RuntimeChoice(asked, runtime, place, fidelity, refused)
        refused[runtime] = "; ".join(faults)
        progress.say(f"  {runtime} is not used: {refused[runtime]}")
    if tried:
        progress.say("  texts are encoded by torch")
    return encoder, RuntimeChoice(asked, "torch", None, None, refused)


def _fidelity_of(
    encoder: LoadedEncoder, model: ExportedModel, settings: EncoderSettings, trial: Trial, folder: Path
) -> Fidelity:
    """Return the fidelity of an export on the trial's probes, measured now unless it was before."""
    key = hash_value({"texts": list(trial.probes), "export": model.fingerprint, "mrr": trial.mrr is not None})
    kept = folder / _FIDELITY
    if kept.is_file():
        try:
            known = read_record(kept, _Measured, REMEDY)
        except UnreadableFileError:
            known = None
        if known is not None and known.probes == key:
            return known.fidelity
    cache = EmbeddingCache(default_cache_folder())
    embeddings = [encode_texts(one, trial.probes, cache, settings) for one in (encoder, model)]
    fidelity = measure_fidelity(
        embeddings[0], embeddings[1], _speedup(encoder, model, settings, trial.probes), trial.mrr
    )
    write_json(kept, asdict(_Measured(key, fidelity)))
    return fidelity


def _speedup(
    encoder: LoadedEncoder, model: ExportedModel, settings: EncoderSettings, texts: Sequence[str]
) -> float:
    """Return how many times as fast `model` is, on some of the texts, after one batch to warm up."""
    some = texts[:: max(1, len(texts) // _TEXTS_TIMED)][:_TEXTS_TIMED]
    seconds = []
    for one in (encoder, model):
        encode_texts(one, some[: settings.batch_size], None, settings)
        started = perf_counter()
        encode_texts(one, some, None, settings)
        seconds.append(perf_counter() - started)
    return seconds[0] / max(seconds[1], 1e-9)
