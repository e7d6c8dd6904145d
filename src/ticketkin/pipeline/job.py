"""The whole job: which stages there are, and running those that are due."""

import shlex
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Any

from ticketkin.core.artifacts import hash_path, read_json, run_lock, write_json
from ticketkin.core.errors import MissingInputError
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.replacement import remove_old, sweep_leftovers
from ticketkin.core.run_ownership import CONFIG, LOG, RECORDS, RUN_RECORD
from ticketkin.encoders.cache import default_cache_folder
from ticketkin.pipeline import damage, data_stages, families, judge_stages, relating, run_data, train_stages
from ticketkin.pipeline.configuration import Job, changed_settings, read_job, write_job
from ticketkin.pipeline.keeping import keep_foreign
from ticketkin.pipeline.log import logged
from ticketkin.pipeline.run_folders import (
    check_run_folder,
    followed,
    is_run,
    job_stored_in,
    mark_run,
    point_latest,
)
from ticketkin.pipeline.stage import (
    RunContext,
    Stage,
    StageStatus,
    State,
    run_stage,
    stage_status,
)
from ticketkin.pipeline.versions import stage_seconds, versions
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


def _part(*names: str) -> Any:
    """Return a function that picks settings sections (or 'seed') of a job."""

    def pick(job: Job) -> Mapping[str, Any]:
        everything = job.settings.model_dump(mode="json")
        return {name: everything[name] for name in names}

    return pick


_ADAPTED = (run_data.ADAPTED, run_data.ADAPTED_EMBEDDINGS)
_HEAD = (run_data.HEAD, run_data.HEAD_EMBEDDINGS, run_data.HEAD_OUT_OF_FOLD)
_LORA = (run_data.LORA, run_data.LORA_EMBEDDINGS)
_FULL = (run_data.FULL, run_data.FULL_EMBEDDINGS)
_DATA = (run_data.TICKETS, run_data.LINKS, run_data.SPLITS)
_BASE = (run_data.BASE_ENCODER, run_data.BASE_EMBEDDINGS)
_JUDGED = (*_DATA, *_BASE, run_data.TITLE_EMBEDDINGS, run_data.PAIRS)

