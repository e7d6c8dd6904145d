"""Commands that hold models against each other, or against targets."""

import shlex
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
    KinFromOption,
    OfflineOption,
    RunFolder,
    TrustCodeOption,
    encoder_settings,
    output_option,
    run_folder,
    whole_numbers,
)
from ticketkin.cli.progress import ConsoleProgress
from ticketkin.core.errors import InputError, MissingInputError
from ticketkin.core.tables import SplitName
from ticketkin.encoders.settings import EncoderSettings
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
    kin_from: KinFromOption = None
    offline: OfflineOption = False

    @property
    def is_run(self) -> bool:
        """Whether the links of a run judge."""
        return self.on.is_dir()

    def settings(self) -> EncoderSettings:
        """Return how encoders are loaded: as in the run, or as the options say."""
        from ticketkin.workflows.configuration import read_job

        return read_job(self.on).settings.encoder if self.is_run else encoder_settings(None, self.offline)


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
    from ticketkin.workflows.comparison_grounds import PairFile
    from ticketkin.workflows.job import damage_named

    if models.kin_from is not None and models.is_run:
        raise InputError("--kin-from goes with a file of graded pairs; the run has read its pairs already")
    if output.out is not None:
        check_leaderboard(output.out, [models.on], force=output.force)
    settings = models.settings()
    with ConsoleProgress(errors) as progress, damage_named(models.on):
        comparison = compare_models(
            models.names,
            models.on if models.is_run else PairFile(models.on, settings, models.kin_from),
            models.baseline or settings.base_model,
            models.split,
            whole_numbers(models.dimensions, "--dimensions", 1, 65_536),
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
    from ticketkin.workflows.artifacts import REPORT_JSON
    from ticketkin.workflows.job import check_inputs_of, damage_named

    if not (folder / REPORT_JSON).exists():
        raise MissingInputError(
            f"{folder} has no report yet, and a tier stands in it alone: it counts what would be said of new "
            f"tickets, too. Run: ticketkin run --resume --out {shlex.quote(str(folder))}"
        )
    with damage_named(folder):
        check_inputs_of("report", folder, stored_job(folder), REPORT_JSON)
        report = REPORT_JSON.read(folder / REPORT_JSON)
    if as_json:
        print_json(report.readiness)
    else:
        show_readiness(screen, report, tier)
    if TIERS.index(report.readiness.tier) < TIERS.index(tier):
        sys.exit(1)
