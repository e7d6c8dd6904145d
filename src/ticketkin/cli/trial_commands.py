"""Commands that train one job many times: a search of settings, repeated splits."""

from typing import Annotated

import typer

from ticketkin.cli.console import errors, print_json, screen
from ticketkin.cli.job_options import stored_job
from ticketkin.cli.model_screens import (
    show_repeated,
    show_search,
)
from ticketkin.cli.options import (
    ForceRunOption,
    JsonOption,
    RunFolder,
    SetOption,
    TrustCodeOption,
    whole_numbers,
)
from ticketkin.cli.progress import ConsoleProgress
from ticketkin.core.stage_settings import LARGEST_SEED
from ticketkin.training.candidates import searched_candidates

trials = typer.Typer()


@trials.command()
def tune(
    folder: RunFolder,
    candidate: Annotated[str, typer.Argument(help=f"One of {', '.join(searched_candidates())}.")],
    minutes: Annotated[float, typer.Option(min=0.01, max=100_000, help="Time budget.")] = 30.0,
    trials: Annotated[int, typer.Option(min=1, max=100_000, help="Combinations to try, at most.")] = 20,
    set_: SetOption = None,
    trust_code: TrustCodeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Search a candidate's settings on the evaluation links: learning rate, rank, loss weight, negatives.

    \b
    Examples:
      ticketkin tune runs/june head --trials 30
      ticketkin tune runs/june lora --minutes 120 --set lora.epochs_per_phase=0,0,1

    The same command goes on from the trials there are. The holdout stays closed; every trial looks at the
    evaluation links, so expect the best to do a little worse on the holdout.
    """
    from ticketkin.workflows.job import damage_named
    from ticketkin.workflows.searching import search_settings

    with ConsoleProgress(errors) as progress, damage_named(folder):
        result = search_settings(
            folder, stored_job(folder, set_), candidate, minutes=minutes, n_trials=trials, progress=progress
        )
    if as_json:
        print_json(result.record)
    else:
        show_search(screen, result, folder)


@trials.command()
def repeat(
    folder: RunFolder,
    seeds: Annotated[str, typer.Option(help="Seeds of the splits.")] = "0,1,2,3,4",
    with_slow: Annotated[
        bool, typer.Option("--with-slow", help="LoRA and full tuning too; minutes to hours a split.")
    ] = False,
    set_: SetOption = None,
    force: ForceRunOption = False,
    trust_code: TrustCodeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Run the same job on several splits and average: for files with few links.

    \b
    Examples:
      ticketkin repeat runs/june
      ticketkin repeat runs/june --seeds 0,1,2 --with-slow --json

    Splits of one file overlap, so the spread tells stability; it is no interval. Finished splits are kept.
    """
    from ticketkin.workflows.repeating import repeat_job

    chosen = whole_numbers(seeds, "--seeds", 0, LARGEST_SEED)
    job = stored_job(folder, set_)
    with ConsoleProgress(errors) as progress:
        repeated = repeat_job(job, folder, chosen, with_slow=with_slow, progress=progress, force=force)
    if as_json:
        print_json(repeated)
    else:
        show_repeated(screen, repeated)
