"""One stage of a run as a command, with its progress on the error stream."""

from pathlib import Path

from ticketkin.cli.console import errors
from ticketkin.cli.progress import ConsoleProgress
from ticketkin.core.wording import measured_seconds
from ticketkin.workflows.configuration import Job


def run_stage_command(
    name: str, folder: Path, job: Job, *, force: bool = False, latest: Path | None = None
) -> None:
    """Run the stage `name` in `folder` and say how long it took. `force`, `latest`: see `run_one_stage`."""
    from ticketkin.workflows.job import run_one_stage
    from ticketkin.workflows.stages.order import stage_named

    with ConsoleProgress(errors) as progress:
        progress.say(stage_named(name).title)
        seconds = run_one_stage(name, folder, progress, job, force=force, latest=latest)
        progress.say(f"  done in {measured_seconds(seconds)}")
