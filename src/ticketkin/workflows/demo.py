"""The main job on the built-in sample: offline, and small enough for a laptop."""

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

from ticketkin.core.artifacts import atomic_path, hash_path, run_lock
from ticketkin.core.errors import OutputRefusedError
from ticketkin.core.progress import SILENT, Progress
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.evaluation.schema import Report
from ticketkin.runs.keeping import KeptFolder, keep_foreign
from ticketkin.tickets.sample import write_sample
from ticketkin.training.settings import LoraSettings, StrengthSettings
from ticketkin.workflows.configuration import Job, read_job
from ticketkin.workflows.job import check_run, own_names, run_job
from ticketkin.workflows.run_folders import followed, has_results, is_run, mark_run
from ticketkin.workflows.settings import Settings

SAMPLE_TICKETS = 1_200
SAMPLE = "sample.csv"
"""Its tickets, in the folder of the demo."""


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
    job = demo_job(folder / SAMPLE, seed)
    check_run(folder, job, force=force)
    if has_results(folder) and not force and (before := read_job(folder).settings.seed) != seed:
        raise OutputRefusedError(
            f"{folder} holds the demo with --seed {before}, and this one has {seed}: its results would be "
            "overwritten. Name another folder with --out, or give --force"
        )
    with run_lock(folder):
        if not is_run(folder):
            keep_foreign(folder, own_names(), progress)
        mark_run(folder, job, own_names())  # first, so that a demo killed here is known as a run
        _place_sample(folder, seed, progress)
    progress.say(f"Built-in sample: {SAMPLE_TICKETS:,} synthetic tickets, offline, no model download")
    return run_job(job, folder, progress, force=force)


def _place_sample(folder: Path, seed: int, progress: Progress) -> None:
    """Write the sample, unless it is there; another file of its name is moved to `kept/`."""
    path = folder / SAMPLE
    with TemporaryDirectory() as elsewhere:
        made = Path(elsewhere) / SAMPLE
        write_sample(made, SAMPLE_TICKETS, seed)
        if path.is_file() and hash_path(path) == hash_path(made):
            return
        if path.exists() or path.is_symlink():
            progress.say(KeptFolder(folder).take([path]))
        with atomic_path(path) as temporary:
            shutil.copyfile(made, temporary)
