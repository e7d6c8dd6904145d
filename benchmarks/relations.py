"""Kinds of kin on real typed links: every classifier and every group of features, repeated folds.

    python benchmarks/relations.py                # Duraspace, three repeats of five folds

Duraspace: duplicates, is related to (related), depends on and addresses (causal-like), sub-tasks left out;
strangers three to one. Quality is out of fold, folds share no ticket, 95 % intervals over blocks of tickets.
"""

import argparse
import os
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from ticketkin.core.config import (
    EncoderSettings,
    EvaluationSettings,
    LinkSettings,
    RelationSettings,
    Settings,
)
from ticketkin.core.progress import SILENT
from ticketkin.pipeline.configuration import Job
from ticketkin.pipeline.job import run_one_stage
from ticketkin.pipeline.relating import learn_relations
from ticketkin.relations.classifier import MODELS

DEFAULT_DATA = Path(__file__).parents[1] / "../shared/data/duraspace"


def measure(data: Path, work: Path, repeats: int) -> dict[str, Any]:
    """Run the stages that relations need, then all classifiers and the ablation."""
    settings = Settings(
        seed=0,
        links=LinkSettings(kinds={"addresses": "causal"}),
        encoder=EncoderSettings(offline=True),
        evaluation=EvaluationSettings(n_bootstrap=300),
        relations=RelationSettings(repeats=repeats),
    )
    job = Job(
        sources=((data / "reports.csv").resolve(),),
        links_file=(data / "links.csv").resolve(),
        settings=settings,
    )
    for stage in ("import", "links", "embed"):
        if not (work / "stages" / f"{stage}.json").exists():
            run_one_stage(stage, work, job=job)
    return learn_relations(work, job, MODELS, ablation=True, progress=SILENT)


def told(metric: dict[str, float] | None) -> str:
    """Return a value with its interval."""
    if metric is None or metric["value"] is None:
        return "-"
    return f"{metric['value']:.3f} [{metric['low']:.3f}, {metric['high']:.3f}]"


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--work", type=Path, default=Path("runs/relations"))
    arguments = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    found = measure(arguments.data, arguments.work, arguments.repeats)
    console = Console(width=170)
    console.print(f"pairs: {found['counts']}; strangers: {found['mixture_of_none']}", highlight=False)
    for line in found["told"]:
        console.print(line, highlight=False)
    kinds = list(found["counts"])
    table = Table("model", "macro F1", *(f"F1 {kind}" for kind in kinds), "Brier", box=None)
    for name, result in found["results"].items():
        by_kind = result["by_kind"]
        table.add_row(
            name,
            told(result["macro_f1"]),
            *(told(by_kind[kind]["f1"]) for kind in kinds),
            told(result["brier"]),
        )
    console.print(table)
    for group, macro in found["without"].items():
        console.print(f"without {group}: macro F1 {told(macro)}", highlight=False)
    console.print(f"confusion of {found['model']} (rows true, columns said; {', '.join(kinds)}):")
    for kind, row in zip(kinds, found["results"][found["model"]]["confusion"], strict=True):
        console.print(f"  {kind:<10}" + "".join(f"{value:8.1f}" for value in row), highlight=False)


if __name__ == "__main__":
    main()
