"""Commands for single stages of a run, and for what a run has come to."""

from pathlib import Path
from typing import Annotated

import typer

from ticketkin.cli.console import errors, print_json, screen
from ticketkin.cli.job_options import ImportOptions, JobOptions, stored_job, training_job
from ticketkin.cli.option_records import takes_records
from ticketkin.cli.options import (
    ForceOption,
    ForceRunOption,
    JsonOption,
    LinkColumnsOption,
    LinksOption,
    RecipeOption,
    ReviewedOption,
    RunFolder,
    SetOption,
    TrustCodeOption,
    out_folder,
    output_option,
)
from ticketkin.cli.progress import ConsoleProgress
from ticketkin.cli.run_choice import run_folder_of
from ticketkin.cli.screens import show_stages
from ticketkin.cli.stages import run_stage_command
from ticketkin.cli.verdict_screens import show_candidates, show_verdict
from ticketkin.core.errors import InputError
from ticketkin.training.candidates import trained_candidates

run_stages = typer.Typer()


@run_stages.command("import")
@takes_records
def import_command(
    options: ImportOptions,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="A .parquet file, or a run folder for the later stages; default as in: ticketkin run.",
            parser=out_folder,
            metavar="PATH",
        ),
    ] = None,
    force: ForceRunOption = False,
    as_json: JsonOption = False,
) -> None:
    """Read, clean and redact an export.

    \b
    Examples:
      ticketkin import incidents.csv --out tickets.parquet --json
      ticketkin import incidents.csv --out runs/june
    """
    from ticketkin.workflows.artifacts import IMPORT_SUMMARY
    from ticketkin.workflows.importing import import_to_file
    from ticketkin.workflows.job import run_one_stage
    from ticketkin.workflows.run_folders import pointer_for

    given = JobOptions(**vars(options))
    to_file = out is not None and out.suffix == ".parquet"
    job = given.job_in(None if to_file else out)
    with ConsoleProgress(errors) as progress:
        if out is not None and to_file:
            summary = import_to_file(job, out, progress, force=force)
        else:
            folder = run_folder_of(out, job)
            progress.say(f"Run folder: {folder}")
            left_out = given.not_applied(job, folder)
            if left_out is not None:
                progress.say(left_out)
            run_one_stage("import", folder, progress, job, force=force, latest=pointer_for(folder))
            summary = IMPORT_SUMMARY.read(folder / IMPORT_SUMMARY)
    if as_json:
        print_json(summary)


@run_stages.command()
def links(
    folder: RunFolder,
    links_file: LinksOption = None,
    link_columns: LinkColumnsOption = None,
    reviewed: ReviewedOption = None,
    set_: SetOption = None,
) -> None:
    """Collect the links people made.

    \b
    Examples:
      ticketkin links runs/june --links duplicates.csv --link-columns duplicate,master
      ticketkin links runs/june --reviewed runs/june/to_review.csv
    """
    run_stage_command("links", folder, stored_job(folder, set_, links_file, link_columns, reviewed))


@run_stages.command()
def split(folder: RunFolder, set_: SetOption = None) -> None:
    """Split tickets by kin group and template.

    \b
    Example:
      ticketkin split runs/june --set split.by=time
    """
    run_stage_command("split", folder, stored_job(folder, set_))


@run_stages.command()
def embed(folder: RunFolder, set_: SetOption = None, trust_code: TrustCodeOption = None) -> None:
    """Encode the tickets with the untouched model.

    \b
    Example:
      ticketkin embed runs/june --set encoder.batch_size=8
    """
    run_stage_command("embed", folder, stored_job(folder, set_))


@run_stages.command()
def train(
    folder: RunFolder,
    candidate: Annotated[
        str, typer.Argument(help=f"One of {', '.join(trained.name for trained in trained_candidates())}.")
    ],
    recipe: RecipeOption = None,
    set_: SetOption = None,
    trust_code: TrustCodeOption = None,
) -> None:
    """Tune one candidate.

    \b
    Examples:
      ticketkin train runs/june head
      ticketkin train runs/june lora --set lora.rank=8
      ticketkin train runs/june lora --recipe lora-longer
    """
    names = [trained.name for trained in trained_candidates()]
    if candidate not in names:
        raise InputError(f"candidate {candidate!r} can't be trained; choose {', '.join(names)}")
    run_stage_command(candidate, folder, training_job(folder, candidate, recipe, set_))


@run_stages.command()
def evaluate(
    folder: RunFolder,
    provisional: Annotated[
        bool, typer.Option("--provisional", help="Only the quick candidates; no verdict, holdout closed.")
    ] = False,
    set_: SetOption = None,
    trust_code: TrustCodeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Evaluate the candidates on held-out links and decide.

    \b
    Examples:
      ticketkin evaluate runs/june
      ticketkin evaluate runs/june --set evaluation.threshold_target=precision
    """
    from ticketkin.workflows.artifacts import PROVISIONAL, VERDICT_JSON

    run_stage_command("provisional" if provisional else "verdict", folder, stored_job(folder, set_))
    if provisional:
        early = PROVISIONAL.read(folder / PROVISIONAL)
        if as_json:
            print_json(early)
        else:
            show_candidates(screen, early.candidates, in_folds=early.in_folds)
        return
    judged = VERDICT_JSON.read(folder / VERDICT_JSON)
    if as_json:
        print_json(judged)
    else:
        show_verdict(screen, judged, folder)


@run_stages.command()
def report(
    folder: RunFolder,
    share: Annotated[
        bool, typer.Option("--share", help="Write a copy without any text, number or name of a ticket.")
    ] = False,
    out: Annotated[
        Path | None, output_option("File of the copy; default report-shared.html in RUN.", "FILE")
    ] = None,
    force: ForceOption = False,
) -> None:
    """Write report.html of a judged run, or a copy of it that may be passed on.

    \b
    Examples:
      ticketkin report runs/june
      ticketkin report runs/june --share --out june.html
    """
    from ticketkin.workflows.artifacts import REPORT_HTML

    if share:
        from ticketkin.workflows.job import run_context
        from ticketkin.workflows.sharing import share_report

        with ConsoleProgress(errors) as progress:
            path = share_report(run_context(folder, stored_job(folder), progress), out, force=force)
        screen.print(f"Shared copy: {path}", soft_wrap=True)
        return
    if out is not None:
        raise InputError("--out goes with --share; report.html lies in the run folder")
    run_stage_command("report", folder, stored_job(folder))
    screen.print(f"Report: {folder / REPORT_HTML}", soft_wrap=True)


@run_stages.command()
def stages(folder: RunFolder, as_json: JsonOption = False) -> None:
    """Show each stage of a run with its state.

    \b
    Example:
      ticketkin stages runs/june
    """
    from ticketkin.workflows.job import list_stages
    from ticketkin.workflows.openings import looks_so_far

    show_stages(screen, list_stages(folder), folder, as_json)
    looks = looks_so_far(folder)
    if looks is not None and not as_json:
        screen.print(f"{looks.sentence}.", soft_wrap=True)
