"""Commands about kinds of kin: learn them, join tickets into families."""

from dataclasses import dataclass
from typing import Annotated

import typer

from ticketkin.cli.console import errors, print_json, screen
from ticketkin.cli.job_options import stored_job
from ticketkin.cli.kind_screens import show_families, show_relations
from ticketkin.cli.option_records import takes_records
from ticketkin.cli.options import (
    JsonOption,
    ReviewedOption,
    RunFolder,
    SetOption,
    TrustCodeOption,
)
from ticketkin.cli.progress import ConsoleProgress

kinds = typer.Typer()


@dataclass(frozen=True)
class Assessments:
    """What is assessed beside the classifier that is learned."""

    compare_all: Annotated[
        bool, typer.Option("--compare", help="Assess every classifier, the majority class among them.")
    ] = False
    ablation: Annotated[
        bool, typer.Option("--ablation", help="Assess without each group of features, too.")
    ] = False
    cross_encoder: Annotated[
        bool, typer.Option("--cross-encoder", help="Assess a cross-encoder of kinds, too: a training a fold.")
    ] = False
    causes: Annotated[
        bool, typer.Option("--causes", help="Train a cross-encoder for cause or not a cause, too.")
    ] = False

    def assignments(self) -> list[str]:
        """Return the settings that they stand for."""
        from ticketkin.relations.fitting import MODELS

        compared = [*(MODELS if self.compare_all else ()), *(["cross_encoder"] if self.cross_encoder else [])]
        assigned = [f"relations.compare={','.join(compared)}"] if compared else []
        assigned += ["relations.causes=true"] if self.causes else []
        return assigned + (["relations.ablation=true"] if self.ablation else [])


@kinds.command()
@takes_records
def relations(
    folder: RunFolder,
    assessments: Assessments,
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
    from ticketkin.workflows.relation_jobs import learn_relations

    with ConsoleProgress(errors) as progress:
        job = stored_job(folder, [*assessments.assignments(), *(set_ or ())], reviewed=reviewed)
        record = learn_relations(folder, job, progress)
    if as_json:
        print_json(record)
    else:
        show_relations(screen, record, folder)


@kinds.command()
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
