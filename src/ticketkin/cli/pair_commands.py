"""`ticketkin pairs`: build them (the default), check them, exchange them with other tools."""

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from ticketkin.cli.console import errors, print_json, screen
from ticketkin.cli.help import GroupedCommands
from ticketkin.cli.job_options import stored_job
from ticketkin.cli.options import ForceOption, JsonOption, KinFromOption, RunFolder, SetOption, output_option
from ticketkin.cli.screens import show_conflicts, show_pair_check
from ticketkin.cli.stages import run_stage_command
from ticketkin.core.outputs import check_file_output, output_path
from ticketkin.core.tables import SplitName
from ticketkin.core.wording import number_of


class _BuildsByDefault(GroupedCommands):
    """`ticketkin pairs RUN` is `ticketkin pairs build RUN`, as for every other stage."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        known = args and (args[0] in self.commands or args[0].startswith("-"))
        return super().resolve_command(ctx, args if known else ["build", *args])


pairs = typer.Typer(
    cls=_BuildsByDefault,
    help="Build training pairs in three phases and the fixed test pairs; choose pairs to judge; check and "
    "exchange pairs.\n\n"
    "\b\nExamples:\n  ticketkin pairs runs/june --set pairs.hard_negatives_per_positive=5\n"
    "  ticketkin pairs review runs/june --set review.pairs=100\n"
    "  ticketkin pairs check pairs.json --out cleaned.json\n"
    "  ticketkin pairs conflicts runs/june --out conflicts.csv\n"
    "  ticketkin pairs export runs/june test.json --split holdout",
    no_args_is_help=True,
)


@pairs.command()
def build(folder: RunFolder, set_: SetOption = None) -> None:
    """Build the pairs of a run: the stage of the main job.

    \b
    Example:
      ticketkin pairs build runs/june --set pairs.hard_negatives_per_positive=5
    """
    run_stage_command("pairs", folder, stored_job(folder, set_))


@pairs.command()
def review(folder: RunFolder, set_: SetOption = None) -> None:
    """Choose the pairs to be judged first and write to_review.csv: a stage of the main job.

    \b
    Examples:
      ticketkin pairs review runs/june
      ticketkin pairs review runs/june --set review.pairs=100

    Fill in the column kind of to_review.csv, then: ticketkin run runs/june --reviewed runs/june/to_review.csv
    """
    run_stage_command("to_review", folder, stored_job(folder, set_))


@pairs.command()
def check(
    path: Annotated[Path, typer.Argument(help="JSON file or table of labelled pairs.")],
    out: Annotated[
        Path | None, output_option("Write the set without contradictions, repeats and empty texts.", "FILE")
    ] = None,
    kin_from: KinFromOption = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """Count contradictions, repeats, empty texts, label noise and templates that dominate.

    \b
    Example:
      ticketkin pairs check pairs.json --out cleaned.json
    """
    from ticketkin.pairs.checking import check_pairs
    from ticketkin.pairs.interchange import read_text_pairs, write_text_pairs

    if out is not None:
        check_file_output(out, [path], force=force)
    pairs = read_text_pairs(path, kin_from)
    for note in pairs.notes:
        errors.print(f"note: {note}", soft_wrap=True)
    checked = check_pairs(pairs)
    if out is not None:
        write_text_pairs(checked.cleaned, out)
    counts = checked.counts()
    if as_json:
        print_json(counts)
    else:
        show_pair_check(screen, counts, out)


@pairs.command()
def conflicts(
    folder: RunFolder,
    out: Annotated[
        Path | None, output_option("CSV whose column kind a person fills in, for --reviewed.", "FILE")
    ] = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
) -> None:
    """List labels of a run that contradict each other: both tickets, what was stated, and by whom.

    \b
    Examples:
      ticketkin pairs conflicts runs/june
      ticketkin pairs conflicts runs/june --out conflicts.csv
      ticketkin pairs conflicts runs/june --json

    Fill in the column kind of conflicts.csv, then: ticketkin run runs/june --reviewed conflicts.csv
    """
    from ticketkin.workflows.artifacts import save_csv
    from ticketkin.workflows.conflicts import conflict_table, conflicts_of_run
    from ticketkin.workflows.job import damage_named

    if out is not None:
        check_file_output(out, [folder], force=force)
    with damage_named(folder):
        listed = conflicts_of_run(folder)
    if out is not None and listed:
        save_csv(out, conflict_table(listed), for_spreadsheets=True)
    if as_json:
        print_json(listed)
        return
    show_conflicts(screen, listed)
    if out is not None and not listed:
        screen.print(f"Nothing is to be filled in, so {out} was not written.", soft_wrap=True)
    elif out is not None:
        screen.print(f"Wrote {out}. Fill in the column kind, then:", soft_wrap=True)
        screen.print(
            f"  ticketkin run {shlex.quote(str(folder))} --reviewed {shlex.quote(str(out))}", soft_wrap=True
        )


@pairs.command()
def export(
    folder: RunFolder,
    out: Annotated[Path, typer.Argument(help="JSON file to write.", parser=output_path, metavar="FILE")],
    split: Annotated[SplitName, typer.Option(help="Which pairs.")] = SplitName.TRAIN,
    force: ForceOption = False,
) -> None:
    """Write the pairs of a run as JSON: texts1, texts2, labels, phases, categories.

    \b
    Example:
      ticketkin pairs export runs/june test.json --split holdout
    """
    from ticketkin.pairs.interchange import write_text_pairs
    from ticketkin.workflows.job import damage_named
    from ticketkin.workflows.pair_files import pairs_of_run

    check_file_output(out, force=force)
    with damage_named(folder):
        text_pairs = pairs_of_run(folder, split)
    write_text_pairs(text_pairs, out)
    screen.print(
        f"Wrote {number_of(len(text_pairs), 'pair')} to {out} (sha256 {text_pairs.digest()})", soft_wrap=True
    )
