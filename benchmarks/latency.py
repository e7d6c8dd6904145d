"""How long one new ticket takes, text in and answer with evidence out, by the number of stored tickets.

    python benchmarks/latency.py                              # 10,000 and 100,000 tickets
    python benchmarks/latency.py --sizes 1000000 --work /data/latency
    python benchmarks/latency.py --sizes 10000 --queries 50   # a quick look
    python benchmarks/latency.py --runtime openvino-int8 --work /data/latency-int8   # a folder of its own

A run on sample tickets is made and bundled. The stored tickets are those of the sample, then more of them
with words of another ticket mixed in; their embeddings are the sample's real ones, moved a little at random,
so that a million tickets need no million forward passes. Queries are sample tickets of another seed, one at a
time, in a fresh process on two cores. Times are of one machine: read how they grow. `cold` is `ticketkin
relate --text` as typed, the start of Python included; `resident` counts pages of mapped files, which the
system can take back. `encode ms` is the pass of the encoder, `index ms` the rest of an answer that does not
go on beside it.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from pydantic import TypeAdapter
from rich.console import Console
from rich.table import Table

from ticketkin.core.tables import FloatArray, Tickets
from ticketkin.encoders.settings import AskedRuntime, EncoderSettings
from ticketkin.ranking.columns import EmbeddedTickets
from ticketkin.serving.bundle import Bundle
from ticketkin.serving.incoming import tickets_of_files
from ticketkin.serving.index import Index
from ticketkin.serving.kin import Kin
from ticketkin.tickets.composing import compose_texts
from ticketkin.tickets.sample import write_sample
from ticketkin.workflows.bundling import bundle_run
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.job import run_job
from ticketkin.workflows.settings import Settings

CANDIDATES = ("lexical", "base", "head", "fusion")
N_SAMPLE, N_BATCH = 3_000, 50_000
# Of a moved embedding's length: neighbours in a real corpus lie about so far apart.
JITTER = 0.5
MIXED_WORDS = 0.3
N_COLD = 3


def make_bundle(work: Path, runtime: AskedRuntime) -> Path:
    """Return a bundle of a run on sample tickets, made at the first call; `runtime` executes its encoders.

    Another one than torch is used only where its fidelity holds.
    """
    bundle = work / "kin"
    if not bundle.exists():
        sample = work / "sample.csv"
        write_sample(sample, N_SAMPLE, 5)
        settings = Settings(candidates=CANDIDATES, encoder=EncoderSettings(offline=True))
        run_job(Job(sources=(sample,), synthetic=True, settings=settings), work / "run")
        bundle_run(work / "run", bundle, runtime=runtime)
    serving = {source.runtime for source in Bundle.open(bundle).record.embeddings}
    if runtime != "auto" and serving != {runtime}:
        raise SystemExit(
            f"{runtime} was refused and would not be measured; this says why: ticketkin "
            f"bundle {work / 'run'} --runtime {runtime} --out {work / 'refused'}"
        )
    return bundle


def mixed(text: str, other: str, generator: np.random.Generator) -> str:
    """Return a text with some of its words replaced by those of another one."""
    words, more = text.split(" "), other.split(" ")
    places = np.flatnonzero(generator.random(len(words)) < MIXED_WORDS)
    for place in places:
        words[place] = more[generator.integers(len(more))]
    return " ".join(words)


def moved(vectors: FloatArray, generator: np.random.Generator) -> FloatArray:
    """Return unit vectors, each a random direction of length JITTER away from where it was."""
    noise = generator.normal(size=vectors.shape).astype(np.float32)
    noise *= JITTER / np.linalg.norm(noise, axis=1, keepdims=True)
    result: FloatArray = vectors + noise
    result /= np.linalg.norm(result, axis=1, keepdims=True)
    return result


def batches(given: EmbeddedTickets, template: str, n: int) -> Iterator[EmbeddedTickets]:
    """Yield `n` tickets: the real ones, then mixed ones."""
    generator = np.random.default_rng(1)
    frame, n_real = given.tickets.frame, len(given.tickets)
    yield given.take(np.arange(min(n, n_real)))
    for start in range(n_real, n, N_BATCH):
        rows = generator.integers(n_real, size=min(N_BATCH, n - start))
        others = generator.integers(n_real, size=len(rows))
        columns = {}
        for name in ("title", "description"):
            texts, more = frame[name][rows.tolist()].to_list(), frame[name][others.tolist()].to_list()
            columns[name] = [mixed(a or "", b or "", generator) for a, b in zip(texts, more, strict=True)]
        names = [f"X{start + place}" for place in range(len(rows))]
        minutes = pl.lit(pl.Series(generator.integers(60 * 24 * 300, size=len(rows))))
        part = frame[rows.tolist()].with_columns(
            pl.Series("title", columns["title"]),
            pl.Series("description", columns["description"]),
            pl.Series("ticket_id", names),
            pl.Series("number", names),
            (pl.col("opened_at") - pl.duration(minutes=minutes)).cast(frame.schema["opened_at"]),
        )
        tickets = Tickets(part)
        embeddings = {name: moved(vectors[rows], generator) for name, vectors in given.embeddings.items()}
        yield EmbeddedTickets(tickets, compose_texts(tickets, template), embeddings)


def build(bundle_folder: Path, work: Path, n: int) -> Path:
    """Return the index of `n` tickets, made at the first call."""
    place = work / f"index-{n}"
    if (work / f"built-{n}.json").exists():
        return place
    bundle = Bundle.open(bundle_folder)
    given = bundle.embed(
        tickets_of_files([work / "sample.csv"], bundle.ticket_settings, bundle.pseudonymising).tickets
    )
    index = Index.open(place, bundle.scorer, bundle.id, create=True)
    started = time.perf_counter()
    for batch in batches(given, bundle.record.template, n):
        index.put(batch)
        print(f"{n:,}: {len(index):,} stored, {time.perf_counter() - started:,.0f} s", file=sys.stderr)
    stored = time.perf_counter() - started
    index.tend()
    result = {"store_seconds": stored, "cells_seconds": time.perf_counter() - started - stored}
    (work / f"built-{n}.json").write_text(json.dumps(result), "utf-8")
    return place


def resident() -> dict[str, float]:
    """Return GB in memory: all, and without pages of files."""
    status = Path("/proc/self/status").read_text("utf-8")
    kilobytes = {line.split(":")[0]: line.split()[1] for line in status.splitlines() if line.endswith(" kB")}
    return {"resident": int(kilobytes["VmRSS"]) / 1e6, "anonymous": int(kilobytes["RssAnon"]) / 1e6}


def measure(bundle_folder: Path, place: Path, work: Path, n_queries: int, out: Path) -> None:
    """Ask one ticket at a time and write what each took."""
    queries = work / "queries.csv"
    write_sample(queries, max(n_queries + 20, 200), 77, force=True)
    started = time.perf_counter()
    kin = Kin.open(bundle_folder, place, create=False)
    records = tickets_of_files([queries], kin.bundle.ticket_settings, kin.bundle.pseudonymising).tickets.frame
    texts = [f"{title}\n{description}" for title, description in records["title", "description"].iter_rows()]
    spent = {"encode": 0.0}
    encode = Bundle.encode

    def timed(self: Bundle, *arguments: Any, **options: Any) -> dict[str, FloatArray]:
        begun = time.perf_counter()
        embeddings = encode(self, *arguments, **options)
        spent["encode"] = time.perf_counter() - begun
        return embeddings

    Bundle.encode = timed  # type: ignore[method-assign]
    for text in texts[:20]:
        kin.relate(text)
    opened = time.perf_counter() - started
    whole, encoding = [], []
    for text in texts[20 : 20 + n_queries]:
        begun = time.perf_counter()
        kin.relate(text)
        whole.append(1000 * (time.perf_counter() - begun))
        encoding.append(1000 * spent["encode"])
    index_part = np.array(whole) - np.array(encoding)
    out.write_text(
        json.dumps({
            "median": float(np.median(whole)), "p99": float(np.percentile(whole, 99)),
            "encode": float(np.median(encoding)), "index_median": float(np.median(index_part)),
            "index_p99": float(np.percentile(index_part, 99)), "opened": opened,
            "recall": kin.index.recall, **resident(),
        }),
        "utf-8",
    )  # fmt: skip


def cold_seconds(bundle_folder: Path, place: Path) -> float:
    """Return the median seconds of the command in a fresh process."""
    command = [
        *(sys.executable, "-c", "from ticketkin.cli.entry import main; main()"),
        *("relate", str(bundle_folder), "--index", str(place), "--json", "--text"),
        "Outlook asks for the password again\nSince this morning it asks after every start.",
    ]
    seconds = []
    for _ in range(N_COLD):
        started = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True)
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds))


def in_fresh_process(work: Path, *arguments: str) -> None:
    """Run a step of this file."""
    subprocess.run([sys.executable, __file__, "--work", str(work), *arguments], check=True)


def main() -> None:
    """Parse the command line and print the table."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--sizes", default="10000,100000", help="stored tickets, with commas")
    parser.add_argument("--queries", type=int, default=300)
    parser.add_argument("--work", type=Path, default=Path(tempfile.gettempdir()) / "ticketkin-latency")
    parser.add_argument("--runtime", default="torch", help="what executes the encoders")
    parser.add_argument("--step", choices=("build", "measure"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    # For every process that begins here: two cores, as OMP_NUM_THREADS would ask matrices for two threads.
    os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:2])
    os.environ |= {"HF_HUB_OFFLINE": "1"}
    work: Path = arguments.work
    work.mkdir(parents=True, exist_ok=True)
    if arguments.step == "build":
        build(work / "kin", work, int(arguments.sizes))
        return
    if arguments.step == "measure":
        n = int(arguments.sizes)
        measure(work / "kin", work / f"index-{n}", work, arguments.queries, work / f"measured-{n}.json")
        return
    bundle = make_bundle(work, TypeAdapter(AskedRuntime).validate_python(arguments.runtime))
    table = Table(
        "tickets", "median ms", "p99 ms", "encode ms", "index ms", "index p99", "recall", "resident GB",
        "anonymous GB", "disk GB", "cold s", "store s", "cells s", box=None,
    )  # fmt: skip
    for size in arguments.sizes.split(","):
        n = int(size)
        in_fresh_process(work, "--sizes", size, "--step", "build")
        in_fresh_process(work, "--sizes", size, "--step", "measure", "--queries", str(arguments.queries))
        place = work / f"index-{n}"
        written = json.loads((work / f"measured-{n}.json").read_text("utf-8"))
        built = json.loads((work / f"built-{n}.json").read_text("utf-8"))
        disk = sum(path.stat().st_size for path in place.rglob("*") if path.is_file()) / 1e9
        recall = min(written["recall"].values(), default=1.0)
        times = [written[name] for name in ("median", "p99", "encode", "index_median", "index_p99")]
        gigabytes = [written["resident"], written["anonymous"], disk]
        table.add_row(
            f"{n:,}",
            *(f"{value:.1f}" for value in times),
            f"{recall:.2%}",
            *(f"{value:.2f}" for value in gigabytes),
            f"{cold_seconds(bundle, place):.1f}",
            *(f"{built[name]:,.0f}" for name in ("store_seconds", "cells_seconds")),
        )
    Console(width=150).print(table)


if __name__ == "__main__":
    main()
