"""The command that puts all that answers need into one folder."""

from pathlib import Path
from typing import Annotated

import typer
from pydantic import TypeAdapter, ValidationError

from ticketkin.cli.console import errors, print_json, screen
from ticketkin.cli.options import (
    ForceOption,
    JsonOption,
    RunFolder,
    TrustCodeOption,
    output_option,
)
from ticketkin.cli.progress import ConsoleProgress
from ticketkin.core.errors import InputError
from ticketkin.core.wording import number_of
from ticketkin.encoders.settings import AskedRuntime

bundling = typer.Typer()


@bundling.command()
def bundle(
    folder: RunFolder,
    out: Annotated[Path, output_option("Folder of the bundle.", "PATH")],
    runtime: Annotated[
        str | None,
        typer.Option(
            "--runtime",
            help="What executes the encoders: torch, openvino, openvino-int8, onnx-int8 or auto; default: "
            "what was judged. Another one is used only where its fidelity holds.",
        ),
    ] = None,
    with_index: Annotated[
        bool,
        typer.Option("--with-index", help="Store the run's tickets in it: then it holds their texts."),
    ] = False,
    force: ForceOption = False,
    trust_code: TrustCodeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Put everything that answers need into one folder, for a machine that has never seen the run.

    \b
    Examples:
      ticketkin bundle runs/june --out kin-june
      ticketkin bundle runs/june --out kin-june --with-index --force
      ticketkin bundle runs/june --out kin-june --runtime auto

    Without --with-index it holds no text of a ticket; ticketkin doctor checks it, also after copying.
    """
    from ticketkin.workflows.bundling import bundle_run
    from ticketkin.workflows.job import damage_named

    with ConsoleProgress(errors) as progress, damage_named(folder):
        manifest = bundle_run(
            folder, out, progress, runtime=_runtime(runtime), with_index=with_index, force=force
        )
    size = sum(record.n_bytes for record in manifest.files.values())
    if as_json:
        print_json({"folder": str(out), "id": manifest.id, "n_files": len(manifest.files), "n_bytes": size})
        return
    screen.print(
        f"Bundle: {out} ({number_of(len(manifest.files), 'file')}, {size / 1e6:,.0f} MB)", soft_wrap=True
    )
    screen.print(f"Model card: {out / 'MODEL_CARD.md'}", soft_wrap=True)
    stored = "" if with_index else f"; first store tickets: ticketkin index {out} EXPORT"
    screen.print(f'Ask it: ticketkin relate {out} --text "…"{stored}', soft_wrap=True)


def _runtime(name: str | None) -> AskedRuntime | None:
    if name is None:
        return None
    try:
        return TypeAdapter(AskedRuntime).validate_python(name)
    except ValidationError:
        raise InputError(
            f"--runtime {name!r} is not known; allowed are torch, openvino, openvino-int8, onnx-int8 and auto"
        ) from None
