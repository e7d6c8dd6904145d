"""The `ticketkin` command."""

from pathlib import Path
from typing import Annotated

import typer

from ticketkin.cli.backup_commands import backups
from ticketkin.cli.console import errors, print_json, screen
from ticketkin.cli.help import GroupedCommands, in_groups
from ticketkin.cli.model_commands import models
from ticketkin.cli.options import (
    CandidatesOption,
    ConfigOption,
    ForceOption,
    ForceRunOption,
    JobOptions,
    JsonOption,
    LabelsFromOption,
    LinkColumnsOption,
    LinksOption,
    MapOption,
    ModelOption,
    OfflineOption,
    OutOption,
    PairsOption,
    RecipeOption,
    RedactWordsOption,
    ReviewedOption,
    RunFolder,
    SeedOption,
    SetOption,
    Sources,
    TestPairsOption,
    TrustCodeOption,
    out_folder,
    run_among,
    run_folder_of,
    run_to_resume,
    stored_job,
    training_job,
)
from ticketkin.cli.pair_commands import pairs as pair_commands
from ticketkin.cli.progress import ConsoleProgress
from ticketkin.cli.screens import show_recipes, show_stages
from ticketkin.cli.served_model_commands import served_models
from ticketkin.cli.service_commands import service
from ticketkin.cli.serving_commands import serving
from ticketkin.cli.stages import run_stage_command
from ticketkin.cli.verdict_screens import show_candidates, show_report, show_verdict
from ticketkin.core.errors import InputError
from ticketkin.core.outputs import output_path
from ticketkin.core.stage_settings import LARGEST_SEED
from ticketkin.training.candidates import trained_candidates
from ticketkin.workflows.configuration import Job

