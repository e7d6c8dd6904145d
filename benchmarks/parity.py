"""Whether a bundle scores a new ticket as the verdict did: one ticket at a time, in a fresh process.

    python benchmarks/parity.py                          # Eclipse and 5,000 sample tickets, without LoRA
    python benchmarks/parity.py --sample 400 --only sample --tickets 40     # a quick look
    python benchmarks/parity.py --http                   # the same by requests to a service, one ticket each

A run is made, its champion's similarities of held-out tickets are kept, it is bundled with an index, the
bundle is copied elsewhere and the run moved away. A process that knows the copy alone then embeds and scores
each ticket by itself. Held-out are the tickets of the holdout, then those of the evaluation split as the kept
ranking scores them. Two tickets whose scores lie less than 1e-5 apart may change places in the first ten.
Where two tickets are as near to a query up to the last digits, either may be the last that a list of
candidates takes; one that only one list holds has one score alone, and is counted as "in one list".

With `--http` a service is started that holds all other tickets; the held-out ones are posted as they were
exported, one in each request, and their kin is asked for. An answer names one ticket of each template and
those like it beside it, so its first ten are right if no ticket that the verdict puts before the last is
missing.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2
import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from filling import batches, fill
from real_data import DATA
from service import records, running
from ticketkin.core.tables import FloatArray, SplitName, Tickets
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.service.place import Place
from ticketkin.serving.kin import Kin
from ticketkin.tickets.sample import write_sample
from ticketkin.workflows.bundling import bundle_run
from ticketkin.workflows.candidates import champion_by_folds, champion_ranker
from ticketkin.workflows.configuration import Job, read_job
from ticketkin.workflows.job import run_job
from ticketkin.workflows.run_data import RunData
from ticketkin.workflows.settings import Settings

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
    if champion_by_folds(data):
        raise SystemExit(
            "so few links are judged by folds, each ticket by weights of its own, and no bundle holds those; "
            "take more tickets (--sample)"
        )
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
    assert retriever is not None, "tickets were stored"
    largest, n_same, n_as_set, milliseconds = 0.0, 0, 0, []
    n_scored, n_in_one = 0, 0
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
        in_both = own[at] >= 0  # what the verdict did not score lies below
        largest = max(largest, float(np.abs(scores - own[at])[in_both].max(initial=0)))
        n_scored += len(at)
        n_in_one += int((~in_both).sum() + (own >= 0).sum() - in_both.sum())
        mine = at[np.argsort(-scores, kind="stable")[:10]]
        theirs = np.argsort(-own, kind="stable")[: len(mine)]
        n_as_set += set(mine.tolist()) == set(theirs.tolist())
        n_same += bool(np.abs(own[mine] - own[theirs]).max(initial=0) < TIE)
    result = {
        "n": len(expected), "largest": largest, "same": n_same / len(expected),
        "same_set": n_as_set / len(expected), "median_ms": float(np.median(milliseconds)),
        "in_one_list": f"{n_in_one:,} of {n_scored:,}",
    }  # fmt: skip
    out.write_text(json.dumps(result), "utf-8")


def measure_http(bundle: Path, place: Path, source: Path, out: Path) -> None:
    """Post each query to a service and write how its answer differs from `place`."""
    expected: FloatArray = np.load(place / "similarities.npy")
    ids = json.loads((place / "ids.json").read_text("utf-8"))
    queries = Tickets(pl.read_parquet(place / "queries.parquet"))
    kin = Kin.open(bundle, create=False)
    stored_ids = kin.index.all_tickets().ids
    others = [kin.index.row_of(name) for name in stored_ids if name not in set(queries.ids)]
    data = out.with_name("service")
    shutil.rmtree(data, ignore_errors=True)
    with Place.of(bundle, data).database() as database:
        fill(database, kin.bundle, batches(kin.index.embedded(np.array(others, dtype=np.int64))))
    names = ("number", "ticket_id", "sys_id")
    exported = {next(record[name] for name in names if name in record): record for record in records(source)}
    with running(bundle, data) as process:
        process.start()
        with httpx2.Client(base_url=process.url, timeout=300.0) as client:
            for name in queries.ids:
                client.post("/v1/tickets", json={"tickets": [exported[name]]}).raise_for_status()
            answers = [asked(client, name) for name in queries.ids]
    compared = [
        compared_answer(answer, dict(zip(ids, own.tolist(), strict=True)))
        for answer, own in zip(answers, expected, strict=True)
    ]
    result = {
        "n": len(compared), "largest": max(one.largest for one in compared),
        "same": float(np.mean([one.is_whole for one in compared])),
        "same_set": float(np.mean([one.is_whole for one in compared])),
        "median_ms": float(np.median([answer.milliseconds for answer in answers])),
    }  # fmt: skip
    out.write_text(json.dumps(result), "utf-8")


@dataclass(frozen=True)
class HttpAnswer:
    """What a service named beside a ticket."""

    similarities: dict[str, float]
    """Of the first ten, by id."""
    alike: set[str]
    """Tickets of their templates."""
    milliseconds: float


def asked(client: httpx2.Client, name: str) -> HttpAnswer:
    """Return what a service names beside a stored ticket."""
    started = time.perf_counter()
    answer = client.get(f"/v1/tickets/{quote(name, safe='')}/kin", params={"k": 10})
    milliseconds = 1000 * (time.perf_counter() - started)
    answer.raise_for_status()
    relations = answer.json()["relations"]
    return HttpAnswer(
        {one["ticket_id"]: one["similarity"] for one in relations},
        {other for one in relations for other in one["alike"]},
        milliseconds,
    )


@dataclass(frozen=True)
class Compared:
    """One answer beside the verdict."""

    largest: float
    """Difference of a score."""
    is_whole: bool
    """Whether no ticket is missing that the verdict puts before the last of the first ten."""


def compared_answer(answer: HttpAnswer, own: dict[str, float]) -> Compared:
    """Return how an answer differs from the verdict's scores of the same ticket."""
    largest = max((abs(score - own[name]) for name, score in answer.similarities.items()), default=0.0)
    last = min(answer.similarities.values(), default=1.0)
    before = {name for name, score in own.items() if score > last + TIE}
    return Compared(largest, before <= answer.similarities.keys() | answer.alike)


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
    source = job_of(name, arguments.data, arguments.sample, work).sources[0]
    try:
        command = [
            sys.executable,
            __file__,
            "--measure",
            str(work / "elsewhere/kin"),
            "--source",
            str(source),
        ]
        command += ["--http"] * arguments.http
        subprocess.run([*command, "--judged", str(work / "judged"), "--out", str(out)], check=True)
    finally:
        away.rename(run)
    return champion, json.loads(out.read_text("utf-8"))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, default=DATA / "eclipse")
    parser.add_argument("--sample", type=int, default=5_000)
    parser.add_argument("--tickets", type=int, default=1_000)
    parser.add_argument("--only", choices=("eclipse", "sample"))
    parser.add_argument("--work", type=Path, default=Path("runs/parity"))
    parser.add_argument("--http", action="store_true", help="by requests to a service")
    parser.add_argument("--source", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--judged", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    if arguments.measure and arguments.http:
        measure_http(arguments.measure, arguments.judged, arguments.source, arguments.out)
        return
    if arguments.measure:
        measure(arguments.measure, arguments.judged, arguments.out)
        return
    table = Table("data", "champion", "tickets", "largest |Δ score|", "same first ten", "same set of ten",
                  "in one list", "ms a ticket", box=None)  # fmt: skip
    for name in (arguments.only,) if arguments.only else ("eclipse", "sample"):
        champion, measurements = measured(name, arguments)
        table.add_row(
            name,
            champion,
            f"{measurements['n']:,}",
            f"{measurements['largest']:.1e}",
            f"{measurements['same']:.1%}",
            f"{measurements['same_set']:.1%}",
            measurements.get("in_one_list", ""),
            f"{measurements['median_ms']:.0f}",
        )
    Console(width=130).print(table)


if __name__ == "__main__":
    main()
