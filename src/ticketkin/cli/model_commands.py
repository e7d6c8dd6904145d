"""Commands about models on their own: examine, repair, merge."""

import shlex
import sys
from pathlib import Path
from typing import Annotated

import typer

from ticketkin.cli.console import errors, print_json, screen
from ticketkin.cli.kind_screens import show_families, show_relations
from ticketkin.cli.model_screens import (
    show_examined,
    show_leaderboard,
    show_readiness,
    show_repeated,
    show_search,
)
from ticketkin.cli.options import (
    ForceOption,
    ForceRunOption,
    JsonOption,
    KinFromOption,
    ModelOption,
    OfflineOption,
    ReviewedOption,
    RunFolder,
    SetOption,
    TrustCodeOption,
    run_folder,
    stored_job,
)
from ticketkin.cli.progress import ConsoleProgress
from ticketkin.core.checks import any_failed
from ticketkin.core.errors import InputError, MissingInputError
from ticketkin.core.outputs import output_path
from ticketkin.core.stage_settings import LARGEST_SEED
from ticketkin.core.tables import SplitName
from ticketkin.core.wording import number_of
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.evaluation.schema import TIERS, Tier
from ticketkin.training.candidates import searched_candidates

models = typer.Typer()

Adapter = Annotated[Path, typer.Argument(help="Adapter folder (adapter_config.json).")]


def _encoder_settings(base_model: str | None, offline: bool) -> EncoderSettings:
    return EncoderSettings(offline=offline, **({} if base_model is None else {"base_model": base_model}))


def _base_of(adapter: Path, base_model: str | None, offline: bool) -> str:
    from ticketkin.doctor.adapters import base_of_adapter

    base = base_of_adapter(adapter, _encoder_settings(base_model, offline))
    if base is None:
        raise InputError(
            f"The base model of {adapter} is not at hand; name it with --base-model DIR, or give --offline "
            "for the packaged all-MiniLM-L6-v2"
        )
    return base


@models.command()
def doctor(
    path: Annotated[Path, typer.Argument(help="Bundle, adapter, model or run folder.")],
    base_model: ModelOption = None,
    offline: OfflineOption = False,
    fix: Annotated[
        bool, typer.Option("--fix", help="Write a copy of an adapter that was saved at the wrong level.")
    ] = False,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Folder of the repaired copy; default PATH-fixed.",
            parser=output_path,
            metavar="PATH",
        ),
    ] = None,
    force: ForceOption = False,
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

    if fix:
        named = path if path.name.strip(".") else path.resolve()
        repaired = out or named.with_name(f"{named.name}-fixed")
        n_modules = rekey_adapter(path, _base_of(path, base_model, offline), repaired, force=force)
        errors.print(f"Wrote {repaired} with {number_of(n_modules, 'module')}; examining it", soft_wrap=True)
        path = repaired
    with ConsoleProgress(errors) as progress, damage_named(path):
        examined = examine(path, _encoder_settings(base_model, offline), progress)
    if as_json:
        print_json(examined)
    else:
        show_examined(screen, examined)
    if any_failed(check for subject in examined for check in subject.checks):
        sys.exit(1)


