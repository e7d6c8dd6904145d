"""Commands that run a whole job: of an export, of the demo; and what one can begin with."""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from ticketkin.cli.console import errors, print_json, screen
from ticketkin.cli.job_options import JobOptions
from ticketkin.cli.option_records import takes_records
from ticketkin.cli.options import (
    ForceOption,
    ForceRunOption,
    JsonOption,
    OutOption,
    TrustCodeOption,
    out_folder,
)
from ticketkin.cli.progress import ConsoleProgress
from ticketkin.cli.screens import show_recipes, show_stages
from ticketkin.cli.verdict_screens import show_report
from ticketkin.core.outputs import output_path
from ticketkin.core.stage_settings import LARGEST_SEED
from ticketkin.evaluation.schema import Report
from ticketkin.workflows.configuration import Job

runs = typer.Typer()


@runs.command()
@takes_records
def run(
    options: JobOptions,
    out: OutOption = None,
    resume: Annotated[
        bool,
        typer.Option(
            "--resume", help="Continue the job stored in --out, or the newest run, changed by what is given."
        ),
    ] = False,
    force: ForceRunOption = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print what would run and why.")] = False,
    trust_code: TrustCodeOption = None,
    as_json: JsonOption = False,
) -> None:
    """From an export to a proven model, in one command.

    \b
    Examples:
      ticketkin run incidents.csv
      ticketkin run incidents.csv --links duplicates.csv --offline
      ticketkin run export.xlsx --map title=Summary,description=Text
      ticketkin run incidents.csv --candidates base,head --set split.by=time
      ticketkin run incidents.csv --recipe lora-hybrid
      ticketkin run --resume --out runs/june --set split.by=time
      ticketkin run runs/june --reviewed runs/june/to_review.csv

    A killed run continues with the same command: finished stages are kept. A run folder in place of an
    export is the same as --resume --out FOLDER. Without --out each job gets a
    folder of its own in runs/, by date and name, and runs/latest points to the newest.
    """
    folder, job = options.placed(out, resume=resume)
    left_out = options.not_applied(job, folder)
    if dry_run:
        _show_plan(folder, job, left_out, force=force, as_json=as_json)
        return
    report = _judged(folder, job, [f"Run folder: {folder}" if out is None else None, left_out], force=force)
    if as_json:
        print_json(report)
    else:
        show_report(screen, report, folder)


def _judged(folder: Path, job: Job, notices: Sequence[str | None], *, force: bool) -> Report:
    """Run the job to its end, after saying the `notices` there are, and return its report."""
    from ticketkin.workflows.job import run_job
    from ticketkin.workflows.run_folders import pointer_for

    with ConsoleProgress(errors) as progress:
        for notice in notices:
            if notice is not None:
                progress.say(notice)
        return run_job(job, folder, progress, force=force, latest=pointer_for(folder))


def _show_plan(folder: Path, job: Job, left_out: str | None, *, force: bool, as_json: bool) -> None:
    """Print what a run would do and why; `left_out` says which settings around it are not used."""
    from ticketkin.runs.needs import check_needs
    from ticketkin.workflows.forecast import forecast_line
    from ticketkin.workflows.job import check_run, forecast_of_due, list_stages, settings_that_change
    from ticketkin.workflows.tuned_folds import dry_run_notes

    check_run(folder, job, force=force)
    for line in (settings_that_change(folder, job), left_out):
        if line is not None:
            errors.print(line, soft_wrap=True)
    statuses = list_stages(folder, job)
    check_needs(statuses, job)
    expected = forecast_of_due(statuses, job)
    show_stages(screen, statuses, folder, as_json, expected)
    notes = [forecast_line(expected)] if expected else []
    for line in () if as_json else [*notes, *dry_run_notes(folder, job)]:
        errors.print(line, soft_wrap=True)


@runs.command()
def demo(
    out: Annotated[
        Path, typer.Option("--out", "-o", help="Run folder.", parser=out_folder, metavar="PATH")
    ] = Path("runs/demo"),
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="Seed of sample and run.")] = 42,
    force: ForceRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Show the main job on a built-in synthetic sample, offline.

    \b
    Example:
      ticketkin demo --out runs/demo

    Then open its page: ticketkin serve --demo
    """
    from ticketkin.workflows.demo import DEMO, run_demo

    with ConsoleProgress(errors) as progress:
        report = run_demo(out, seed, progress, force=force)
    if as_json:
        print_json(report)
        return
    show_report(screen, report, out)
    place = "" if out == DEMO else f"{out} "
    screen.print(f"Open its page: ticketkin serve {place}--demo", soft_wrap=True)


@runs.command()
def recipes(as_json: JsonOption = False) -> None:
    """Show the named training configurations.

    \b
    Examples:
      ticketkin recipes
      ticketkin recipes --json
    """
    from ticketkin.workflows.recipes import recipes as all_recipes

    shipped = all_recipes().values()
    if as_json:
        print_json(list(shipped))
    else:
        show_recipes(screen, shipped)


@runs.command()
def sample(
    out: Annotated[
        Path, typer.Argument(help="File to write, .csv or .jsonl.", parser=output_path, metavar="FILE")
    ] = Path("sample.csv"),
    n_tickets: Annotated[
        int, typer.Option("--tickets", min=20, max=1_000_000, help="Number of tickets.")
    ] = 1200,
    seed: Annotated[int, typer.Option(min=0, max=LARGEST_SEED, help="It decides the file.")] = 7,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Write synthetic incidents with ServiceNow's columns.

    \b
    Example:
      ticketkin sample incidents.csv --tickets 5000 --seed 1
    """
    from ticketkin.tickets.sample import AT_ONCE, OMITTED, write_sample

    summary = write_sample(out, n_tickets, seed, at_once=AT_ONCE, omitted=OMITTED, force=force)
    if as_json:
        print_json(summary)
    else:
        counts = ", ".join(
            f"{name} {value}" for name, value in vars(summary).items() if isinstance(value, int)
        )
        screen.print(f"Wrote {out} (synthetic): {counts}", soft_wrap=True)
