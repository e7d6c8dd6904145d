"""Whether a bundle scores a new ticket as the verdict did: one ticket at a time, in a fresh process.

    python benchmarks/parity.py                          # Eclipse and 5,000 sample tickets, without LoRA
    python benchmarks/parity.py --sample 400 --only sample --tickets 40     # a quick look

A run is made, its champion's similarities of held-out tickets are kept, it is bundled with an index, the
bundle is copied elsewhere and the run moved away. A process that knows the copy alone then embeds and scores
each ticket by itself. Held-out are the tickets of the holdout, then those of the evaluation split as the kept
ranking scores them. Two tickets whose scores lie less than 1e-5 apart may change places in the first ten.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from ticketkin.core.tables import FloatArray, SplitName, Tickets
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.serving.kin import Kin
from ticketkin.tickets.sample import write_sample
from ticketkin.workflows.bundling import bundle_run
from ticketkin.workflows.candidates import champion_ranker
from ticketkin.workflows.configuration import Job, read_job
from ticketkin.workflows.job import run_job
from ticketkin.workflows.run_data import RunData
from ticketkin.workflows.settings import Settings

DEFAULT_DATA = Path(__file__).parents[1] / "../shared/data/eclipse"
CANDIDATES = ("lexical", "base", "head", "fusion")
TIE = 1e-5
BLOCK = 64


def job_of(name: str, data: Path, n_sample: int, work: Path) -> Job:
    """Return the job of Eclipse or of the sample: untouched encoder, head and learned ranking."""
    settings = Settings(candidates=CANDIDATES, encoder=EncoderSettings(offline=True))
    if name == "eclipse":
        sources, links = ((data / "reports.csv").resolve(),), (data / "pairs.csv").resolve()
        return Job(sources=sources, links_file=links, settings=settings)
    sample = work / f"sample-{n_sample}.csv"
    if not sample.exists():
        write_sample(sample, n_sample, 5)
    return Job(sources=(sample.resolve(),), synthetic=True, settings=settings)


def judged(run: Path, n_tickets: int, place: Path) -> str:
    """Keep the champion's similarities of held-out tickets in `place`; return the champion."""
    data = RunData.of(run, read_job(run))
    rows = [data.splits.rows(data.tickets, split) for split in (SplitName.HOLDOUT, SplitName.EVALUATION)]
    chosen = np.concatenate(rows)[:n_tickets]
    ranker = champion_ranker(data)
    similarities = np.concatenate(
        [ranker.similarities(chosen[at : at + BLOCK], data.visibility) for at in range(0, len(chosen), BLOCK)]
    )
    place.mkdir(parents=True, exist_ok=True)
    np.save(place / "similarities.npy", np.where(data.visibility.mask(chosen), similarities, -np.inf))
    data.tickets.frame[chosen.tolist()].write_parquet(place / "queries.parquet")
    (place / "ids.json").write_text(json.dumps(data.tickets.ids), "utf-8")
    return str(json.loads((run / "ranking/ranking.json").read_text("utf-8"))["champion"])


def measure(bundle: Path, place: Path, out: Path) -> None:
    """Score each query by itself through the bundle and write how it differs from `place`."""
    expected: FloatArray = np.load(place / "similarities.npy")
    position = {name: row for row, name in enumerate(json.loads((place / "ids.json").read_text("utf-8")))}
    queries = pl.read_parquet(place / "queries.parquet")
    kin = Kin.open(bundle, create=False)
    scorer, retriever = kin.bundle.scorer, kin.index.retriever
    largest, n_same, n_as_set, milliseconds = 0.0, 0, 0, []
    for query, own in enumerate(expected):
        started = time.perf_counter()
        described = scorer.describe(kin.bundle.embed(Tickets(queries[[query]])))
        candidates = scorer.candidates(retriever, described)
        scores = scorer.score(described, candidates)[0]
        milliseconds.append(1000 * (time.perf_counter() - started))
        there = np.flatnonzero(candidates.rows[0] >= 0)
        at = np.array(
            [position[name] for name in candidates.stored.ids[candidates.places[0][there]]], np.int64
        )
        scores = scores[there]
        largest = max(largest, float(np.abs(scores - own[at]).max(initial=0)))
        mine = at[np.argsort(-scores, kind="stable")[:10]]
        theirs = np.argsort(-own, kind="stable")[: len(mine)]
        n_as_set += set(mine.tolist()) == set(theirs.tolist())
        n_same += bool(np.abs(own[mine] - own[theirs]).max(initial=0) < TIE)
    result = {
        "n": len(expected), "largest": largest, "same": n_same / len(expected),
        "same_set": n_as_set / len(expected), "median_ms": float(np.median(milliseconds)),
    }  # fmt: skip
    out.write_text(json.dumps(result), "utf-8")


def measured(name: str, arguments: argparse.Namespace) -> tuple[str, dict[str, Any]]:
    """Make the run and its bundle, move the run away, and measure in a process of its own."""
    work: Path = arguments.work / f"{name}-{arguments.sample}" if name == "sample" else arguments.work / name
    work.mkdir(parents=True, exist_ok=True)
    run, away = work / "run", work / "run-moved-away"
    if away.exists() and not run.exists():  # a measurement that was stopped
        away.rename(run)
    run_job(job_of(name, arguments.data, arguments.sample, work), run)
    champion = judged(run, arguments.tickets, work / "judged")
    for folder in (work / "kin", work / "elsewhere"):
        shutil.rmtree(folder, ignore_errors=True)
    bundle_run(run, work / "kin", with_index=True)
    shutil.copytree(work / "kin", work / "elsewhere/kin")
    shutil.rmtree(work / "kin")
    run.rename(away)
    out = work / "parity.json"
    try:
        command = [sys.executable, __file__, "--measure", str(work / "elsewhere/kin")]
        subprocess.run([*command, "--judged", str(work / "judged"), "--out", str(out)], check=True)
    finally:
        away.rename(run)
    return champion, json.loads(out.read_text("utf-8"))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DEFAULT_DATA)
    parser.add_argument("--sample", type=int, default=5_000)
    parser.add_argument("--tickets", type=int, default=1_000)
    parser.add_argument("--only", choices=("eclipse", "sample"))
    parser.add_argument("--work", type=Path, default=Path("runs/parity"))
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--judged", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    if arguments.measure:
        measure(arguments.measure, arguments.judged, arguments.out)
        return
    table = Table("data", "champion", "tickets", "largest |Δ score|", "same first ten", "same set of ten",
                  "ms a ticket", box=None)  # fmt: skip
    for name in (arguments.only,) if arguments.only else ("eclipse", "sample"):
        champion, measurements = measured(name, arguments)
        table.add_row(
            name,
            champion,
            f"{measurements['n']:,}",
            f"{measurements['largest']:.1e}",
            f"{measurements['same']:.1%}",
            f"{measurements['same_set']:.1%}",
            f"{measurements['median_ms']:.0f}",
        )
    Console(width=130).print(table)


if __name__ == "__main__":
    main()
