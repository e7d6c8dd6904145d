"""The bundle of a run: all that is needed to answer for new tickets, collected from the run folder."""

from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

from ticketkin.core.errors import InputError, MissingInputError
from ticketkin.core.outputs import check_folder_output
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.tables import SplitName
from ticketkin.core.wording import number_of
from ticketkin.encoders.loading import LoadedEncoder, load_encoder, load_folder
from ticketkin.encoders.presets import licence_of
from ticketkin.encoders.runtime.choosing import choose_runtime
from ticketkin.encoders.settings import AskedRuntime
from ticketkin.evaluation.schema import EncoderRuntime
from ticketkin.ranking.columns import EmbeddedTickets
from ticketkin.relations.record import KindsNotLearned, RelationRecord
from ticketkin.reports.html import write_page
from ticketkin.runs.artifacts import remaking
from ticketkin.runs.stages import StageRun
from ticketkin.serving.kin import Kin
from ticketkin.serving.making import BundleParts, fill_index, make_bundle, write_bundle
from ticketkin.serving.manifest import Manifest, default_index, is_bundle
from ticketkin.serving.record import UNTOUCHED, EmbeddingSource, KindsRecord, ServingRecord
from ticketkin.serving.stored_links import linked_duplicates
from ticketkin.tickets.redaction import REDACTION_VERSION
from ticketkin.training.candidates import CANDIDATES
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.candidates import embedded_tickets
from ticketkin.workflows.configuration import Job, read_job
from ticketkin.workflows.drift import run_drift_reference
from ticketkin.workflows.ranking_record import RankingRecord, ranking_record
from ticketkin.workflows.relation_material import load_kinds
from ticketkin.workflows.run_data import RunData
from ticketkin.workflows.runtimes import judged_by, runtime_trial
from ticketkin.workflows.sharing import SHARED_FROM, shared_parts

_NEEDED = (artifact.RANKING, *SHARED_FROM)


def bundle_run(
    folder: Path,
    out: Path,
    progress: Progress = SILENT,
    *,
    runtime: AskedRuntime | None = None,
    with_index: bool = False,
    force: bool = False,
) -> Manifest:
    """Write the bundle of a finished run to `out` and return its manifest.

    Its encoders are executed by `runtime`, by default the one that was judged; another one is used only where
    its fidelity holds on the run's evaluation links. With `with_index` the run's tickets are stored in it, so
    that it answers from them at once. Raises MissingInputError where the run is not finished, otherwise as
    `choose_runtime` and `make_bundle`.
    """
    check_folder_output(out, [folder], is_bundle, force=force)
    lacking = [place.name for place in _NEEDED if not (folder / place).exists()]
    if lacking:
        raise MissingInputError(
            f"{folder} can't be bundled yet: it lacks {', '.join(lacking)}. Run: "
            f"ticketkin run --resume --out {folder}"
        )
    data = RunData.of(folder, read_job(folder))
    parts = bundle_parts(data, progress, runtime=runtime, with_index=with_index)
    return make_bundle(parts, out, folder, progress, force=force)


def open_run(
    folder: Path, index: Path | None = None, redact_words: Path | None = None, progress: Progress = SILENT
) -> Kin:
    """Return a `Kin` that answers for new tickets by the bundle of a run, from the run's tickets.

    The tickets are stored in `index` at first use, by default beside the bundle; an existing index is used as
    it is. Raises MissingInputError where the run has no bundle, otherwise as `Kin.open`.
    """
    bundle = folder / artifact.BUNDLE
    if not is_bundle(bundle):
        raise MissingInputError(f"{folder} has no bundle yet. Run: ticketkin run --resume --out {folder}")
    job = read_job(folder)
    words = redact_words or job.settings.tickets.redact_words
    place = index or default_index(bundle)
    if place.exists():
        return Kin.open(bundle, place, redact_words=words, create=False)
    kin = Kin.open(bundle, place, redact_words=words)
    parts = bundle_parts(RunData.of(folder, job), with_index=True)
    if parts.stored is not None:
        progress.say(f"storing the {number_of(len(parts.stored.tickets), 'ticket')} of the run in {place}")
        fill_index(kin.index, parts.stored, parts.linked, progress)
    return kin


def run_bundle(run: StageRun[Job]) -> None:
    """Write the bundle of the run into its own folder."""
    parts = bundle_parts(RunData(run.values, run.job), run.progress)
    write_bundle(parts, run.place(artifact.BUNDLE), run.progress)


def bundle_parts(
    data: RunData,
    progress: Progress = SILENT,
    *,
    runtime: AskedRuntime | None = None,
    with_index: bool = False,
) -> BundleParts:
    """Return what the bundle of a finished run is made of; `runtime` as in `bundle_run`."""
    ranking_folder = data.values.path(artifact.RANKING)
    ranking = ranking_record(ranking_folder.parent)
    kinds = _kinds_record(data.values.read(artifact.RELATIONS_JSON), ranking)
    sources = _sources(ranking, kinds)
    shared = shared_parts(data, data.values.read(artifact.REPORT_JSON))
    embeddings = _with_runtimes(data, sources, runtime, progress)
    report = shared.report.model_copy(update={"runtimes": _runtimes(embeddings)})
    base = data.values.read(artifact.BASE_ENCODER)
    settings = data.job.settings
    return BundleParts(
        record=ServingRecord(
            champion=ranking.champion,
            base_model=base.name,
            code=base.code,
            template=settings.tickets.template,
            embeddings=embeddings,
            tickets=settings.tickets.model_copy(update={"redact_words": None}),
            masks_words=settings.tickets.redact_words is not None,
            redaction_version=REDACTION_VERSION,
            people_keyed_by=data.values.read(artifact.IMPORT_SUMMARY).people_keyed_by,
            learned_until=_learned_until(data, ranking),
            near_identical=settings.split.near_identical,
            kinds=kinds,
            n_pairs_read=settings.reranker.n_read if CANDIDATES[ranking.champion].reads_pairs else 0,
        ),
        encoders={source.folder: _loader(data, source.folder) for source in sources},
        ranking=ranking_folder,
        relations=_relations(data) if kinds.is_learned else None,
        report=report,
        write_page=partial(write_page, report=report, material=shared.material, figures=shared.figures),
        licence=licence_of(Path(settings.encoder.base_model).expanduser(), base.name),
        drift=run_drift_reference(data, ranking),
        calibration=runtime_trial(data).calibration,
        stored=_stored(data, ranking, sources) if with_index else None,
        linked=linked_duplicates(data.links),
    )


