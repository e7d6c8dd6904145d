"""Making a bundle: everything that answers need, copied out of a run into one folder."""

import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ticketkin.core.artifacts import atomic_path, write_json
from ticketkin.core.outputs import check_folder_output
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.wording import number_of
from ticketkin.encoders.fingerprint import read_fingerprint
from ticketkin.encoders.learned_tickets import copy_learned
from ticketkin.encoders.loading import LoadedEncoder, load_folder
from ticketkin.encoders.runtime.serving import export_folder
from ticketkin.encoders.saving import save_encoder
from ticketkin.encoders.settings import EncoderSettings, Runtime
from ticketkin.encoders.token_limit import limit_tokens
from ticketkin.evaluation.schema import Report
from ticketkin.ranking.columns import EmbeddedTickets
from ticketkin.ranking.scorer import RERANKED
from ticketkin.relations.causes import CAUSE_ENCODER
from ticketkin.relations.cross_kinds import CROSS_ENCODER
from ticketkin.relations.scorer import KindScorer
from ticketkin.serving.bundle import RANKING, RELATIONS, Bundle
from ticketkin.serving.drift import DriftReference, write_drift_reference
from ticketkin.serving.index import Index
from ticketkin.serving.manifest import INDEX, Manifest, is_bundle, write_manifest
from ticketkin.serving.model_card import model_card
from ticketkin.serving.parity import write_parity
from ticketkin.serving.record import ServingRecord, write_serving_record

MODEL_CARD = "MODEL_CARD.md"
REPORT_JSON = "report.json"
REPORT_HTML = "report.html"
# What a training leaves in a model folder and serving does not read; some of it quotes tickets.
_LEFT_OUT = ("training_metadata.json", "trainer_state.json", "checkpoint*", "*.part", "README.md")
# Weights of the folds that judged a ranking: the ranking that answers was fitted on all links.
_FOLDS = "folds"


@dataclass(frozen=True)
class BundleParts:
    """What a bundle is made of."""

    record: ServingRecord
    encoders: Mapping[str, Callable[[], LoadedEncoder]]
    """By folder in the bundle; each is loaded, saved and let go in turn."""
    ranking: Path
    """Folder of the ranking that won."""
    relations: Path | None
    """Folder of the model of kinds; None where none was learned."""
    report: Report
    """The copy that may be passed on."""
    write_page: Callable[[Path], None]
    """Writes the page of that copy."""
    licence: str
    """Of the base model; empty where it is not known."""
    drift: DriftReference
    """What the newest tickets of the run are like, as counts."""
    calibration: Sequence[str] = ()
    """Texts of training tickets, from which exported encoders take their ranges; none of them is stored."""
    stored: EmbeddedTickets | None = None
    """Tickets of the index; None for a bundle without one, which holds no ticket text."""
    linked: Sequence[tuple[str, str]] = ()
    """Ids of them that people linked as duplicates."""


def make_bundle(
    parts: BundleParts, out: Path, source: Path, progress: Progress = SILENT, *, force: bool = False
) -> Manifest:
    """Write a bundle to `out` and return its manifest; `source` is the run folder that is read.

    Raises OutputRefusedError where `out` is read, is a run's own, holds other files than a bundle's, or
    exists and `force` is not given.
    """
    check_folder_output(out, [source], is_bundle, force=force)
    if (out / INDEX).exists():
        progress.say(f"  {out / INDEX} belongs to the bundle that is replaced, and goes with it")
    return write_bundle(parts, out, progress)


def write_bundle(parts: BundleParts, out: Path, progress: Progress = SILENT) -> Manifest:
    """Write a bundle in place of `out`, whole or not at all, and return its manifest."""
    with atomic_path(out) as folder:
        folder.mkdir(parents=True)
        runtimes = {source.folder: source.runtime for source in parts.record.embeddings}
        for name, load in parts.encoders.items():
            runtime = f" for {runtimes[name]}" if runtimes[name] != "torch" else ""
            progress.say(f"  writing {name}{runtime}")
            _save_encoder(load(), folder / name, parts.record.template)
            _export(folder / name, runtimes[name], parts.calibration)
        unused = (_FOLDS, *(() if parts.record.n_pairs_read else (RERANKED,)), *_LEFT_OUT)
        shutil.copytree(parts.ranking, folder / RANKING, ignore=shutil.ignore_patterns(*unused))
        if parts.relations is not None:
            _save_kinds(parts.relations, folder / RELATIONS)
        write_serving_record(folder, parts.record)
        write_drift_reference(folder, parts.drift)
        write_json(folder / REPORT_JSON, parts.report.model_dump(mode="json"))
        parts.write_page(folder / REPORT_HTML)
        card = model_card(parts.report, parts.record, parts.licence)
        (folder / MODEL_CARD).write_text(card, "utf-8")
        progress.say("  answering made-up tickets, so that ticketkin doctor can check its answers elsewhere")
        write_parity(Bundle(folder, write_manifest(folder), parts.record))
        manifest = write_manifest(folder)
        if parts.stored is not None:
            progress.say(f"  index of {number_of(len(parts.stored.tickets), 'ticket')}")
            bundle = Bundle(folder, manifest, parts.record)
            index = Index.open(folder / INDEX, bundle.scorer, manifest.id, create=True)
            fill_index(index, parts.stored, parts.linked, progress)
    return manifest


def fill_index(
    index: Index, stored: EmbeddedTickets, linked: Sequence[tuple[str, str]], progress: Progress
) -> None:
    """Store the tickets of a run with the duplicates that people linked."""
    index.put(stored)
    index.link(linked)
    index.tend(progress)


def _save_encoder(encoder: LoadedEncoder, folder: Path, template: str) -> None:
    """Save an encoder as it was used: its prompt and its token limit in its own settings files."""
    limit_tokens(encoder.model, encoder.max_length_tokens)
    saved = read_fingerprint(Path(encoder.source))
    save_encoder(encoder.model, folder, saved.base if saved else None, template)
    copy_learned(Path(encoder.source), folder)


def _export(folder: Path, runtime: Runtime, calibration: Sequence[str]) -> None:
    """Keep an export beside an encoder, made of it as it lies in the bundle."""
    if runtime == "torch":
        return
    from ticketkin.encoders.runtime.exporting import ensure_export

    encoder = load_folder(folder, EncoderSettings())
    ensure_export(encoder, runtime, calibration, export_folder(folder, runtime))


def _save_kinds(source: Path, folder: Path) -> None:
    folder.mkdir()
    KindScorer.load(source).save(folder)
    for name in (CROSS_ENCODER, CAUSE_ENCODER):
        if (source / name).exists():
            shutil.copytree(source / name, folder / name, ignore=shutil.ignore_patterns(*_LEFT_OUT))