app = typer.Typer(
    name="ticketkin",
    cls=GroupedCommands,
    help="Find the kin of a ticket: its duplicates, its relatives, its cause.\n\n"
    "Start with: ticketkin demo\n\nThen: ticketkin run incidents.csv",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.add_typer(models)
app.add_typer(serving)
app.add_typer(service)
app.add_typer(served_models, name="models")
app.add_typer(backups)
app.add_typer(pair_commands, name="pairs")


def _version(asked: bool) -> None:
    if asked:
        from importlib.metadata import version

        screen.print(f"ticketkin {version('ticketkin')}")
        raise typer.Exit


@app.callback()
def _global(
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
    version: Annotated[
        bool,
        typer.Option("--version", help="Print the version and end.", callback=_version, is_eager=True),
    ] = False,
) -> None:
    _state["debug"] = debug


_state = {"debug": False}


def is_debugging() -> bool:
    """Return whether an error shall end in its traceback."""
    return _state["debug"]


@app.command()
def run(
    sources: Sources = None,
    links: LinksOption = None,
    link_columns: LinkColumnsOption = None,
    map_: MapOption = None,
    config: ConfigOption = None,
    set_: SetOption = None,
    offline: OfflineOption = False,
    base_model: ModelOption = None,
    candidates: CandidatesOption = None,
    recipe: RecipeOption = None,
    pairs: PairsOption = None,
    test_pairs: TestPairsOption = None,
    labels_from: LabelsFromOption = None,
    reviewed: ReviewedOption = None,
    redact_words: RedactWordsOption = None,
    seed: SeedOption = None,
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
    from ticketkin.workflows.job import run_job
    from ticketkin.workflows.run_folders import pointer_for

    begun = run_among(sources or [], out)
    options = JobOptions(
        [] if begun else sources or [],
        links,
        link_columns,
        map_,
        config,
        set_,
        offline,
        base_model,
        candidates,
        seed,
        recipe,
        pairs,
        test_pairs,
        reviewed,
        redact_words,
        labels_from,
    )
    folder, job = options.resumed(begun or run_to_resume(out)) if resume or begun else options.begun(out)
    left_out = options.not_applied(job, folder)
    if dry_run:
        _show_plan(folder, job, left_out, force=force, as_json=as_json)
        return
    with ConsoleProgress(errors) as progress:
        if out is None:
            progress.say(f"Run folder: {folder}")
        if left_out is not None:
            progress.say(left_out)
        report = run_job(job, folder, progress, force=force, latest=pointer_for(folder))
    if as_json:
        print_json(report)
    else:
        show_report(screen, report, folder)


def _show_plan(folder: Path, job: Job, left_out: str | None, *, force: bool, as_json: bool) -> None:
    """Print what a run would do and why; `left_out` says which settings around it are not used."""
    from ticketkin.workflows.forecast import forecast_line
    from ticketkin.workflows.job import check_run, forecast_of_due, list_stages, settings_that_change
    from ticketkin.workflows.tuned_folds import dry_run_notes

    check_run(folder, job, force=force)
    for line in (settings_that_change(folder, job), left_out):
        if line is not None:
            errors.print(line, soft_wrap=True)
    statuses = list_stages(folder, job)
    expected = forecast_of_due(statuses, job, measuring=True)
    show_stages(screen, statuses, folder, as_json, expected)
    notes = [forecast_line(expected)] if expected else []
    for line in () if as_json else [*notes, *dry_run_notes(folder, job)]:
        errors.print(line, soft_wrap=True)


@app.command()
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


@app.command("import")
def import_command(
    sources: Sources = None,
    map_: MapOption = None,
    redact_words: RedactWordsOption = None,
    config: ConfigOption = None,
    set_: SetOption = None,
    links: LinksOption = None,
    link_columns: LinkColumnsOption = None,
    offline: OfflineOption = False,
    base_model: ModelOption = None,
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

    options = JobOptions(
        sources or [], links, link_columns, map_, config, set_, offline, base_model, redact_words=redact_words
    )
    to_file = out is not None and out.suffix == ".parquet"
    job = options.job_in(None if to_file else out)
    with ConsoleProgress(errors) as progress:
        if out is not None and to_file:
            summary = import_to_file(job, out, progress, force=force)
        else:
            folder = run_folder_of(out, job)
            progress.say(f"Run folder: {folder}")
            left_out = options.not_applied(job, folder)
            if left_out is not None:
                progress.say(left_out)
            run_one_stage("import", folder, progress, job, force=force, latest=pointer_for(folder))
            summary = IMPORT_SUMMARY.read(folder / IMPORT_SUMMARY)
    if as_json:
        print_json(summary)


@app.command()
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


@app.command()
def split(folder: RunFolder, set_: SetOption = None) -> None:
    """Split tickets by kin group and template.

    \b
    Example:
      ticketkin split runs/june --set split.by=time
    """
    run_stage_command("split", folder, stored_job(folder, set_))


@app.command()
def embed(folder: RunFolder, set_: SetOption = None, trust_code: TrustCodeOption = None) -> None:
    """Encode the tickets with the untouched model.

    \b
    Example:
      ticketkin embed runs/june --set encoder.batch_size=8
    """
    run_stage_command("embed", folder, stored_job(folder, set_))


@app.command()
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


@app.command()
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


@app.command()
def report(
    folder: RunFolder,
    share: Annotated[
        bool, typer.Option("--share", help="Write a copy without any text, number or name of a ticket.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="File of the copy; default report-shared.html in RUN.",
            parser=output_path,
            metavar="FILE",
        ),
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


@app.command()
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


@app.command()
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


@app.command()
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
    from ticketkin.tickets.sample import AT_ONCE, write_sample

    summary = write_sample(out, n_tickets, seed, at_once=AT_ONCE, force=force)
    if as_json:
        print_json(summary)
    else:
        counts = ", ".join(
            f"{name} {value}" for name, value in vars(summary).items() if isinstance(value, int)
        )
        screen.print(f"Wrote {out} (synthetic): {counts}", soft_wrap=True)


in_groups(app)
