"""The whole job: which stages there are, and running those that are due."""

import shlex
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path

from ticketkin.core.artifacts import hash_path, write_json
from ticketkin.core.errors import InputError, MissingInputError
from ticketkin.core.locks import run_lock
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.replacement import remove_old, sweep_leftovers
from ticketkin.core.run_ownership import CONFIG, LOG, OPENINGS, RECORDS, RUN_RECORD
from ticketkin.core.wording import measured_seconds
from ticketkin.encoders.cache import default_cache_folder
from ticketkin.evaluation.schema import Report
from ticketkin.runs.artifacts import Place
from ticketkin.runs.content_hashes import content_hash
from ticketkin.runs.keeping import keep_foreign
from ticketkin.runs.needs import check_needs, check_needs_of
from ticketkin.runs.stages import (
    RunContext,
    Stage,
    StageStatus,
    State,
    run_stage,
    stage_seconds,
    stage_status,
)
from ticketkin.runs.staleness import check_not_stale
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows import damage
from ticketkin.workflows.answers import take_over_answers
from ticketkin.workflows.configuration import Job, changed_settings, read_job, write_job
from ticketkin.workflows.encoding_time import encoding_forecast, is_worth_measuring
from ticketkin.workflows.forecast import Forecast, forecast, forecast_line, remember
from ticketkin.workflows.log import logged
from ticketkin.workflows.private_paths import private_paths
from ticketkin.workflows.run_folders import (
    check_run_folder,
    followed,
    is_run,
    job_stored_in,
    mark_run,
    point_latest,
)
from ticketkin.workflows.stages.order import stage_named, stages
from ticketkin.workflows.versions import versions

# A cache file that was unchanged for this long is no longer being written by any process.
_IDLE_SECONDS = 24 * 3600.0


def _wanted_artifacts(job: Job) -> dict[Place, bool]:
    """Return for each output whether the job asks for the stage that makes it."""
    return {place: stage.wanted(job) for stage in stages() for place in stage.outputs}


def run_context(folder: Path, job: Job, progress: Progress = SILENT) -> RunContext[Job]:
    """Return a run folder with its job, what was read of it, and the paths its outputs must not show."""
    return RunContext(folder, job, progress, private_paths(job, folder))


def list_stages(folder: Path, job: Job | None = None) -> list[StageStatus[Job]]:
    """Return the state of each wanted stage of a run folder, in order."""
    context = run_context(folder, job or read_job(folder))
    wanted = _wanted_artifacts(context.job)
    return [stage_status(stage, context, wanted) for stage in stages() if stage.wanted(context.job)]


def own_names() -> frozenset[str]:
    """Return the names in a run folder that runs write, and replace."""
    written = [place for stage in stages() for place in (*stage.outputs, *stage.scratch)]
    outputs = {Path(place).parts[0] for place in (*written, artifact.MANIFEST)}
    return frozenset(outputs | {CONFIG, RUN_RECORD, RECORDS, LOG, OPENINGS})


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
    return damage.damage_named(folder, stages())


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
    begins = stage is stages()[0]
    if job is None or not (begins or is_run(folder)):
        job = read_job(folder)
    with _owned(folder, job, progress, begins=begins, force=force or not begins) as (taken, telling):
        context = run_context(folder, taken, telling)
        wanted = _wanted_artifacts(taken)
        _check_ready(stage, context, wanted)
        check_needs_of(stage, taken)
        _check_not_stale(stage.wanted_inputs(taken, wanted), context)
        otherwise = _made_otherwise(stage, context, wanted)
        if otherwise:
            telling.say(
                f"made with other settings than the run has now, and read as it is: {', '.join(otherwise)}. "
                f"To make all that is due anew: ticketkin run --resume --out {shlex.quote(str(folder))}"
            )
        with damage.damage_named(folder, stages()[: stages().index(stage)]):
            seconds = run_stage(stage, context, wanted)
        remember(stage, taken, seconds)
        if begins and latest is not None:
            point_latest(latest, folder, telling)
        return seconds


def _made_otherwise(stage: Stage[Job], context: RunContext[Job], wanted: Mapping[Place, bool]) -> list[str]:
    """Return the stages, in order, that made what `stage` reads with settings that have changed since."""
    needed = list(stage.wanted_inputs(context.job, wanted))
    changed = []
    for earlier in reversed(stages()[: stages().index(stage)]):
        made = any(place.lies_in(output) for place in needed for output in earlier.outputs)
        if made and earlier.wanted(context.job):
            needed += earlier.wanted_inputs(context.job, wanted)
            if stage_status(earlier, context, wanted).state is State.CHANGED:
                changed.append(earlier.name)
    return changed[::-1]


def check_inputs_of(name: str, folder: Path, job: Job, *more: Place) -> None:
    """Check inputs of a stage, and `more`, against the records of a run. Raises as `check_not_stale`."""
    context = run_context(folder, job)
    inputs = stage_named(name).wanted_inputs(job, _wanted_artifacts(job))
    _check_not_stale([*inputs, *more], context)


