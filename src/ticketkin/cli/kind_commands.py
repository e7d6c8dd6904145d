"""Commands about kinds of kin: learn them, join tickets into families."""

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

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

if TYPE_CHECKING:
    from ticketkin.relations.settings import RelationSettings

kinds = typer.Typer()


@dataclass(frozen=True)
class Assessments:
    """What is assessed beside the classifier that is learned; None where the run's own setting holds."""

    compare_all: Annotated[
        bool | None,
        typer.Option(
            "--compare/--no-compare", help="Assess every classifier, the majority class among them. Kept."
        ),
    ] = None
    ablation: Annotated[
        bool | None,
        typer.Option("--ablation/--no-ablation", help="Assess without each group of features, too. Kept."),
    ] = None
    cross_encoder: Annotated[
        bool | None,
        typer.Option(
            "--cross-encoder/--no-cross-encoder",
            help="Assess a cross-encoder of kinds, too: a training for each fold. Kept.",
        ),
    ] = None
    causes: Annotated[
        bool | None,
        typer.Option(
            "--causes/--no-causes", help="Train a cross-encoder for cause or not a cause, too. Kept."
        ),
    ] = None

    def assignments(self, stored: "RelationSettings") -> list[str]:
        """Return the settings that they stand for, over those `stored` in the run."""
        from ticketkin.relations.cross_kinds import CROSS_ENCODER
        from ticketkin.relations.fitting import MODELS

        assigned = []
        if self.compare_all is not None or self.cross_encoder is not None:
            kept = [name for name in stored.compare if name != CROSS_ENCODER]
            classifiers = kept if self.compare_all is None else [*MODELS] if self.compare_all else []
            reads_both = CROSS_ENCODER in stored.compare if self.cross_encoder is None else self.cross_encoder
            compared = [*classifiers, *([CROSS_ENCODER] if reads_both else [])]
            assigned.append(f"relations.compare={json.dumps(compared)}")
        for name, asked in (("causes", self.causes), ("ablation", self.ablation)):
            if asked is not None:
                assigned.append(f"relations.{name}={str(asked).lower()}")
        return assigned

    def as_before(self, stored: "RelationSettings", now: "RelationSettings") -> str:
        """Return the line on what is assessed because an earlier call asked for it; "" where nothing is."""
        asked = (self.compare_all, self.cross_encoder, self.ablation, self.causes)
        kept = [
            option
            for option, given, before, still in zip(
                _ASSESSED, asked, _assessed(stored), _assessed(now), strict=True
            )
            if given is None and before and still
        ]
        if not kept:
            return ""
        without = " ".join(option.replace("--", "--no-", 1) for option in kept)
        return f"assessed again, as the run keeps it: {', '.join(kept)}; to leave it out: {without}"


_ASSESSED = ("--compare", "--cross-encoder", "--ablation", "--causes")


def _assessed(settings: "RelationSettings") -> tuple[bool, ...]:
    """Return what the settings assess, in the order of `_ASSESSED`."""
    from ticketkin.relations.cross_kinds import CROSS_ENCODER

    reads_both = CROSS_ENCODER in settings.compare
    return len(settings.compare) > reads_both, reads_both, settings.ablation, settings.causes


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
    What is assessed beside it is a setting of the run: later calls assess it again, until --no-compare,
    --no-ablation, --no-cross-encoder or --no-causes.
    """
    from ticketkin.workflows.configuration import read_job
    from ticketkin.workflows.relation_jobs import learn_relations

    with ConsoleProgress(errors) as progress:
        stored = read_job(folder).settings.relations
        job = stored_job(folder, [*assessments.assignments(stored), *(set_ or ())], reviewed=reviewed)
        again = assessments.as_before(stored, job.settings.relations)
        if again:
            progress.say(again)
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
