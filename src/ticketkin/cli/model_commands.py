"""Commands about models on their own: examine, repair, merge."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from ticketkin.cli.console import errors, print_json, screen
from ticketkin.cli.model_screens import (
    show_examined,
)
from ticketkin.cli.option_records import takes_records
from ticketkin.cli.options import (
    ForceOption,
    JsonOption,
    ModelOption,
    OfflineOption,
    TrustCodeOption,
    encoder_settings,
    output_option,
)
from ticketkin.cli.progress import ConsoleProgress
from ticketkin.core.checks import any_failed
from ticketkin.core.errors import InputError
from ticketkin.core.wording import number_of

models = typer.Typer()

Adapter = Annotated[Path, typer.Argument(help="Adapter folder (adapter_config.json).")]


def _base_of(adapter: Path, base_model: str | None, offline: bool) -> str:
    from ticketkin.doctor.adapters import base_of_adapter
    from ticketkin.encoders.safety import check_adapter_folder

    base = base_of_adapter(adapter, encoder_settings(base_model, offline))
    if base is None:
        check_adapter_folder(adapter)  # a folder that is no adapter names no base either
        raise InputError(
            f"The base model of {adapter} is not at hand; name it with --base-model DIR, or give --offline "
            "for the packaged all-MiniLM-L6-v2"
        )
    return base


@dataclass(frozen=True)
class Repair:
    """Whether an adapter is repaired, and where the copy goes."""

    fix: Annotated[
        bool, typer.Option("--fix", help="Write a copy of an adapter that was saved at the wrong level.")
    ] = False
    out: Annotated[Path | None, output_option("Folder of the repaired copy; default PATH-fixed.", "PATH")] = (
        None
    )
    force: ForceOption = False

    def folder_for(self, adapter: Path) -> Path:
        """Return where the copy of an adapter is written."""
        named = adapter if adapter.name.strip(".") else adapter.resolve()
        return self.out or named.with_name(f"{named.name}-fixed")


@models.command()
@takes_records
def doctor(
    path: Annotated[Path, typer.Argument(help="Bundle, adapter, model or run folder.")],
    repair: Repair,
    base_model: ModelOption = None,
    offline: OfflineOption = False,
    trust_code: TrustCodeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Examine a bundle, an adapter, a model or a run: what is wrong, by what evidence, and the remedy.

    \b
    Examples:
      ticketkin doctor runs/june
      ticketkin doctor runs/june/model
      ticketkin doctor kin-june
      ticketkin doctor adapter --base-model all-MiniLM-L6-v2 --fix
      ticketkin doctor runs/june --json

    Exit code 1 if a check fails.
    """
    from ticketkin.doctor.repair import rekey_adapter
    from ticketkin.workflows.examination import examine
    from ticketkin.workflows.job import damage_named

    if repair.fix:
        repaired = repair.folder_for(path)
        base = _base_of(path, base_model, offline)
        n_modules = rekey_adapter(path, base, repaired, force=repair.force)
        errors.print(f"Wrote {repaired} with {number_of(n_modules, 'module')}; examining it", soft_wrap=True)
        path = repaired
    with ConsoleProgress(errors) as progress, damage_named(path):
        examined = examine(path, encoder_settings(base_model, offline), progress)
    if as_json:
        print_json(examined)
    else:
        show_examined(screen, examined)
    if any_failed(check for subject in examined for check in subject.checks):
        sys.exit(1)


@models.command()
def merge(
    adapter: Adapter,
    out: Annotated[Path, output_option("Folder of the merged model.", "PATH")],
    base_model: ModelOption = None,
    offline: OfflineOption = False,
    strength: Annotated[
        float, typer.Option(min=0, max=10, help="Share of the change to keep: W + strength x change.")
    ] = 1.0,
    trust_code: TrustCodeOption = None,
    force: ForceOption = False,
) -> None:
    """Write an adapter and its base as one plain sentence-transformers folder, and prove it.

    \b
    Example:
      ticketkin merge runs/june/candidates/lora/adapter --out merged --strength 0.75
    """
    from ticketkin.doctor.repair import merge_adapter

    difference = merge_adapter(adapter, _base_of(adapter, base_model, offline), out, strength, force=force)
    screen.print(
        f"Wrote {out}: its embeddings equal base plus adapter in a fresh process (difference "
        f"{difference:.1g})",
        soft_wrap=True,
    )
