"""The doctor's examination of a bundle, an adapter, a model, or all that lies in a run folder."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import numpy as np

from ticketkin.core.checks import Check, failed, passed, skipped
from ticketkin.core.errors import InputError, TicketkinError, UnreadableFileError
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.run_ownership import CONFIG, RECORDS
from ticketkin.core.tables import FloatArray, IntArray
from ticketkin.core.wording import number_of
from ticketkin.doctor.adapters import Subject, base_of_adapter, examine_adapter
from ticketkin.doctor.bundles import examine_bundle
from ticketkin.doctor.cross_encoders import examine_cross_encoder, is_cross_encoder
from ticketkin.doctor.models import examine_model
from ticketkin.doctor.runs import changed_artifacts, identical_metrics
from ticketkin.encoders.activity import SAME
from ticketkin.encoders.cross_encoder import head_check, load_cross_encoder
from ticketkin.encoders.loading import load_encoder, load_float32
from ticketkin.encoders.probes import embed_with, largest_difference
from ticketkin.encoders.serving import read_serving
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.relations.causes import CAUSE_ENCODER
from ticketkin.relations.cross_kinds import CROSS_ENCODER
from ticketkin.runs.artifacts import Artifact
from ticketkin.serving.manifest import is_bundle
from ticketkin.tickets.composing import compose_texts
from ticketkin.training.candidates import trained_encoders
from ticketkin.training.record import LeftOutCandidate
from ticketkin.training.record_checks import record_checks
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.configuration import read_job
from ticketkin.workflows.run_data import RunData
from ticketkin.workflows.stages.training import start_of

_N_TICKETS_ENCODED = 16
_LEAST_COSINE = 0.98
"""Of one text's embeddings in torch and by an export of the model to another runtime."""
_ENCODE_ANEW = "nothing that stands on them holds; run: ticketkin embed RUN, then ticketkin run --resume"

Trained = TypeVar("Trained")


@dataclass(frozen=True)
class Examined:
    """The checks of one thing."""

    name: str
    checks: list[Check]


def examine(path: Path, settings: EncoderSettings, progress: Progress = SILENT) -> list[Examined]:
    """Return the checks of a bundle, an adapter folder, a model folder or a run folder.

    `settings` name the base model of an adapter on its own; a run folder knows its own. Raises
    InputError if `path` is none of the four.
    """
    if is_bundle(path):
        return [Examined(name, checks) for name, checks in examine_bundle(path)]
    if (path / CONFIG).exists() and (path / RECORDS).is_dir():
        return list(_run_folder(path, progress))
    if (path / "adapter_config.json").exists():
        return [Examined(path.name, examine_adapter(Subject(path, base_of_adapter(path, settings))))]
    if (path / "modules.json").exists() or (path / "config.json").exists():
        look = examine_cross_encoder if is_cross_encoder(path) else examine_model
        return [Examined(path.name, look(path))]
    raise InputError(
        f"{path} is no bundle (bundle.json), no adapter (adapter_config.json), no model "
        "(modules.json) and no "
        "run folder (config.toml, stages/); give one of them"
    )


def _run_folder(folder: Path, progress: Progress) -> Iterator[Examined]:
    data = RunData.of(folder, read_job(folder))
    checks = [changed_artifacts(folder), _reported_candidates(folder)]
    if (folder / artifact.BASE_ENCODER).exists():
        progress.say("examining the untouched embeddings")
        checks.append(_base_reproduced(data))
    yield Examined("run", checks)
    for name in (candidate.name for candidate in trained_encoders()):
        place, embeddings = artifact.model_of(name), artifact.embeddings_of(name)
        record = read_metadata(artifact.training_record(name), folder)
        if record is None or isinstance(record, LeftOutCandidate) or not (folder / place).exists():
            continue
        progress.say(f"examining {name}")
        yield Examined(f"{name}: training record", record_checks(record))
        if (folder / artifact.trained(name) / "adapter").exists():
            base = start_of(data).encoder.source
            adapter, merged = (folder / artifact.trained(name) / part for part in ("adapter", "merged"))
            rates = record.history.learning_rate
            yield Examined(f"{name}: adapter", examine_adapter(Subject(adapter, base, merged, rates)))
        checks = examine_model(folder / place)
        yield Examined(f"{name}: model", [*checks, _reproduced(data, folder / place, embeddings)])
    yield from _reranker(folder, progress)
    for title, name, stored in (
        ("relations: cross-encoder", CROSS_ENCODER, artifact.CROSS_ENCODER_RECORD),
        ("relations: cross-encoder of causes", CAUSE_ENCODER, artifact.CAUSE_ENCODER_RECORD),
    ):
        trained = read_metadata(stored, folder)
        if trained is not None:
            progress.say(f"examining {title}")
            reader = folder / artifact.RELATIONS / name
            head = head_check(load_cross_encoder(reader, "cpu"), trained.head_change, trained.head_digest)
            yield Examined(title, [*record_checks(trained), head, *examine_cross_encoder(reader)])
    if (folder / artifact.MODEL).exists():
        progress.say("examining the kept model")
        yield Examined("model", [*examine_model(folder / artifact.MODEL), _kept(folder, data)])