def _check_not_stale(places: Collection[Place], context: RunContext[Job]) -> None:
    check_not_stale(places, context, stages(), _wanted_artifacts(context.job))


@contextmanager
def _owned(
    folder: Path, job: Job, progress: Progress, *, begins: bool, force: bool
) -> Iterator[tuple[Job, Progress]]:
    """Own the run folder of `job`: checked, locked and swept; yields the job to run and logged progress.

    The job is the one given, with the answers of a review that lies in a run taken over.

    Where the run `begins`, which reads the sources, they are recorded. In a folder that is no run yet, files
    with names that the run needs are moved to `kept/`. Where it goes on, and what was asked for is refused,
    its settings stay as they were: a later command would be refused for them again.
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
            job = take_over_answers(job, folder, telling)
            stored, changed = job_stored_in(folder), settings_that_change(folder, job)
            if changed is not None:
                telling.say(changed)
            write_job(job, folder)
            try:
                yield job, telling
            except InputError:
                if stored is not None and changed is not None and not begins:
                    before = {"settings": stored.settings, "links_file": stored.links_file}
                    write_job(job.model_copy(update=before), folder)
                    telling.say("refused, so the settings of this run stay as they were")
                raise


def _swept_cache() -> list[str]:
    """Sweep the embedding cache, which other processes may be writing to."""
    cache = default_cache_folder()
    return sweep_leftovers(cache, idle_seconds=_IDLE_SECONDS) if cache.is_dir() else []


def _check_ready(stage: Stage[Job], context: RunContext[Job], wanted: Mapping[Place, bool]) -> None:
    inputs = stage.wanted_inputs(context.job, wanted)
    lacking = [
        earlier
        for earlier in stages()[: stages().index(stage)]
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
) -> Report:
    """Run every stage that is due, in order, and return the report.

    Stages whose inputs and settings have not changed are kept. The manifest is written last. Once the
    tickets are read, `latest` becomes a link to the folder, beside which it lies.

    Raises OutputRefusedError where a file the job reads would be overwritten, and, unless `force` is given,
    where `folder` is not empty and not a run, or holds results of other sources; and as a stage that lacks a
    file, a program, a model or a package that it opens late: before the first stage, nothing being written.
    """
    folder = followed(folder)
    check_run(folder, job, force=force)
    check_needs(list_stages(folder, job), job)
    with _owned(folder, job, progress, begins=True, force=force) as (taken, telling):
        remove_old(folder / artifact.MANIFEST)
        context = run_context(folder, taken, telling)
        wanted = _wanted_artifacts(taken)
        due = [stage for stage in stages() if stage.wanted(taken)]
        statuses = [stage_status(stage, context, wanted) for stage in due]
        expected = forecast_of_due(statuses, taken)
        if expected:
            telling.say(forecast_line(expected))
        seconds: dict[str, float] = {}
        for number, stage in enumerate(due, start=1):
            taking = _run_if_due(stage, context, wanted, f"[{number}/{len(due)}] {stage.title}")
            if taking is not None:
                seconds[stage.name] = taking
            if number == 1 and latest is not None:
                point_latest(latest, folder, telling)
        _write_manifest(folder, taken, due, RunTimes(expected, seconds))
        return context.values.read(artifact.REPORT_JSON)


def forecast_of_due(statuses: Sequence[StageStatus[Job]], job: Job) -> dict[str, Forecast | None]:
    """Return how long each stage that is not done will take, None where that is not known; by its name.

    Encoding that was never measured is tried on a few texts of a large job, within seconds.
    """
    expected = forecast((status.stage for status in statuses if status.state is not State.DONE), job)
    known = expected.get("embed")
    if "embed" in expected and (known is None or known.rough) and is_worth_measuring(job):
        expected["embed"] = encoding_forecast(job) or known
    return expected


def _run_if_due(
    stage: Stage[Job], context: RunContext[Job], wanted: Mapping[Place, bool], heading: str
) -> float | None:
    """Run a stage that is not done and return its seconds; None where it is done."""
    status = stage_status(stage, context, wanted)
    if status.state is State.DONE:
        context.progress.say(f"{heading}: up to date, kept")
        return None
    context.progress.say(heading)
    seconds = run_stage(stage, context, wanted)
    remember(stage, context.job, seconds)
    context.progress.say(f"  done in {measured_seconds(seconds)}")
    return seconds


@dataclass(frozen=True)
class RunTimes:
    """The forecast before a run and the measured time of each stage that ran, by the name of the stage."""

    forecast: Mapping[str, Forecast | None]
    seconds: Mapping[str, float]


def _write_manifest(folder: Path, job: Job, made: Sequence[Stage[Job]], times: RunTimes) -> None:
    outputs = {place.name: content_hash(folder / place) for stage in made for place in stage.outputs}
    write_json(
        folder / artifact.MANIFEST,
        {
            "inputs": [{"name": path.name, "sha256": hash_path(path)} for path in job.files],
            "outputs": outputs,
            "seconds": stage_seconds(folder),
            "last_run": times,
            "seed": job.settings.seed,
            "versions": versions(),
        },
    )
