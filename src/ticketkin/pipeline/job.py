"""The whole job: which stages there are, and running those that are due."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from ticketkin.core.artifacts import hash_path, read_json, run_lock, write_json
from ticketkin.core.errors import MissingInputError
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.replacement import contained_files, remove_old, sweep_leftovers
from ticketkin.encoders.cache import default_cache_folder
from ticketkin.pipeline import artifacts as artifact
from ticketkin.pipeline import damage, data_stages, families, judge_stages, relating, train_stages
from ticketkin.pipeline.configuration import CONFIG, Job, read_job, write_job
from ticketkin.pipeline.log import LOG, logged
from ticketkin.pipeline.run_folders import (
    RUN_RECORD,
    check_run_folder,
    followed,
    is_run,
    mark_run,
    point_latest,
)
from ticketkin.pipeline.sharing import private_paths
from ticketkin.pipeline.versions import versions
from ticketkin.runs.artifacts import Place
from ticketkin.runs.stages import (
    RECORDS,
    RunContext,
    Stage,
    StageStatus,
    State,
    run_stage,
    stage_seconds,
    stage_status,
)
from ticketkin.tickets.redaction import REDACTION_VERSION

# What lay untouched in the cache for so long, no process is still writing.
_IDLE_SECONDS = 24 * 3600.0


def _sources(job: Job) -> tuple[Path, ...]:
    words = job.settings.tickets.redact_words
    return job.tickets_from if words is None else (*job.tickets_from, words)


def _links_file(job: Job) -> tuple[Path, ...]:
    return () if job.links_file is None else (job.links_file,)


def _reviewed_file(job: Job) -> tuple[Path, ...]:
    return () if job.reviewed_file is None else (job.reviewed_file,)


def _settings(*sections: str) -> tuple[str, ...]:
    """Return the parts of a job that hold these sections of its settings."""
    return tuple(f"settings.{section}" for section in sections)


_SOURCES = ("sources", "pairs_file", "test_pairs_file", "tickets_from")
_ADAPTED = (artifact.ADAPTED, artifact.ADAPTED_EMBEDDINGS)
_HEAD = (artifact.HEAD, artifact.HEAD_EMBEDDINGS, artifact.HEAD_OUT_OF_FOLD)
_LORA = (artifact.LORA, artifact.LORA_EMBEDDINGS)
_FULL = (artifact.FULL, artifact.FULL_EMBEDDINGS)
_DATA = (artifact.TICKETS, artifact.LINKS, artifact.SPLITS)
_BASE = (artifact.BASE_ENCODER, artifact.BASE_EMBEDDINGS)
# What the learned ranking, or the encoder that won, ranks by.
_RANKED_BY = (
    artifact.BASE_EMBEDDINGS,
    artifact.TITLE_EMBEDDINGS,
    artifact.HEAD_OUT_OF_FOLD,
    *(embeddings for _, embeddings in artifact.TUNED.values()),
    artifact.RANKING,
)
_JUDGED = (*_DATA, *_BASE, artifact.TITLE_EMBEDDINGS, artifact.PAIRS)

STAGES: tuple[Stage[Job], ...] = (
    Stage(
        name="import",
        title="Read, clean and redact the tickets",
        command="ticketkin import SOURCE --out {folder}",
        inputs=(),
        outputs=(artifact.TICKETS, artifact.REJECTED, artifact.IMPORT_SUMMARY, artifact.GIVEN_PAIRS),
        reads=(*_settings("tickets"), *_SOURCES),
        versions=(REDACTION_VERSION,),
        run=data_stages.run_import,
        external=_sources,
    ),
    Stage(
        name="links",
        title="Collect the links people made",
        command="ticketkin links {folder}",
        inputs=(artifact.TICKETS, artifact.GIVEN_PAIRS),
        outputs=(artifact.LINKS, artifact.LINK_SUMMARY),
        reads=(*_settings("links", "tickets", "seed"), "pairs_file", "links_file"),
        run=data_stages.run_links,
        external=_links_file,
    ),
    Stage(
        name="split",
        title="Split by kin group and template",
        command="ticketkin split {folder}",
        inputs=(artifact.TICKETS, artifact.LINKS, artifact.GIVEN_PAIRS),
        outputs=(artifact.SPLITS,),
        reads=_settings("split", "tickets", "seed"),
        run=data_stages.run_split,
    ),
    Stage(
        name="embed",
        title="Encode with the untouched model",
        command="ticketkin embed {folder}",
        inputs=(artifact.TICKETS,),
        outputs=(*_BASE, artifact.TITLE_EMBEDDINGS, artifact.PROFILE),
        reads=_settings("encoder", "tickets"),
        run=data_stages.run_embed,
    ),
    Stage(
        name="pairs",
        title="Build training and test pairs",
        command="ticketkin pairs {folder}",
        inputs=(*_DATA, artifact.GIVEN_PAIRS, artifact.BASE_EMBEDDINGS),
        outputs=(artifact.PAIRS,),
        reads=(*_settings("pairs", "evaluation", "tickets", "seed"), "pairs_file", "test_pairs_file"),
        run=data_stages.run_pairs,
    ),
    Stage(
        name="adapted",
        title="Train the encoder on all texts, without labels",
        command="ticketkin train {folder} adapted",
        inputs=(*_DATA, *_BASE),
        outputs=_ADAPTED,
        reads=_settings("adapted", "tickets", "encoder", "seed"),
        run=train_stages.run_adapted,
        wanted=lambda job: "adapted" in job.settings.candidates,
    ),
    Stage(
        name="head",
        title="Tune a linear head on frozen embeddings",
        command="ticketkin train {folder} head",
        inputs=(*_DATA, *_BASE, artifact.PAIRS, *_ADAPTED),
        outputs=_HEAD,
        reads=(*_settings("head", "strength", "tickets", "encoder", "fusion", "seed"), "start"),
        run=train_stages.run_head,
        wanted=lambda job: "head" in job.settings.candidates,
    ),
    Stage(
        name="provisional",
        title="Compare the quick candidates",
        command="ticketkin evaluate {folder} --provisional",
        inputs=(*_JUDGED, *_ADAPTED, *_HEAD),
        outputs=(artifact.PROVISIONAL,),
        reads=_settings("candidates", "evaluation", "fusion", "tickets", "seed"),
        run=judge_stages.run_provisional,
    ),
    Stage(
        name="lora",
        title="Tune the encoder with LoRA",
        command="ticketkin train {folder} lora",
        inputs=(*_DATA, *_BASE, artifact.PAIRS, *_ADAPTED),
        outputs=_LORA,
        reads=(*_settings("lora", "augment", "strength", "tickets", "encoder", "seed"), "start"),
        run=train_stages.run_lora,
        wanted=lambda job: "lora" in job.settings.candidates,
    ),
    Stage(
        name="full",
        title="Tune every weight of the encoder",
        command="ticketkin train {folder} full",
        inputs=(*_DATA, *_BASE, artifact.PAIRS, *_ADAPTED),
        outputs=_FULL,
        reads=(*_settings("full", "augment", "strength", "tickets", "encoder", "seed"), "start"),
        run=train_stages.run_full,
        wanted=lambda job: "full" in job.settings.candidates,
    ),
    Stage(
        name="verdict",
        title="Evaluate all candidates and decide",
        command="ticketkin evaluate {folder}",
        inputs=(
            *_JUDGED,
            *_ADAPTED,
            *_HEAD,
            *_LORA,
            *_FULL,
            artifact.PROFILE,
            artifact.IMPORT_SUMMARY,
            artifact.LINK_SUMMARY,
        ),
        outputs=(artifact.REPORT_JSON, artifact.MATERIAL, artifact.MODEL, artifact.RANKING),
        reads=(
            *_settings(
                "candidates",
                "evaluation",
                "fusion",
                "tickets",
                "encoder",
                "split",
                "adapted",
                "readiness",
                "seed",
            ),
            *_SOURCES,
            "links_file",
            "synthetic",
        ),
        run=judge_stages.run_verdict,
    ),
    Stage(
        name="relations",
        title="Learn which kind of kin a pair is",
        command="ticketkin relations {folder}",
        inputs=(*_JUDGED, artifact.GIVEN_PAIRS, *_RANKED_BY),
        outputs=(artifact.RELATIONS,),
        reads=(
            *_settings("relations", "candidates", "evaluation", "tickets", "encoder", "seed"),
            "reviewed_file",
        ),
        scratch=(artifact.CROSS_ENCODER_WORK,),
        run=relating.run_relations,
        external=_reviewed_file,
    ),
    Stage(
        name="families",
        title="Join all kin into families",
        command="ticketkin families {folder}",
        inputs=(artifact.TICKETS, artifact.LINKS, artifact.RELATIONS),
        more_inputs=lambda job: (artifact.BASE_ENCODER, *_RANKED_BY) if job.settings.families.said else (),
        outputs=(artifact.FAMILIES,),
        reads=_settings("families", "relations", "candidates", "tickets", "encoder", "seed"),
        run=families.run_families,
    ),
    Stage(
        name="report",
        title="Write the report",
        command="ticketkin report {folder}",
        inputs=(artifact.REPORT_JSON, artifact.MATERIAL, artifact.RELATIONS, artifact.FAMILIES),
        outputs=(artifact.REPORT_HTML, artifact.FIGURES),
        reads=(),
        run=judge_stages.run_report,
    ),
)


def _wanted_artifacts(job: Job) -> dict[Place, bool]:
    """Return for each output whether the job asks for the stage that makes it."""
    return {place: stage.wanted(job) for stage in STAGES for place in stage.outputs}


def run_context(folder: Path, job: Job, progress: Progress = SILENT) -> RunContext[Job]:
    """Return a run folder with its job, what was read of it, and the paths its outputs must not show."""
    return RunContext(folder, job, progress, private_paths(job, folder))


def stage_named(name: str) -> Stage[Job]:
    """Return the stage called `name`."""
    return next(stage for stage in STAGES if stage.name == name)


def list_stages(folder: Path, job: Job | None = None) -> list[StageStatus[Job]]:
    """Return the state of each wanted stage of a run folder, in order."""
    context = run_context(folder, job or read_job(folder))
    wanted = _wanted_artifacts(context.job)
    return [stage_status(stage, context, wanted) for stage in STAGES if stage.wanted(context.job)]


def own_names() -> frozenset[str]:
    """Return the names in a run folder that runs write, and replace."""
    written = [place for stage in STAGES for place in (*stage.outputs, *stage.scratch)]
    outputs = {Path(place).parts[0] for place in (*written, artifact.MANIFEST)}
    return frozenset(outputs | {CONFIG, RUN_RECORD, RECORDS, LOG})


def own_files(folder: Path) -> list[Path]:
    """Return every file that a run in `folder` has written."""
    places = [folder / name for name in own_names() if (folder / name).exists()]
    return [file for place in places for file in (contained_files(place) if place.is_dir() else [place])]


def check_run(folder: Path, job: Job, *, force: bool = False) -> None:
    """Raise OutputRefusedError where `run_job` would refuse to run `job` in `folder`."""
    check_run_folder(followed(folder), job, own_names(), force=force)


def damage_named(folder: Path) -> AbstractContextManager[None]:
    """Raise DamagedArtifactError for a failure within the block that a damaged file of the run explains."""
    return damage.damage_named(folder, STAGES)


def run_one_stage(
    name: str,
    folder: Path,
    progress: Progress = SILENT,
    job: Job | None = None,
    *,
    force: bool = False,
    latest: Path | None = None,
) -> float:
    """Run one stage of a run folder, whatever its state; returns its seconds.

    `force` and `latest` are for the stage `import`, as in `run_job`. Raises MissingInputError naming the
    command of the earlier stage that must run first, and OutputRefusedError as `run_job`.
    """
    folder = followed(folder)
    stage = stage_named(name)
    begins = stage is STAGES[0]
    if job is None or not (begins or is_run(folder)):
        job = read_job(folder)
    with _owned(folder, job, progress, begins=begins, force=force or not begins) as telling:
        context = run_context(folder, job, telling)
        wanted = _wanted_artifacts(job)
        _check_ready(stage, context, wanted)
        with damage.damage_named(folder, STAGES[: STAGES.index(stage)]):
            seconds = run_stage(stage, context, wanted)
        if begins and latest is not None:
            point_latest(latest, folder, telling)
        return seconds


@contextmanager
def _owned(folder: Path, job: Job, progress: Progress, *, begins: bool, force: bool) -> Iterator[Progress]:
    """Own the run folder of `job`: checked, locked and swept; yields progress that is logged.

    Where the run `begins`, which reads the sources, they are recorded.
    """
    check_run(folder, job, force=force)
    with run_lock(folder):
        check_run(folder, job, force=force)  # another run may have begun here meanwhile
        if begins:
            mark_run(folder, job)
        with logged(folder, progress) as telling:
            for line in [*sweep_leftovers(folder), *_swept_cache()]:
                telling.say(line)
            write_job(job, folder)
            yield telling


def _swept_cache() -> list[str]:
    """Sweep the embedding cache, which other processes may be writing to."""
    cache = default_cache_folder()
    return sweep_leftovers(cache, idle_seconds=_IDLE_SECONDS) if cache.is_dir() else []


def _check_ready(stage: Stage[Job], context: RunContext[Job], wanted: Mapping[Place, bool]) -> None:
    inputs = stage.wanted_inputs(context.job, wanted)
    lacking = [
        earlier
        for earlier in STAGES[: STAGES.index(stage)]
        if earlier.wanted(context.job)
        and any(output in inputs and not (context.folder / output).exists() for output in earlier.outputs)
    ]
    if lacking:
        commands = "; then ".join(
            earlier.command.format(folder=shlex.quote(str(context.folder))) for earlier in lacking
        )
        raise MissingInputError(
            f"The stage {stage.name!r} needs what {', '.join(repr(s.name) for s in lacking)} makes. "
            f"Run: {commands}"
        )


def run_job(
    job: Job,
    folder: Path,
    progress: Progress = SILENT,
    *,
    force: bool = False,
    latest: Path | None = None,
) -> dict[str, Any]:
    """Run every stage that is due, in order, and return the content of report.json.

    Stages whose inputs and settings have not changed are kept. The manifest is written last. Once the
    tickets are read, `latest` becomes a link to the folder, beside which it lies.

    Raises OutputRefusedError where a file the job reads would be overwritten, and, unless `force` is given,
    where `folder` is not empty and not a run, or holds results of other sources.
    """
    folder = followed(folder)
    with _owned(folder, job, progress, begins=True, force=force) as telling:
        remove_old(folder / artifact.MANIFEST)
        context = run_context(folder, job, telling)
        wanted = _wanted_artifacts(job)
        stages = [stage for stage in STAGES if stage.wanted(job)]
        for number, stage in enumerate(stages, start=1):
            _run_if_due(stage, context, wanted, f"[{number}/{len(stages)}] {stage.title}")
            if number == 1 and latest is not None:
                point_latest(latest, folder, telling)
        _write_manifest(folder, job, stages)
        report: dict[str, Any] = read_json(folder / artifact.REPORT_JSON)
        return report


def _run_if_due(
    stage: Stage[Job], context: RunContext[Job], wanted: Mapping[Place, bool], heading: str
) -> None:
    status = stage_status(stage, context, wanted)
    if status.state is State.DONE:
        context.progress.say(f"{heading}: up to date, kept")
        return
    context.progress.say(heading)
    seconds = run_stage(stage, context, wanted)
    context.progress.say(f"  done in {seconds:,.1f} s")


def _write_manifest(folder: Path, job: Job, stages: Sequence[Stage[Job]]) -> None:
    outputs = {place.name: hash_path(folder / place) for stage in stages for place in stage.outputs}
    write_json(
        folder / artifact.MANIFEST,
        {
            "inputs": [{"name": path.name, "sha256": hash_path(path)} for path in job.files],
            "outputs": outputs,
            "seconds": stage_seconds(folder),
            "seed": job.settings.seed,
            "versions": versions(),
        },
    )