def _reranker(folder: Path, progress: Progress) -> Iterator[Examined]:
    record = read_metadata(artifact.training_record("reranker"), folder)
    if record is None or isinstance(record, LeftOutCandidate):
        return
    progress.say("examining the reranker")
    place = folder / artifact.model_of("reranker")
    model = load_cross_encoder(place, "cpu")
    head = head_check(model, record.head_change, record.head_digest)
    yield Examined("reranker", [*record_checks(record), head, *examine_cross_encoder(place)])


def read_metadata(record: Artifact[Trained], folder: Path) -> Trained | None:
    """Return a training record of a run folder, or None where nothing was trained."""
    path = folder / record
    return record.read(path) if path.exists() else None


def _reported_candidates(folder: Path) -> Check:
    path = folder / artifact.VERDICT_JSON
    if not path.exists():
        return skipped("identical_metrics", "the run has no verdict yet")
    candidates = artifact.VERDICT_JSON.read(path).candidates
    return identical_metrics(
        {name: candidate.metric_values() for name, candidate in candidates.items()},
        [name for name, candidate in candidates.items() if candidate.strength == 0],
    )


def _drawn(n_tickets: int) -> IntArray:
    """Return some random rows, different ones each time: fixed rows would never test the others."""
    n = min(_N_TICKETS_ENCODED, n_tickets)
    rows: IntArray = np.sort(np.random.default_rng().choice(n_tickets, n, replace=False))
    return rows


def _base_reproduced(data: RunData) -> Check:
    """Encode some tickets with the untouched encoder; compare with the embeddings that the run stands on."""
    code = "base_reproduced"
    try:
        saved = data.embeddings(artifact.BASE_EMBEDDINGS)
        encoder = load_encoder(data.job.settings.encoder)
    except UnreadableFileError as error:
        return failed(code, str(error), _ENCODE_ANEW)
    except TicketkinError as error:
        return skipped(code, f"the untouched encoder is not at hand: {error}")
    rows = _drawn(len(saved))
    now = encoder.embed([data.texts[row] for row in rows])
    cosine = float((now * saved[rows]).sum(axis=1).min()) if now.shape == saved[rows].shape else 0.0
    if cosine < _LEAST_COSINE:
        return failed(
            code,
            f"{number_of(len(rows), 'ticket')} drawn at random and encoded anew are not as "
            f"{artifact.BASE_EMBEDDINGS} has them (cosine {cosine:.3f})",
            _ENCODE_ANEW,
        )
    return passed(code, f"{number_of(len(rows), 'ticket')} drawn at random and encoded anew are as stored")


def _reproduced(data: RunData, model_folder: Path, embeddings: Artifact[FloatArray]) -> Check:
    """Encode some tickets with the saved model and its own template; compare with what was judged."""
    try:
        serving = read_serving(model_folder)
        saved = data.embeddings(embeddings)
    except UnreadableFileError as error:
        return failed("embeddings_reproduced", str(error), "the numbers of the evaluation can't be checked")
    template = data.job.settings.tickets.template if serving is None else serving.template
    rows = _drawn(len(saved))
    texts = compose_texts(data.tickets, template)
    now = embed_with(load_float32(str(model_folder), "cpu"), [texts[row] for row in rows])
    difference = largest_difference(now, saved[rows])
    if difference > 10 * SAME:
        return failed(
            "embeddings_reproduced",
            f"{number_of(len(rows), 'ticket')} encoded with the saved model and template {template!r} differ "
            f"from the embeddings that were judged by {difference:.2g}",
            "template, token limit, prompts or weights are not those of the evaluation; its numbers do not "
            "hold for this model",
        )
    return passed(
        "embeddings_reproduced",
        f"{number_of(len(rows), 'ticket')} encoded anew equal the embeddings that were judged "
        f"(difference {difference:.1g})",
    )


def _kept(folder: Path, data: RunData) -> Check:
    """Examine that model/ gives the embeddings of the encoder that the verdict names."""
    encoder = data.values.read(artifact.VERDICT_JSON).verdict.encoder
    return _reproduced(data, folder / artifact.MODEL, artifact.embeddings_of(encoder))