def _relations(data: RunData) -> Path:
    """Return the folder of the model of kinds, which must be of this run's encoder and tickets."""
    load_kinds(data)
    return data.values.path(artifact.RELATIONS)


def _learned_until(data: RunData, ranking: RankingRecord) -> str:
    if not data.tickets.has_times:
        return ""
    learned = [split for split in SplitName if split is not SplitName.HOLDOUT or ranking.judged_by == "folds"]
    rows = [data.splits.rows(data.tickets, split) for split in learned]
    opened = data.tickets.frame["opened_at"][np.concatenate(rows).tolist()]
    return str(opened.dt.to_string("iso").max() or "")


def _folder_of(encoder: str) -> str:
    return f"encoders/{UNTOUCHED if encoder == 'base' else encoder}"


def _encoder_in(folder: str) -> str:
    name = folder.rpartition("/")[2]
    return "base" if name == UNTOUCHED else name


def _sources(ranking: RankingRecord, kinds: KindsRecord) -> list[EmbeddingSource]:
    """Return the forward passes of a ticket: those for the ranking, then those that only the kinds need."""
    passes = CANDIDATES[ranking.champion].forward_passes(ranking.start, ranking.encoder)
    sources = [EmbeddingSource(one.embedding, _folder_of(encoder)) for one, encoder in passes]
    if kinds.is_learned and kinds.base not in {source.name for source in sources}:
        sources.append(EmbeddingSource(kinds.base, _folder_of("base")))
    return sources


def _with_runtimes(
    data: RunData, sources: list[EmbeddingSource], asked: AskedRuntime | None, progress: Progress
) -> list[EmbeddingSource]:
    """Return the forward passes with the runtime of each encoder when it was judged, and its runtime here."""
    judged = {source.folder: judged_by(data, _encoder_in(source.folder)) for source in sources}
    served = dict(judged)
    for folder, by in judged.items():
        if asked not in (None, by):
            settings = data.job.settings.encoder.model_copy(update={"runtime": asked})
            _, choice = choose_runtime(
                _loader(data, folder)(), settings, runtime_trial(data), progress=progress, one_by_one=True
            )
            served[folder] = choice.runtime
    return [
        replace(source, judged_by=judged[source.folder], runtime=served[source.folder]) for source in sources
    ]


def _runtimes(sources: list[EmbeddingSource]) -> list[EncoderRuntime]:
    """Return the runtime of each encoder in the bundle, for its report."""
    return [
        EncoderRuntime(encoder=_encoder_in(folder), judged_by=source.judged_by, serves=source.runtime)
        for folder, source in {source.folder: source for source in sources}.items()
    ]


def _kinds_record(learned: RelationRecord, ranking: RankingRecord) -> KindsRecord:
    passes = CANDIDATES[ranking.champion].forward_passes(ranking.start, ranking.encoder)
    is_tuned = any(one.embedding == "base" and encoder != "base" for one, encoder in passes)
    base = UNTOUCHED if is_tuned else "base"
    if isinstance(learned, KindsNotLearned):
        return KindsRecord(False, learned.reason, None, base)
    return KindsRecord(True, "", learned.right_direction, base)


def _loader(data: RunData, folder: str) -> Callable[[], LoadedEncoder]:
    name, settings = _encoder_in(folder), data.job.settings.encoder
    if name != "base":
        return lambda: load_folder(data.values.path(artifact.model_of(name)), settings)

    def untouched() -> LoadedEncoder:
        encoder = load_encoder(settings)
        judged = data.values.read(artifact.BASE_ENCODER).source_fingerprint
        if encoder.fingerprint != judged:
            raise InputError(
                f"The base model {settings.base_model} is not the one that was judged any more (fingerprint "
                f"{encoder.fingerprint[:12]}…, judged {judged[:12]}…). "
                f"{remaking(data.values.path(artifact.RANKING).parent)}"
            )
        return encoder

    return untouched


def _stored(data: RunData, ranking: RankingRecord, sources: list[EmbeddingSource]) -> EmbeddedTickets:
    """Return the run's tickets with the embeddings of the bundle, as the run made them."""
    is_learned = CANDIDATES[ranking.champion].is_learned
    known = dict(embedded_tickets(data, ranking).embeddings) if is_learned else {}
    for source in sources:
        if source.name not in known:
            known[source.name] = data.embeddings(artifact.embeddings_of(_encoder_in(source.folder)))
    return EmbeddedTickets(data.tickets, data.texts, {source.name: known[source.name] for source in sources})
