"""Commands for the models of a service that stand side by side."""

from pathlib import Path
from typing import Annotated

import typer

from ticketkin.cli.console import errors, print_json, screen
from ticketkin.cli.options import JsonOption, RedactWordsOption
from ticketkin.cli.progress import ConsoleProgress
from ticketkin.cli.service_options import BundleFolder, DataOption, bundle_in, extra_named
from ticketkin.cli.tables import show_table
from ticketkin.core.wording import number_of

served_models = typer.Typer(
    help="Models of a service that stand side by side: which of them answers.", no_args_is_help=True
)


@served_models.command()
def switch(
    folder: BundleFolder,
    new: Annotated[
        Path,
        typer.Argument(help="Bundle that is to answer, or a run with one.", metavar="NEW", parser=bundle_in),
    ],
    redact_words: RedactWordsOption = None,
    wait: Annotated[
        int, typer.Option("--wait", min=0, help="Seconds to wait for the running processes.")
    ] = 600,
    data: DataOption = None,
) -> None:
    """Let another bundle answer, while the service of BUNDLE goes on answering.

    \b
    Examples:
      ticketkin models switch kin-june kin-july
      ticketkin models switch kin-june kin-june      # and back

    First NEW's embeddings of all stored tickets are made, beside those of the model that answers; then every
    running process makes it ready; then all follow within two seconds. What stops before that changes
    nothing. Each process must find NEW under the same path. The model before stands ready for going back
    until ticketkin models remove.
    """
    with extra_named():
        from ticketkin.service.corpus import COMMAND_LINE
        from ticketkin.service.model_switching import prepare_model, switch_when_ready
        from ticketkin.service.place import Place

    with ConsoleProgress(errors) as progress, Place.of(folder, data).existing_database() as database:
        bundle = prepare_model(database, folder, new, redact_words, progress)
        switch_when_ready(database, bundle.id, COMMAND_LINE, wait, progress)
    screen.print(f"{new} answers (model {bundle.id[:12]})", soft_wrap=True)


@served_models.command("list")
def list_(folder: BundleFolder, data: DataOption = None, as_json: JsonOption = False) -> None:
    """Show the models that stand side by side, and which of them answers.

    \b
    Example:
      ticketkin models list kin-june
    """
    with extra_named():
        from ticketkin.service.model_schemas import ModelsOut
        from ticketkin.service.place import Place

    with Place.of(folder, data).existing_database() as database, database.transaction() as connection:
        known = ModelsOut.of(connection)
    if as_json:
        print_json(known.model_dump(mode="json"))
        return
    if not known.models:
        screen.print("No model was switched to; each process answers by the bundle that it was started with")
        return
    rows = []
    for one in known.models:
        state = "answers" if one.is_answering else "stands ready"
        if one.not_ready:
            state = f"not ready in {len(one.not_ready):,} of {known.n_processes:,}: {one.not_ready[0]}"
        rows.append((one.bundle, one.folder, state))
    show_table(screen, ("model", "folder", "state"), rows, folds=(1, 2))


@served_models.command()
def remove(
    folder: BundleFolder,
    model: Annotated[str, typer.Argument(help="As models list shows it.", metavar="MODEL")],
    redact_words: RedactWordsOption = None,
    data: DataOption = None,
) -> None:
    """Let no process hold a model ready any more, and delete the embeddings that it alone needed.

    \b
    Example:
      ticketkin models remove kin-june MODEL
    """
    with extra_named():
        from ticketkin.service.corpus import COMMAND_LINE
        from ticketkin.service.model_switching import forget_model
        from ticketkin.service.place import Place

    with ConsoleProgress(errors) as progress, Place.of(folder, data).existing_database() as database:
        n_deleted = forget_model(database, model, COMMAND_LINE, redact_words, progress)
    deleted = number_of(n_deleted, "embedding was", "embeddings were")
    screen.print(f"Model {model} stands ready no more; {deleted} deleted", soft_wrap=True)
