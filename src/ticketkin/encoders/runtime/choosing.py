"""Which runtime stands in for torch: asked for or preferred, and only where its measured fidelity holds."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from time import perf_counter

import numpy as np

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
from ticketkin.encoders.settings import AskedRuntime, EncoderSettings, Runtime

_FIDELITY = "fidelity.json"
_CACHED_EXPORTS = "exported"
_TEXTS_TIMED, _TIMED_ALONE = 64, 24


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


@dataclass(frozen=True)
class _Usable:
    """An export whose fidelity holds."""

    runtime: Runtime
    folder: Path
    model: ExportedModel
    fidelity: Fidelity
    speedup: float


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
    *,
    one_by_one: bool = False,
) -> tuple[TextModel, RuntimeChoice]:
    """Return what embeds texts in place of `encoder`, as `settings.runtime` asks, and how it was chosen.

    An export is made where no current one lies in `folder` / RUNTIME (None: in the user's cache), and used
    only where its fidelity holds; else torch goes on, and a message says so. 'auto' tries all exports and
    keeps the fastest of those that hold and are faster than torch here: for many texts or, `one_by_one`, for
    single ones. Raises MissingExtraError where a runtime that was asked for by name is not installed.
    """
    asked = settings.runtime
    tried = PREFERRED if asked == "auto" else () if asked == "torch" else (asked,)
    refused: dict[str, str] = {}
    usable: list[_Usable] = []
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
        speedup = fidelity.speedup_of(one_by_one=one_by_one)
        faults = fidelity.faults(LIMITS[runtime])
        if asked == "auto" and speedup <= 1:
            faults.append(f"{speedup:.2f} times as fast as torch here")
        if faults:
            refused[runtime] = "; ".join(faults)
            progress.say(f"  {runtime} is not used: {refused[runtime]}")
        else:
            usable.append(_Usable(runtime, place, model, fidelity, speedup))
    return _fastest(encoder, asked, usable, refused, progress)


def _fastest(
    encoder: LoadedEncoder,
    asked: AskedRuntime,
    usable: Sequence[_Usable],
    refused: dict[str, str],
    progress: Progress,
) -> tuple[TextModel, RuntimeChoice]:
    if not usable:
        if asked != "torch":
            progress.say("  texts are encoded by torch")
        return encoder, RuntimeChoice(asked, "torch", None, None, refused)
    best = max(usable, key=lambda one: one.speedup)
    for one in usable:
        if one is not best:
            slower = f"{one.speedup:.1f} times as fast as torch, {best.runtime} is {best.speedup:.1f} times"
            refused[one.runtime] = slower
            progress.say(f"  {one.runtime} is not used: {slower}")
    progress.say(f"  {best.runtime}: {best.fidelity.line()}")
    return best.model, RuntimeChoice(asked, best.runtime, best.folder, best.fidelity, refused)


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
        if known is not None and known.probes == key and known.fidelity.speedup_alone is not None:
            return known.fidelity
    cache = EmbeddingCache(default_cache_folder())
    embeddings = [encode_texts(one, trial.probes, cache, settings) for one in (encoder, model)]
    timed = trial.probes[:: max(1, len(trial.probes) // _TEXTS_TIMED)][:_TEXTS_TIMED]
    fidelity = measure_fidelity(
        embeddings[0],
        embeddings[1],
        _speedup(encoder, model, settings, timed),
        trial.mrr,
        _speedup_alone(encoder, model, settings, timed[:_TIMED_ALONE]),
    )
    write_json(kept, asdict(_Measured(key, fidelity)))
    return fidelity


def _speedup(
    encoder: LoadedEncoder, model: ExportedModel, settings: EncoderSettings, texts: Sequence[str]
) -> float:
    """Return how many times as fast `model` is on some of the texts together, after one batch to warm up."""
    for one in (encoder, model):
        encode_texts(one, texts[: settings.batch_size], None, settings)
    return _seconds(encoder, texts, settings) / max(_seconds(model, texts, settings), 1e-9)


def _speedup_alone(
    encoder: LoadedEncoder, model: ExportedModel, settings: EncoderSettings, texts: Sequence[str]
) -> float:
    """Return how many times as fast `model` is on one text alone, the median.

    Both take turns, so that a busy moment of the machine meets both.
    """
    ratios = [
        _seconds(encoder, [text], settings) / max(_seconds(model, [text], settings), 1e-9) for text in texts
    ]
    return float(np.median(ratios))


def _seconds(model: TextModel, texts: Sequence[str], settings: EncoderSettings) -> float:
    started = perf_counter()
    encode_texts(model, texts, None, settings)
    return perf_counter() - started