STAGES: tuple[Stage, ...] = (
    Stage(
        name="import",
        title="Read, clean and redact the tickets",
        command="ticketkin import SOURCE --out {folder}",
        inputs=(),
        outputs=(run_data.TICKETS, run_data.REJECTED, run_data.IMPORT_SUMMARY, run_data.GIVEN_PAIRS),
        reads=lambda job: {**_part("tickets")(job), "redaction": REDACTION_VERSION},
        run=data_stages.run_import,
        external=_sources,
    ),
    Stage(
        name="links",
        title="Collect the links people made",
        command="ticketkin links {folder}",
        inputs=(run_data.TICKETS, run_data.GIVEN_PAIRS),
        outputs=(run_data.LINKS, run_data.LINK_SUMMARY),
        reads=_part("links", "tickets", "seed"),
        run=data_stages.run_links,
        external=_links_file,
    ),
    Stage(
        name="split",
        title="Split by kin group and template",
        command="ticketkin split {folder}",
        inputs=(run_data.TICKETS, run_data.LINKS, run_data.GIVEN_PAIRS),
        outputs=(run_data.SPLITS,),
        reads=_part("split", "tickets", "seed"),
        run=data_stages.run_split,
    ),
    Stage(
        name="embed",
        title="Encode with the untouched model",
        command="ticketkin embed {folder}",
        inputs=_DATA,  # on splits and links an export is calibrated and judged before it stands in for torch
        outputs=(*_BASE, run_data.TITLE_EMBEDDINGS, run_data.PROFILE),
        reads=_part("encoder", "tickets"),
        run=data_stages.run_embed,
    ),
    Stage(
        name="pairs",
        title="Build training and test pairs",
        command="ticketkin pairs {folder}",
        inputs=(*_DATA, run_data.GIVEN_PAIRS, run_data.BASE_EMBEDDINGS),
        outputs=(run_data.PAIRS,),
        reads=_part("pairs", "evaluation", "tickets", "seed"),
        run=data_stages.run_pairs,
    ),
    Stage(
        name="adapted",
        title="Train the encoder on all texts, without labels",
        command="ticketkin train {folder} adapted",
        inputs=(*_DATA, *_BASE),
        outputs=_ADAPTED,
        reads=_part("adapted", "tickets", "encoder", "seed"),
        run=train_stages.run_adapted,
        wanted=lambda job: "adapted" in job.settings.candidates,
    ),
    Stage(
        name="head",
        title="Tune a linear head on frozen embeddings",
        command="ticketkin train {folder} head",
        inputs=(*_DATA, *_BASE, run_data.PAIRS, *_ADAPTED),
        outputs=_HEAD,
        reads=_part("head", "strength", "tickets", "encoder", "fusion", "seed"),
        run=train_stages.run_head,
        wanted=lambda job: "head" in job.settings.candidates,
    ),
    Stage(
        name="provisional",
        title="Compare the quick candidates",
        command="ticketkin evaluate {folder} --provisional",
        inputs=(*_JUDGED, *_ADAPTED, *_HEAD),
        outputs=(run_data.PROVISIONAL,),
        reads=_part("candidates", "evaluation", "fusion", "tickets", "seed"),
        run=judge_stages.run_provisional,
    ),
    Stage(
        name="lora",
        title="Tune the encoder with LoRA",
        command="ticketkin train {folder} lora",
        inputs=(*_DATA, *_BASE, run_data.PAIRS, *_ADAPTED),
        outputs=_LORA,
        reads=_part("lora", "augment", "strength", "tickets", "encoder", "seed"),
        run=train_stages.run_lora,
        wanted=lambda job: "lora" in job.settings.candidates,
    ),
    Stage(
        name="full",
        title="Tune every weight of the encoder",
        command="ticketkin train {folder} full",
        inputs=(*_DATA, *_BASE, run_data.PAIRS, *_ADAPTED),
        outputs=_FULL,
        reads=_part("full", "augment", "strength", "tickets", "encoder", "seed"),
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
            run_data.PROFILE,
            run_data.IMPORT_SUMMARY,
            run_data.LINK_SUMMARY,
        ),
        outputs=(run_data.REPORT_JSON, run_data.MATERIAL, run_data.MODEL, run_data.RANKING),
        reads=_part("candidates", "evaluation", "fusion", "tickets", "encoder", "seed"),
        run=judge_stages.run_verdict,
    ),
    Stage(
        name="relations",
        title="Learn which kind of kin a pair is",
        command="ticketkin relations {folder}",
        inputs=(*_JUDGED, run_data.GIVEN_PAIRS, run_data.RANKING),
        outputs=(run_data.RELATIONS,),
        reads=_part("relations", "evaluation", "tickets", "encoder", "seed"),
        run=relating.run_relations,
        external=_reviewed_file,
    ),
    Stage(
        name="families",
        title="Join all kin into families",
        command="ticketkin families {folder}",
        inputs=(run_data.TICKETS, run_data.LINKS, run_data.RANKING, run_data.RELATIONS),
        outputs=(run_data.FAMILIES,),
        reads=_part("families", "relations", "tickets"),
        run=families.run_families,
    ),
    Stage(
        name="report",
        title="Write the report",
        command="ticketkin report {folder}",
        inputs=(run_data.REPORT_JSON, run_data.MATERIAL, run_data.RELATIONS, run_data.FAMILIES),
        outputs=(run_data.REPORT_HTML, run_data.FIGURES),
        reads=lambda job: {"synthetic": job.synthetic},
        run=judge_stages.run_report,
    ),
)


def _wanted_artifacts(job: Job) -> dict[str, bool]:
    """Return for each output whether the job asks for the stage that makes it."""
    return {name: stage.wanted(job) for stage in STAGES for name in stage.outputs}


