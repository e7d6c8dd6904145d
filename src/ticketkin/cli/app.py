"""The `ticketkin` command."""

from typing import Annotated

import typer

from ticketkin.cli.backup_commands import backups
from ticketkin.cli.bundle_command import bundling
from ticketkin.cli.comparison_commands import comparisons
from ticketkin.cli.console import screen
from ticketkin.cli.help import GroupedCommands, in_groups
from ticketkin.cli.index_command import indexing
from ticketkin.cli.key_commands import keys
from ticketkin.cli.kind_commands import kinds
from ticketkin.cli.model_commands import models
from ticketkin.cli.pair_commands import pairs as pair_commands
from ticketkin.cli.relate_command import relating
from ticketkin.cli.replay_command import replaying
from ticketkin.cli.run_commands import runs
from ticketkin.cli.served_model_commands import served_models
from ticketkin.cli.service_commands import service
from ticketkin.cli.stage_commands import run_stages
from ticketkin.cli.trial_commands import trials

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
app.add_typer(runs)
app.add_typer(run_stages)
app.add_typer(models)
app.add_typer(kinds)
app.add_typer(trials)
app.add_typer(comparisons)
app.add_typer(bundling)
app.add_typer(indexing)
app.add_typer(relating)
app.add_typer(replaying)
app.add_typer(service)
app.add_typer(keys, name="keys")
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


in_groups(app)
