"""The main job on the built-in sample: offline, and small enough for a laptop."""

from pathlib import Path
from typing import Any

from ticketkin.core.config import EncoderSettings, LoraSettings, Settings, StrengthSettings
from ticketkin.core.progress import SILENT, Progress
from ticketkin.pipeline.configuration import Job
from ticketkin.pipeline.job import run_job
from ticketkin.tickets.sample import write_sample

SAMPLE_TICKETS = 1_200


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


def run_demo(folder: Path, seed: int, progress: Progress = SILENT) -> dict[str, Any]:
    """Write the sample into `folder` and run the whole job on it; returns report.json's content."""
    sample = folder / "sample.csv"
    folder.mkdir(parents=True, exist_ok=True)
    summary = write_sample(sample, SAMPLE_TICKETS, seed)
    progress.say(f"Built-in sample: {summary.n_tickets:,} synthetic tickets, offline, no model download")
    return run_job(demo_job(sample, seed), folder, progress)
