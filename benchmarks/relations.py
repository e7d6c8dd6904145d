"""Kinds of kin: on real typed links, on a real base rate, and on a sample whose causes are known.

    python benchmarks/relations.py duraspace                  # every classifier, every group of features
    python benchmarks/relations.py duraspace --cross-encoder  # and cross-encoders: half an hour on 2 cores
    python benchmarks/relations.py eclipse                    # duplicate against strangers
    python benchmarks/relations.py sample                     # direction of causes
    python benchmarks/relations.py hadoop --seeds 0 1 2 3 4   # said duplicates, false alarms in 1,000 tickets

Quality is out of fold, folds share no ticket, 95 % intervals over blocks of tickets. Duraspace: duplicates,
is related to (related), depends on and addresses (causal-like), sub-tasks left out; strangers three to one.
Hadoop: tickets are met in order of opening with their ten nearest earlier ones; a fresh split for each seed,
40 % to learn from, 30 % to set thresholds, 30 % to judge; judged tickets of all seeds together.
"""

import argparse
import csv
import os
from collections import Counter
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from real_data import DATA
from ticketkin import Relater, learn_relations
from ticketkin.core.tables import SplitName
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.evaluation.settings import EvaluationSettings
from ticketkin.relations.bands import REPORTED_BANDS
from ticketkin.relations.fitting import MODELS
from ticketkin.relations.record import KindsLearned
from ticketkin.relations.settings import RelationSettings
from ticketkin.tickets.sample import write_sample
from ticketkin.tickets.settings import LinkSettings, SplitSettings
from ticketkin.training.settings import CrossEncoderSettings
from ticketkin.workflows.configuration import Job, read_job
from ticketkin.workflows.job import run_job
from ticketkin.workflows.run_data import RunData
from ticketkin.workflows.settings import Settings

CANDIDATES = ("lexical", "base", "fusion")


def learned(job: Job, work: Path) -> KindsLearned:
    """Run what relations need and return their record. Raises NotEnoughDataError where none were learned."""
    run_job(job, work)
    return learn_relations(work, job)


def job_of(sources: tuple[Path, Path | None], **settings: Any) -> Job:
    """Return a job without tuning, on the packaged encoder."""
    common = {"candidates": CANDIDATES, "encoder": EncoderSettings(offline=True)}
    reports, links = sources
    return Job(
        sources=(reports.resolve(),),
        links_file=None if links is None else links.resolve(),
        settings=Settings(**{"evaluation": EvaluationSettings(n_bootstrap=300), **common, **settings}),
    )


def show(console: Console, record: KindsLearned) -> None:
    """Print counts, every model, the ablation, the confusion and what is known of causes."""
    console.print(f"pairs: {record.counts}; strangers: {record.mixture_of_none}", highlight=False)
    for line in record.notes:
        console.print(line, highlight=False)
    kinds = [kind for kind, n in record.counts.items() if n]
    table = Table("model", "macro F1", *(f"F1 {kind}" for kind in kinds), "Brier", box=None)
    for name, quality in record.results.items():
        scores = [str(quality.by_kind[kind].f1) for kind in kinds]
        table.add_row(name, str(quality.macro_f1), *scores, str(quality.brier))
    console.print(table)
    for group, macro in record.without.items():
        console.print(f"without {group}: macro F1 {macro}", highlight=False)
    console.print(f"confusion of {record.model} (rows true, columns predicted; {', '.join(record.counts)}):")
    for kind, row in zip(record.counts, record.kept.confusion, strict=True):
        console.print(f"  {kind:<10}" + "".join(f"{value:8.1f}" for value in row), highlight=False)
    direction = record.kept.direction_by_time
    console.print(
        f"causes detected, and share whose cause is the earlier ticket: {direction}", highlight=False
    )
    if record.causes is not None:
        shown = ", ".join(f"{name} {value}" for name, value in record.causes)
        console.print(f"cause or not, cross-encoder: {shown}", highlight=False)


