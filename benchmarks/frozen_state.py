"""The ranking over a frozen corpus state against the one of another checkout, on the same splits and heads.

    git worktree add ../before REVISION
    python benchmarks/frozen_state.py --against ../before/src     # Eclipse, Hadoop, Duraspace, three seeds

Both are measured by this file, each in a process of its own with its own PYTHONPATH, on run folders that this
checkout prepares once. Queries are the evaluation and holdout tickets; those of all seeds are pooled, and
the interval of the paired difference resamples kin groups, each of them once over all seeds.
"""

import argparse
import inspect
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from real_data import DATA
from ticketkin.core.progress import SILENT
from ticketkin.core.tables import SplitName
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.evaluation.bootstrap import Resamples, mean_interval
from ticketkin.evaluation.retrieval import evaluate_retrieval
from ticketkin.workflows import candidates
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.job import run_one_stage
from ticketkin.workflows.run_data import RunData

LINK_FILES = {"eclipse": "pairs.csv", "hadoop": "pairs.csv", "duraspace": "links.csv"}
RANKERS = ("lexical", "fusion")
N_BOOTSTRAP = 1_000


def job_of(data: Path, seed: int) -> Job:
    """Return the job of a data set: untouched encoder, head and fusion."""
    # Job knows its type of settings: it lies elsewhere in other versions of the code that are measured.
    settings_of: Any = Job.model_fields["settings"].annotation
    settings = settings_of(
        seed=seed, candidates=("lexical", "base", "head", "fusion"), encoder=EncoderSettings(offline=True)
    )
    return Job(
        sources=((data / "reports.csv").resolve(),),
        links_file=(data / LINK_FILES[data.name]).resolve(),
        settings=settings,
    )


def prepare(data: Path, seed: int, work: Path) -> Path:
    """Run the stages up to the head where that was not done yet; return the run folder."""
    folder = work / f"{data.name}-{seed}"
    if not (folder / "embeddings/head.npy").exists():
        for stage in ("import", "links", "split", "embed", "pairs", "head"):
            run_one_stage(stage, folder, job=job_of(data, seed))
    return folder


def measure(data: Path, seed: int, folder: Path, out: Path) -> None:
    """Write the rank of the nearest kin of each query, by the code that runs here."""
    of_folder: Any = getattr(RunData, "of", RunData)  # other versions of the code are measured, too
    run = of_folder(folder, job_of(data, seed))
    encoders = candidates.encoder_candidates(run, with_slow=False)
    rankers = candidates.simple_rankers(run, encoders)
    arguments: list[Any] = [run, encoders, "head", SILENT]
    if "lexical" in inspect.signature(candidates.fusion_ranker).parameters:
        arguments.insert(1, rankers["lexical"])
    rankers["fusion"] = candidates.fusion_ranker(*arguments)
    queries = np.concatenate([run.queries(SplitName.EVALUATION), run.queries(SplitName.HOLDOUT)])
    ranks = {
        name: evaluate_retrieval(rankers[name], queries, run.groups.group, run.visibility).first_rank.tolist()
        for name in RANKERS
    }
    # The group's number is the same for every seed: it comes from the links, not from the split.
    groups = run.groups.group[queries].tolist()
    out.write_text(json.dumps({"queries": queries.tolist(), "groups": groups, **ranks}), "utf-8")


def measured(source: Path, data: Path, seed: int, folder: Path, out: Path) -> pl.DataFrame:
    """Measure with the code in `source` in a process of its own; return a row for each query."""
    command = [sys.executable, __file__, "--measure", str(folder), "--seed", str(seed), "--out", str(out)]
    environment = {**os.environ, "PYTHONPATH": str(source.resolve())}
    subprocess.run([*command, "--data", str(data)], check=True, env=environment)
    return pl.DataFrame(json.loads(out.read_text("utf-8")))


def rows_of(name: str, frames: list[tuple[pl.DataFrame, pl.DataFrame]]) -> list[list[str]]:
    """Return a line for each ranker, all seeds pooled."""
    before, after = (pl.concat([pair[side] for pair in frames]) for side in (0, 1))
    resamples = Resamples.draw(after["groups"].to_numpy(), N_BOOTSTRAP, 0)
    lines = []
    for ranker in RANKERS:
        old, new = before[ranker].to_numpy(), after[ranker].to_numpy()
        cells = [name, str(len(frames)), str(len(new)), ranker]
        for one, other in ((1 / old, 1 / new), (old <= 10, new <= 10)):
            gain = mean_interval(other.astype(np.float64) - one.astype(np.float64), resamples)
            cells.append(f"{one.mean():.3f} → {other.mean():.3f}")
            cells.append(f"{gain.value:+.3f} [{gain.low:+.3f}, {gain.high:+.3f}]")
        lines.append(cells)
    return lines


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--against", type=Path, help="the src folder of the other checkout")
    parser.add_argument("--data", type=Path, default=DATA)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--work", type=Path, default=Path("runs/benchmark"))
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--seed", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    if arguments.measure:
        measure(arguments.data, arguments.seed, arguments.measure, arguments.out)
        return
    if arguments.against is None:
        parser.error("--against names the src folder of the checkout to compare with")
    ways = (("before", arguments.against), ("after", Path(__file__).parents[1] / "src"))
    table = Table("data", "seeds", "queries", "ranker", "MRR", "difference", "R@10", "difference", box=None)
    for name in LINK_FILES:
        frames = []
        for seed in range(arguments.seeds):
            data = arguments.data / name
            folder = prepare(data, seed, arguments.work)
            pair = [
                measured(source, data, seed, folder, arguments.work / f"{way}-{name}-{seed}.json")
                for way, source in ways
            ]
            frames.append((pair[0], pair[1]))
        for line in rows_of(name, frames):
            table.add_row(*line)
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
