"""Commands that hold models against each other, or against targets."""

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from ticketkin.cli.console import errors, print_json, screen
from ticketkin.cli.job_options import stored_job
from ticketkin.cli.model_screens import (
    show_leaderboard,
    show_readiness,
)
from ticketkin.cli.option_records import takes_records
from ticketkin.cli.options import (
    ForceOption,
    JsonOption,
    OfflineOption,
    RunFolder,
    TrustCodeOption,
    encoder_settings,
    output_option,
    run_folder,
    whole_numbers,
)
from ticketkin.cli.progress import ConsoleProgress
from ticketkin.core.errors import MissingInputError
from ticketkin.core.tables import SplitName
from ticketkin.evaluation.schema import TIERS, Tier

comparisons = typer.Typer()


@dataclass(frozen=True)
class ComparedModels:
    """Which models are compared, and on what."""

    names: Annotated[
        list[str], typer.Argument(metavar="MODEL...", help="Hub names, model or adapter folders.")
    ]
    on: Annotated[
        Path,
        typer.Option(
            "--on",
            help="Run folder whose held-out links judge, or a JSON file of pairs.",
            parser=run_folder,
            metavar="PATH",
        ),
    ]
    baseline: Annotated[
        str | None, typer.Option(help="The model others are compared with; default: the run's base.")
    ] = None
    split: Annotated[
        SplitName, typer.Option(help="Which links. The holdout is for a last look, not for choosing.")
    ] = SplitName.EVALUATION
    dimensions: Annotated[
        str | None, typer.Option(help="Also cut to so many dimensions, and as int8 and bits: 256,128")
    ] = None
    offline: OfflineOption = False


@dataclass(frozen=True)
class LeaderboardOutput:
    """Where the comparison goes."""

    out: Annotated[Path | None, output_option("Folder for leaderboard.json, .csv and .html.", "PATH")] = None
    force: ForceOption = False
    as_json: JsonOption = False


@comparisons.command()
@takes_records
def compare(
    models: ComparedModels,
    output: LeaderboardOutput,
    trust_code: TrustCodeOption = None,
) -> None:
    """Compare models on the frozen links of a run, or frozen pairs: metrics, paired differences, cost.

    \b
    Examples:
      ticketkin compare intfloat/e5-base-v2 BAAI/bge-base-en-v1.5 --on runs/june
      ticketkin compare runs/june/model runs/may/model --on runs/june --out runs/compared
      ticketkin compare runs/june/model --on runs/june --dimensions 256,128
      ticketkin compare runs/june/model --on test_pairs.json --baseline all-MiniLM-L6-v2

    A model that can't be had is skipped with its reason.
    """
    from ticketkin.workflows.comparison import check_leaderboard, compare_models, write_leaderboard
    from ticketkin.workflows.configuration import read_job
    from ticketkin.workflows.job import damage_named

    if output.out is not None:
        check_leaderboard(output.out, [models.on], force=output.force)
    is_run = models.on.is_dir()
    settings = read_job(models.on).settings.encoder if is_run else encoder_settings(None, models.offline)
    with ConsoleProgress(errors) as progress, damage_named(models.on):
        comparison = compare_models(
            models.names,
            models.on,
            models.baseline or settings.base_model,
            models.split,
            whole_numbers(models.dimensions, "--dimensions", 1, 65_536),
            settings,
            progress,
        )
    if output.out is not None:
        write_leaderboard(comparison, output.out, force=output.force)
    if output.as_json:
        print_json(comparison.to_json())
    else:
        show_leaderboard(screen, comparison, output.out)


@comparisons.command()
def ready(
    folder: RunFolder,
    tier: Annotated[Tier, typer.Option(help="What the run must have reached.")] = "good",
    as_json: JsonOption = False,
) -> None:
    """Say whether a run's champion is fit for work; exit 1 below the tier, for CI.

    \b
    Examples:
      ticketkin ready runs/june
      ticketkin ready runs/june --tier production --json

    Targets are settings: --set readiness.roc_auc=0.9 with ticketkin run or evaluate.
    """
    from ticketkin.workflows.artifacts import RELATIONS_JSON, REPORT_JSON
    from ticketkin.workflows.job import damage_named, run_context
    from ticketkin.workflows.run_report import finished_report

    if not (folder / REPORT_JSON).exists():
        raise MissingInputError(f"{folder} has no verdict yet. Run: ticketkin evaluate {folder}")
    with damage_named(folder):
        if (folder / RELATIONS_JSON).exists():
            job = stored_job(folder)
            report = finished_report(run_context(folder, job).values, job.settings)
        else:
            report = REPORT_JSON.read(folder / REPORT_JSON)
            errors.print(
                "What would be said of new tickets is not judged yet, and not counted. To judge it: "
                f"ticketkin relations {folder}",
                soft_wrap=True,
            )
    if as_json:
        print_json(report.readiness)
    else:
        show_readiness(screen, report, tier)
    if TIERS.index(report.readiness.tier) < TIERS.index(tier):
        sys.exit(1)