def typed(arguments: argparse.Namespace, console: Console) -> None:
    """Duraspace, Eclipse or the sample: quality by model."""
    cross = CrossEncoderSettings(max_length_tokens=arguments.tokens, epochs=arguments.epochs)
    relations = RelationSettings(
        repeats=arguments.repeats,
        folds=arguments.folds,
        compare=(*MODELS, "cross_encoder") if arguments.cross_encoder else MODELS,
        ablation=arguments.data == "duraspace",
        causes=arguments.cross_encoder and arguments.data != "eclipse",
        cross_encoder=cross,
    )
    folder = DATA / arguments.data
    if arguments.data == "sample":
        arguments.work.mkdir(parents=True, exist_ok=True)
        write_sample(arguments.work / "sample.csv", 1_200, 42, write_truth=True, force=True)
        sources: tuple[Path, Path | None] = (arguments.work / "sample.csv", None)
    elif arguments.data == "eclipse":
        sources = (folder / "reports.csv", folder / "pairs.csv")
    else:
        sources = (folder / "reports.csv", folder / "links.csv")
    links = LinkSettings(kinds={"addresses": "causal"})
    job = job_of(sources, seed=0, links=links, relations=relations)
    show(console, learned(job, arguments.work / "run"))
    if arguments.data == "sample":
        console.print(alarms_by_truth(arguments.work / "run", arguments.work / "truth.csv"))


def alarms_by_truth(run: Path, truth_file: Path) -> Table:
    """Return what duplicates told of holdout tickets really are: the sample leaves links out."""
    with truth_file.open(encoding="utf-8-sig") as file:
        event = {row["number"]: row["event"] for row in csv.DictReader(file)}
    data = RunData.of(run, read_job(run))
    linked, at = data.groups.group, data.tickets.position
    holdout = data.splits.rows(data.tickets, SplitName.HOLDOUT)
    names = ("linked", "same event, link left out", "strangers")
    counts: Counter[tuple[str, str]] = Counter()
    for ticket, related in Relater(run).relate([data.tickets.ids[row] for row in holdout]).items():
        for other in related or ():
            if other.kind == "duplicate" and other.band in ("say", "suggest"):
                same = bool(event[ticket]) and event[ticket] == event[other.ticket_id]
                joined = linked[at[ticket]] == linked[at[other.ticket_id]]
                counts[other.band, names[0 if joined else 1 if same else 2]] += 1
    table = Table("duplicates told", *names, box=None)
    for band in ("say", "suggest"):
        table.add_row(band, *(str(counts[band, name]) for name in names))
    return table


def base_rate(arguments: argparse.Namespace, console: Console) -> None:
    """Hadoop: what is said of tickets as they open, over several splits."""
    folder = DATA / "hadoop"
    table = Table(
        "seed", "band", "said", "right", "linked", "precision", "recall", "false alarms/1,000", box=None
    )
    sums = {band: [0, 0, 0, 0] for band in REPORTED_BANDS}
    for seed in arguments.seeds:
        settings = {
            "seed": seed,
            "split": SplitSettings(train=0.4, evaluation=0.3),
            "relations": RelationSettings(repeats=1),
        }
        job = job_of((folder / "reports.csv", folder / "pairs.csv"), **settings)
        holdout = learned(job, arguments.work / f"seed-{seed}").two_stage.holdout
        for band, total in sums.items():
            quality = holdout.of("duplicate", band)
            values = [quality.n_reported, quality.n_right, quality.n_true, holdout.n_queries]
            total[:] = [a + b for a, b in zip(total, values, strict=True)]
            table.add_row(str(seed), *_band_cells(band, values))
    for band, total in sums.items():
        table.add_row("all", *_band_cells(band, total))
    console.print(table)


def _band_cells(band: str, values: list[int]) -> list[str]:
    from scipy.stats import binomtest

    n_said, n_right, n_true, n_queries = values
    shares = []
    for part, whole in ((n_right, n_said), (n_right, n_true)):
        interval = binomtest(part, whole).proportion_ci(method="wilson") if whole else None
        share = "-" if interval is None else f"{part / whole:.2f} [{interval.low:.2f}, {interval.high:.2f}]"
        shares.append(share)
    alarms = f"{1000 * (n_said - n_right) / n_queries:.1f}"
    return [band, str(n_said), str(n_right), str(n_true), *shares, alarms]


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", choices=("duraspace", "eclipse", "sample", "hadoop"))
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--cross-encoder", action="store_true")
    parser.add_argument("--tokens", type=int, default=96, help="of both tickets, for the cross-encoder")
    parser.add_argument("--epochs", type=int, default=2, help="of the cross-encoder")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2, 3, 4])
    parser.add_argument("--work", type=Path)
    arguments = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    arguments.work = arguments.work or Path("runs/relations") / arguments.data
    console = Console(width=190)
    (base_rate if arguments.data == "hadoop" else typed)(arguments, console)


if __name__ == "__main__":
    main()