def stage_named(name: str) -> Stage:
    """Return the stage called `name`."""
    return next(stage for stage in STAGES if stage.name == name)


def list_stages(folder: Path, job: Job | None = None) -> list[StageStatus]:
    """Return the state of each wanted stage of a run folder, in order."""
    context = RunContext(folder, job or read_job(folder), SILENT)
    wanted = _wanted_artifacts(context.job)
    return [stage_status(stage, context, wanted) for stage in STAGES if stage.wanted(context.job)]


def own_names() -> frozenset[str]:
    """Return the names in a run folder that runs write, and replace."""
    outputs = {Path(name).parts[0] for stage in STAGES for name in stage.outputs}
    return frozenset(outputs | {CONFIG, RUN_RECORD, RECORDS, LOG, run_data.MANIFEST})


def settings_that_change(folder: Path, job: Job) -> str | None:
    """Return the line that says how `job` differs from the one stored in a run folder, or None."""
    stored = job_stored_in(folder)
    changes = [] if stored is None else changed_settings(stored, job)
    return f"settings of this run that change: {'; '.join(changes)}" if changes else None


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
        context = RunContext(folder, job, telling)
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

    Where the run `begins`, which reads the sources, they are recorded. In a folder that is no run yet, what
    has a name that the run needs is moved to `kept/`.
    """
    check_run(folder, job, force=force)
    with run_lock(folder):
        check_run(folder, job, force=force)  # another run may have begun here meanwhile
        if not is_run(folder):
            keep_foreign(folder, own_names(), progress)
        if begins:
            mark_run(folder, job, own_names())
        with logged(folder, progress) as telling:
            for line in [*sweep_leftovers(folder), *_swept_cache()]:
                telling.say(line)
            changed = settings_that_change(folder, job)
            if changed is not None:
                telling.say(changed)
            write_job(job, folder)
            yield telling


def _swept_cache() -> list[str]:
    """Sweep the embedding cache, which other processes may be writing to."""
    cache = default_cache_folder()
    return sweep_leftovers(cache, idle_seconds=_IDLE_SECONDS) if cache.is_dir() else []


def _check_ready(stage: Stage, context: RunContext, wanted: Mapping[str, bool]) -> None:
    lacking = [
        earlier
        for earlier in STAGES[: STAGES.index(stage)]
        if earlier.wanted(context.job)
        and any(
            output in stage.inputs and not (context.folder / output).exists() for output in earlier.outputs
        )
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
        remove_old(folder / run_data.MANIFEST)
        context = RunContext(folder, job, telling)
        wanted = _wanted_artifacts(job)
        stages = [stage for stage in STAGES if stage.wanted(job)]
        for number, stage in enumerate(stages, start=1):
            _run_if_due(stage, context, wanted, f"[{number}/{len(stages)}] {stage.title}")
            if number == 1 and latest is not None:
                point_latest(latest, folder, telling)
        _write_manifest(folder, job, stages)
        report: dict[str, Any] = read_json(folder / run_data.REPORT_JSON)
        return report


def _run_if_due(stage: Stage, context: RunContext, wanted: Mapping[str, bool], heading: str) -> None:
    status = stage_status(stage, context, wanted)
    if status.state is State.DONE:
        context.progress.say(f"{heading}: up to date, kept")
        return
    context.progress.say(heading)
    seconds = run_stage(stage, context, wanted)
    context.progress.say(f"  done in {seconds:,.1f} s")


def _write_manifest(folder: Path, job: Job, stages: Sequence[Stage]) -> None:
    outputs = {name: hash_path(folder / name) for stage in stages for name in stage.outputs}
    write_json(
        folder / run_data.MANIFEST,
        {
            "inputs": [{"name": path.name, "sha256": hash_path(path)} for path in job.files],
            "outputs": outputs,
            "seconds": stage_seconds(folder),
            "seed": job.settings.seed,
            "versions": versions(),
        },
    )