@models.command()
def merge(
    adapter: Adapter,
    out: Annotated[
        Path,
        typer.Option("--out", "-o", help="Folder of the merged model.", parser=output_path, metavar="PATH"),
    ],
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


@models.command()
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


@models.command()
def relations(
    folder: RunFolder,
    compare_all: Annotated[
        bool, typer.Option("--compare", help="Assess every classifier, the majority class among them.")
    ] = False,
    ablation: Annotated[
        bool, typer.Option("--ablation", help="Assess without each group of features, too.")
    ] = False,
    cross_encoder: Annotated[
        bool, typer.Option("--cross-encoder", help="Assess a cross-encoder of kinds, too: a training a fold.")
    ] = False,
    causes: Annotated[
        bool, typer.Option("--causes", help="Train a cross-encoder for cause or not a cause, too.")
    ] = False,
    reviewed: ReviewedOption = None,
    set_: SetOption = None,
    trust_code: TrustCodeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Learn which kind of kin a pair is: duplicate, related, causal or none. Needs typed links.

    \b
    Examples:
      ticketkin relations runs/june
      ticketkin relations runs/june --compare --ablation
      ticketkin relations runs/june --reviewed reviewed.csv
      ticketkin relations runs/june --cross-encoder --set relations.cross_encoder.epochs=2
      ticketkin relations runs/june --causes --set relations.cross_encoder.method=lora
      ticketkin relations runs/june --set relations.model=trees --json

    Quality is of repeated folds that share no ticket, with 95 % intervals. ticketkin run does this too.
    """
    from ticketkin.relations.fitting import MODELS
    from ticketkin.workflows.relation_jobs import learn_relations

    named = [*(MODELS if compare_all else ()), *(["cross_encoder"] if cross_encoder else [])]
    asked = [f"relations.compare={','.join(named)}"] if named else []
    asked += ["relations.causes=true"] if causes else []
    asked += ["relations.ablation=true"] if ablation else []
    with ConsoleProgress(errors) as progress:
        job = stored_job(folder, [*asked, *(set_ or ())], reviewed=reviewed)
        record = learn_relations(folder, job, progress)
    if as_json:
        print_json(record)
    else:
        show_relations(screen, record, folder)


@models.command()
def families(
    folder: RunFolder,
    said: Annotated[
        bool | None,
        typer.Option("--said/--not-said", help="Add what the relation model says outright of every ticket."),
    ] = None,
    top: Annotated[int, typer.Option(min=1, max=1_000_000, help="Largest families to print.")] = 5,
    set_: SetOption = None,
    as_json: JsonOption = False,
) -> None:
    """Join all kin of an export into families: duplicates under one parent, related tickets, causal chains.

    \b
    Examples:
      ticketkin families runs/june
      ticketkin families runs/june --said --top 20
      ticketkin families runs/june --json

    Writes families.csv, families.json and families.graphml (for Gephi, yEd, Cytoscape) into families/.
    """
    from ticketkin.workflows.relation_jobs import build_run_families

    with ConsoleProgress(errors) as progress:
        asked = [] if said is None else [f"families.said={str(said).lower()}"]
        job = stored_job(folder, [*asked, *(set_ or ())])
        record = build_run_families(folder, job, progress)
    if as_json:
        print_json(record)
    else:
        show_families(screen, record, folder, top)


@models.command()
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

    chosen = _whole(seeds, "--seeds", 0, LARGEST_SEED)
    job = stored_job(folder, set_)
    with ConsoleProgress(errors) as progress:
        repeated = repeat_job(job, folder, chosen, with_slow=with_slow, progress=progress, force=force)
    if as_json:
        print_json(repeated)
    else:
        show_repeated(screen, repeated)


@models.command()
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


@models.command()
def compare(
    names: Annotated[
        list[str], typer.Argument(metavar="MODEL...", help="Hub names, model or adapter folders.")
    ],
    on: Annotated[
        Path,
        typer.Option(
            "--on",
            help="Run folder whose held-out links judge, or a JSON file of pairs.",
            parser=run_folder,
            metavar="PATH",
        ),
    ],
    baseline: Annotated[
        str | None, typer.Option(help="The model others are compared with; default: the run's base.")
    ] = None,
    split: Annotated[
        SplitName, typer.Option(help="Which links. The holdout is for a last look, not for choosing.")
    ] = SplitName.EVALUATION,
    dimensions: Annotated[
        str | None, typer.Option(help="Also cut to so many dimensions, and as int8 and bits: 256,128")
    ] = None,
    kin_from: KinFromOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            help="Folder for leaderboard.json, .csv and .html.",
            parser=output_path,
            metavar="PATH",
        ),
    ] = None,
    force: ForceOption = False,
    offline: OfflineOption = False,
    trust_code: TrustCodeOption = None,
    as_json: JsonOption = False,
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
    from ticketkin.workflows.configuration import read_job
    from ticketkin.workflows.job import damage_named

    if kin_from is not None and on.is_dir():
        raise InputError("--kin-from goes with a file of graded pairs; the run has read its pairs already")
    if out is not None:
        check_leaderboard(out, [on], force=force)
    settings = read_job(on).settings.encoder if on.is_dir() else _encoder_settings(None, offline)
    with ConsoleProgress(errors) as progress, damage_named(on):
        comparison = compare_models(
            names,
            on if on.is_dir() else PairFile(on, settings, kin_from),
            baseline or settings.base_model,
            split,
            _whole(dimensions, "--dimensions", 1, 65_536),
            progress,
        )
    if out is not None:
        write_leaderboard(comparison, out, force=force)
    if as_json:
        print_json(comparison.to_json())
    else:
        show_leaderboard(screen, comparison, out)


def _whole(text: str | None, option: str, lowest: int, highest: int) -> list[int]:
    try:
        numbers = [int(part) for part in text.split(",")] if text else []
    except ValueError:
        raise InputError(f"{option} {text!r}: write whole numbers with commas, such as 256,128") from None
    outside = [number for number in numbers if not lowest <= number <= highest]
    if outside:
        raise InputError(f"{option}: got {str(outside[0])[:40]}; allowed are {lowest} to {highest:,}")
    return numbers
