"""The main job on the built-in sample: offline, and small enough for a laptop."""

import shutil
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from ticketkin.core.artifacts import atomic_path, hash_path
from ticketkin.core.errors import InputError, OutputRefusedError
from ticketkin.core.locks import run_lock
from ticketkin.core.progress import SILENT, Progress
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.evaluation.schema import Report
from ticketkin.runs.keeping import KeptFolder, keep_foreign
from ticketkin.serving.manifest import is_bundle
from ticketkin.tickets.sample import AT_ONCE, OMITTED, write_sample
from ticketkin.training.settings import LoraSettings, StrengthSettings
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.configuration import Job, read_job
from ticketkin.workflows.job import check_run, own_names, run_job
from ticketkin.workflows.run_folders import followed, has_results, is_run, mark_run
from ticketkin.workflows.settings import Settings

DEMO, DEMO_SEED = Path("runs/demo"), 42
SAMPLE_TICKETS = 1_200
_SAMPLE = "sample.csv"
_SERVED = Path("service", "open.csv")
_TIMES = ("opened_at", "resolved_at", "closed_at", "sys_updated_on")
_TIME_FORMAT = "%Y-%m-%d %H:%M:%S"
# Fields that are not yet known while a ticket is open.
_KNOWN_LATER = (
    "parent_incident",
    "problem_id",
    "caused_by",
    "close_code",
    "close_notes",
    "resolved_at",
    "closed_at",
)


def demo_job(sample: Path, seed: int) -> Job:
    """Return the demo's job: all candidates, LoRA shortened to fit in minutes on two cores."""
    return Job(
        sources=(sample.resolve(),),
        synthetic=True,
        settings=Settings(
            seed=seed,
            encoder=EncoderSettings(offline=True),
            # One pass over all phases at once: enough to show LoRA at work within two minutes.
            lora=LoraSettings(epochs_per_phase=(0, 0, 1), max_length_tokens=64, batch_size=16),
            strength=StrengthSettings(strengths=(0.0, 0.5, 1.0)),
        ),
    )


def run_demo(folder: Path, seed: int, progress: Progress = SILENT, *, force: bool = False) -> Report:
    """Write the sample into `folder` and run the whole job on it; returns its report.

    The same seed writes the same sample, so a demo that was killed continues. Raises OutputRefusedError where
    `folder` holds anything else, or the demo of another seed, unless `force` is given.
    """
    folder = followed(folder)
    job = demo_job(folder / _SAMPLE, seed)
    check_run(folder, job, force=force)
    if has_results(folder) and not force and (before := read_job(folder).settings.seed) != seed:
        raise OutputRefusedError(
            f"{folder} holds the demo with --seed {before}, and this one has {seed}: its results would be "
            "overwritten. Name another folder with --out, or give --force"
        )
    with run_lock(folder):
        if not is_run(folder):
            keep_foreign(folder, own_names(), progress)
        mark_run(folder, job, own_names())  # first, so that a demo killed here is recognised as a run
        _place_sample(folder, seed, progress)
    progress.say(f"Built-in sample: {SAMPLE_TICKETS:,} synthetic tickets, offline, no model download")
    return run_job(job, folder, progress, force=force)


@dataclass(frozen=True)
class ServedDemo:
    """What to serve so that a user sees every part of a service."""

    bundle: Path
    tickets: Path
    """The sample as it stood when its last ticket opened, less than an hour ago."""


def served_demo(folder: Path, progress: Progress = SILENT) -> ServedDemo:
    """Return what to serve of the demo in `folder`, which is run first where it is not finished.

    The sample's times are moved, so that a ticket that somebody types in opens beside its last ones: kin is
    rarely years apart, and nothing would be known of it. Raises InputError where another run lies there.
    """
    folder = followed(folder)
    if not is_bundle(folder / artifact.BUNDLE):
        run_demo(folder, DEMO_SEED, progress)
    elif not (folder / _SAMPLE).is_file():
        raise InputError(
            f"{folder} is no demo: it has no {_SAMPLE}. Serve another run by its bundle: ticketkin serve "
            f"{folder / artifact.BUNDLE} --tickets EXPORT"
        )
    tickets = folder / _SERVED
    tickets.parent.mkdir(exist_ok=True)
    with atomic_path(tickets) as temporary:
        sample = as_it_stood(pl.read_csv(folder / _SAMPLE, infer_schema=False))
        moved_to(sample, datetime.now(UTC).replace(tzinfo=None)).write_csv(temporary)
    progress.say("  the times of the sample are moved: its last ticket opened less than an hour ago")
    return ServedDemo(folder / artifact.BUNDLE, tickets)


def as_it_stood(sample: pl.DataFrame) -> pl.DataFrame:
    """Return the sample when its last ticket opened: what was solved later is open, and not yet linked."""
    is_open = pl.col("resolved_at") > pl.col("opened_at").max()
    later = (pl.when(is_open).then(pl.lit("")).otherwise(pl.col(name)).alias(name) for name in _KNOWN_LATER)
    state = pl.when(is_open).then(pl.lit("In Progress")).otherwise(pl.col("state")).alias("state")
    return sample.with_columns(state, *later)


def moved_to(sample: pl.DataFrame, now: datetime) -> pl.DataFrame:
    """Return the sample moved by whole hours, so that its last ticket opened less than an hour before `now`.

    A time that a spreadsheet made a number of days stays one.
    """
    newest: datetime = sample.select(pl.col("opened_at").str.to_datetime().max()).item()
    hours = (now - newest) // timedelta(hours=1)
    return sample.with_columns(
        pl.coalesce(
            (pl.col(name).str.to_datetime(strict=False) + pl.duration(hours=hours)).dt.strftime(_TIME_FORMAT),
            (pl.col(name).cast(pl.Float64, strict=False) + hours / 24).round(5).cast(pl.String),
            pl.col(name),
        ).alias(name)
        for name in _TIMES
    )


def _place_sample(folder: Path, seed: int, progress: Progress) -> None:
    """Write the sample, unless it is there; another file of its name is moved to `kept/`."""
    path = folder / _SAMPLE
    with TemporaryDirectory() as elsewhere:
        made = Path(elsewhere) / _SAMPLE
        write_sample(made, SAMPLE_TICKETS, seed, at_once=AT_ONCE, omitted=OMITTED)
        if path.is_file() and hash_path(path) == hash_path(made):
            return
        if path.exists() or path.is_symlink():
            progress.say(KeptFolder(folder).take([path]))
        with atomic_path(path) as temporary:
            shutil.copyfile(made, temporary)
