"""The help of commands: commands and options stand in groups, examples at the end."""

import re
from collections.abc import Mapping
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

COMMAND_GROUPS: Mapping[str, tuple[str, ...]] = {
    "Begin": ("demo", "run", "sample"),
    "Learn, stage by stage": (
        "import", "links", "split", "pairs", "embed", "train", "evaluate", "report", "recipes", "tune",
    ),
    "Kinds of kin": ("relations", "families"),
    "Check": ("stages", "ready", "doctor", "compare", "repeat", "replay"),
    "Answer": ("bundle", "index", "relate", "merge"),
    "Service": ("serve", "keys", "models", "erase", "backup", "restore", "mcp"),
}  # fmt: skip
"""Which command stands where in `ticketkin --help`, in this order; any other one stands under "Commands"."""

OPTION_GROUPS: Mapping[str, tuple[str, ...]] = {
    "Tickets": (
        "--map", "--redact-words", "--text", "--field", "--file", "--since", "--until", "--delete", "--purge",
        "--rejected", "--tickets",
    ),
    "Links and pairs": (
        "--links", "--link-columns", "--reviewed", "--pairs", "--test-pairs", "--labels-from", "--on",
        "--split",
    ),
    "Model": (
        "--base-model", "--trust-code", "--offline", "--candidates", "--recipe", "--baseline", "--dimensions",
    ),
    "Settings": ("--config", "--set", "--seed"),
    "Answers": ("--index", "--nearest", "--all"),
    "Service": ("--demo", "--data", "--host", "--port", "--name", "--rate", "--sign-in"),
    "Run and output": ("--out", "--resume", "--force", "--dry-run", "--json"),
}  # fmt: skip
"""Which option stands where in the help of a command with many; any other one stands last."""

MANY_OPTIONS = 8
_OPTIONS = "Options"
_OTHERS = "Other options"
# A paragraph that keeps its lines, which the mark \b says, and shows how a command is called.
_EXAMPLES = re.compile(r"\x08\n *Examples?:\n(?: +.*(?:\n|\Z))+")


class GroupedCommand(TyperCommand):
    """A command whose help has its options in groups where they are many, and its examples last."""

    def __init__(self, *args: Any, **settings: Any) -> None:
        super().__init__(*args, **settings)
        self.help, self.epilog = _examples_last(self.help)

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write arguments and options: in groups where a command has `MANY_OPTIONS` or more."""
        parameters = self.get_params(ctx)
        is_long = sum(one.param_type_name == "option" for one in parameters) >= MANY_OPTIONS
        sections: dict[str, list[tuple[str, str]]] = {
            title: [] for title in ("Arguments", *OPTION_GROUPS, _OTHERS, _OPTIONS)
        }
        for parameter in parameters:
            row = parameter.get_help_record(ctx)
            if row is not None:
                is_argument = parameter.param_type_name == "argument"
                title = option_group(parameter.opts) if is_long else _OPTIONS
                sections["Arguments" if is_argument else title].append(row)
        _write(formatter, sections)


class GroupedCommands(TyperGroup):
    """The commands, each in its group, with the first sentence of each whole."""

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the commands in their groups."""
        sections: dict[str, list[tuple[str, str]]] = {title: [] for title in (*COMMAND_GROUPS, "Commands")}
        for title, names in COMMAND_GROUPS.items():
            sections[title] = [_row(self, ctx, name) for name in names if name in self.commands]
        placed = {name for names in COMMAND_GROUPS.values() for name in names}
        others = [name for name in self.list_commands(ctx) if name not in placed]
        sections["Commands"] = [_row(self, ctx, name) for name in others]
        _write(formatter, sections)


def in_groups(app: typer.Typer) -> None:
    """Let every command of `app` and of the groups below it write its help in groups, examples last."""
    for command in app.registered_commands:
        command.cls = GroupedCommand
    for group in app.registered_groups:
        own = None if group.typer_instance is None else group.typer_instance.info.cls
        # A group that resolves its commands in a way of its own keeps it.
        group.cls = own if isinstance(own, type) and issubclass(own, GroupedCommands) else GroupedCommands
        if group.typer_instance is not None:
            in_groups(group.typer_instance)


def option_group(names: list[str]) -> str:
    """Return the title under which an option called `names` stands where options are many."""
    titles = (title for title, group in OPTION_GROUPS.items() if not set(names).isdisjoint(group))
    return next(titles, _OTHERS)


def _row(group: TyperGroup, ctx: Any, name: str) -> tuple[str, str]:
    command = group.get_command(ctx, name)
    text = "" if command is None else (command.help or "")
    return name, " ".join(text.split("\n\n")[0].split())


def _examples_last(text: str | None) -> tuple[str | None, str | None]:
    """Return a help text without its examples, and the examples."""
    examples = _EXAMPLES.search(text or "")
    if text is None or examples is None:
        return text, None
    return _EXAMPLES.sub("", text).strip(), examples.group().strip(" \n")


def _write(formatter: Any, sections: Mapping[str, list[tuple[str, str]]]) -> None:
    for title, rows in sections.items():
        if rows:
            with formatter.section(title):
                formatter.write_dl(rows)
