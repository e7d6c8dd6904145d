"""A service under load: how fast it answers and stores, what it holds, and what a kill costs.

    python benchmarks/service.py kin-june --tickets 100000
    python benchmarks/service.py kin-june --tickets 100000 --mixed-seconds 1800 --workers 2

It writes synthetic tickets into a database of its own, starts `ticketkin serve` on it, and asks about tickets
that it never stored. The first 2,000 are encoded (`--encoded`); each other one gets an embedding of one of
these with noise, so that 100,000 are there in minutes. The mixed load kills the database server and the
process with SIGKILL in turn, starts the process again, and counts errors that a client met and acknowledged
tickets that are gone.
"""

import argparse
import json
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from itertools import pairwise
from pathlib import Path

import httpx2
import numpy as np
import polars as pl
import psutil

from filling import fill, projected
from ticketkin.service.place import Place
from ticketkin.serving.bundle import Bundle
from ticketkin.tickets.importing import import_tickets
from ticketkin.tickets.mapping import find_mapping
from ticketkin.tickets.sample import write_sample

CLIENTS = (1, 4, 16)
BATCH = 50
PATIENCE_SECONDS = 600.0
"""So long a client sends a request again while nobody answers: a start with many tickets takes a while."""


class Process:
    """`ticketkin serve`, which can be killed and started again."""

    def __init__(self, bundle: Path, data: Path, n_workers: int) -> None:
        self.bundle, self.data, self.n_workers = bundle, data, n_workers
        self.url = ""

    def start(self, *options: str) -> float:
        """Start it and return the seconds until it answers."""
        begun = time.perf_counter()
        command = [
            sys.executable, "-c", "from ticketkin.cli.entry import main; main()", "serve", str(self.bundle),
            "--data", str(self.data), "--port", self.port, "--rate", "100000000",
            "--workers", str(self.n_workers), *options,
        ]  # fmt: skip
        self.child: subprocess.Popen[str] = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        for line in self.child.stdout or ():
            address = re.search(r"http://\S+", line)
            if address:
                self.url = address[0].rstrip("/")
                return time.perf_counter() - begun
        raise SystemExit("the service did not start")

    @property
    def port(self) -> str:
        """The port of the first start, so that clients find the next one."""
        return self.url.rsplit(":", 1)[1] if self.url else "0"

    def kill(self) -> None:
        """Kill it, or one of its workers, as a lack of memory would; it is started again."""
        if self.n_workers > 1:
            self.answering()[0].kill()
            return
        self.child.kill()
        self.child.wait()
        self.start()

    def answering(self) -> list[psutil.Process]:
        """Return the processes that answer."""
        parent = psutil.Process(self.child.pid)
        if self.n_workers == 1:
            return [parent]
        return [one for one in parent.children() if "spawn_main" in " ".join(one.cmdline())]

    def wait_for_workers(self) -> None:
        """Return once all workers answer."""
        with httpx2.Client(base_url=self.url, timeout=60.0) as client:
            while client.get("/v1/models").json()["n_processes"] < self.n_workers:
                time.sleep(0.5)

    def kill_database(self) -> None:
        """Kill its database server."""
        pid = (self.data / "database" / "postmaster.pid").read_text().split()[0]
        with suppress(ProcessLookupError):
            os.kill(int(pid), signal.SIGKILL)

    def stop(self) -> None:
        """End it as Ctrl-C does."""
        self.child.send_signal(signal.SIGINT)
        self.child.wait(timeout=30)

    def megabytes(self) -> float:
        """Return the memory of the processes that answer, without the database; shared pages count once."""
        return sum(float(one.memory_full_info().pss) for one in self.answering()) / 1e6


@contextmanager
def running(bundle: Path, data: Path, n_workers: int = 1) -> Iterator[Process]:
    """Yield a service that is ended afterwards."""
    process = Process(bundle, data, n_workers)
    try:
        yield process
    finally:
        if process.url and process.child.poll() is None:
            process.stop()


def questions(path: Path, n: int) -> list[dict[str, object]]:
    """Return questions about tickets that are written anew and stored nowhere."""
    frame = pl.read_csv(path, infer_schema=False).head(n)
    columns = find_mapping(frame.columns, {}).columns
    rows = frame.select(pl.col(columns[name]).fill_null("").alias(name) for name in ("title", "description"))
    return [{"text": f"{title}\n{text}"} for title, text in rows.iter_rows() if title or text]


def records(path: Path) -> list[dict[str, str]]:
    """Return the tickets of an export as the service takes them."""
    frame = pl.read_csv(path, infer_schema=False)
    columns = find_mapping(frame.columns, {}).columns
    named = frame.select(pl.col(column).alias(name) for name, column in columns.items())
    return [{name: value for name, value in row.items() if value} for row in named.iter_rows(named=True)]


def latencies(url: str, asked: list[dict[str, object]], n_clients: int) -> dict[str, float]:
    """Return median and p99 in milliseconds, and answers a second, of so many clients at once."""
    times: list[float] = []

    def ask(part: list[dict[str, object]]) -> None:
        with httpx2.Client(base_url=url, timeout=60.0) as client:
            for question in part:
                begun = time.perf_counter()
                client.post("/v1/relate", json=question).raise_for_status()
                times.append(time.perf_counter() - begun)

    begun = time.perf_counter()
    with ThreadPoolExecutor(n_clients) as pool:
        list(pool.map(ask, [asked[start::n_clients] for start in range(n_clients)]))
    seconds = time.perf_counter() - begun
    median, last = np.percentile(np.array(times) * 1_000, [50, 99])
    return {
        "median_ms": round(median, 1),
        "p99_ms": round(last, 1),
        "answers_per_second": round(len(times) / seconds, 1),
    }


def stored_a_second(url: str, tickets: list[dict[str, str]]) -> float:
    """Return how many tickets a second are encoded, stored and searched, in batches."""
    begun = time.perf_counter()
    with httpx2.Client(base_url=url, timeout=120.0) as client:
        for start in range(0, len(tickets), BATCH):
            body = {"tickets": tickets[start : start + BATCH]}
            client.post("/v1/tickets", json=body).raise_for_status()
    return round(len(tickets) / (time.perf_counter() - begun), 1)


class Mixed:
    """Clients that ask and store until they are told to stop, and remember what was acknowledged."""

    def __init__(self, url: str, asked: list[dict[str, object]], tickets: list[dict[str, str]]) -> None:
        self.url, self.asked, self.tickets = url, asked, tickets
        self.acknowledged: set[str] = set()
        self.n_retries = 0
        self.answered_at: list[float] = []
        self.errors: list[str] = []
        self.stopping = threading.Event()
        self._next = iter(tickets)
        self._lock = threading.Lock()

    def client(self, seed: int) -> None:
        """Ask four times as often as store."""
        generator = random.Random(seed)
        with httpx2.Client(base_url=self.url, timeout=60.0) as client:
            while not self.stopping.is_set():
                if generator.random() < 0.8:
                    self.sent(client, "/v1/relate", generator.choice(self.asked))
                    continue
                with self._lock:
                    ticket = next(self._next, None)
                if ticket is None:
                    return
                if self.sent(client, "/v1/tickets", {"tickets": [ticket]}):
                    self.acknowledged.add(ticket["number"])

    def longest_silence(self, start: float, end: float) -> float:
        """Return the most seconds between two answers in a span of time, its ends included."""
        answered = [start, *(moment for moment in self.answered_at if start < moment < end), end]
        return round(max(later - earlier for earlier, later in pairwise(sorted(answered))), 1)

    def sent(self, client: httpx2.Client, path: str, body: object) -> bool:
        """Send until it is answered: a client waits where nobody listens or 503 says so."""
        end = time.monotonic() + PATIENCE_SECONDS
        while time.monotonic() < end:
            try:
                answer = client.post(path, json=body)
            except httpx2.TransportError:
                answer = None
            if answer is not None and answer.status_code == 200:
                self.answered_at.append(time.monotonic())
                return True
            if answer is not None and answer.status_code != 503:
                self.errors.append(f"{path}: {answer.status_code} {answer.text[:200]}")
                return False
            self.n_retries += 1
            time.sleep(0.5)
        self.errors.append(f"{path}: no answer in {PATIENCE_SECONDS:.0f} s")
        return False


def mixed_load(process: Process, mixed: Mixed, seconds: float) -> dict[str, object]:
    """Return what clients met while process and database server were killed in turn."""
    threads = [threading.Thread(target=mixed.client, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    time.sleep(seconds / 3)
    process.kill_database()
    database_killed = time.monotonic()
    time.sleep(seconds / 3)
    process_killed = time.monotonic()
    process.kill()
    time.sleep(seconds / 3)
    ended = time.monotonic()
    mixed.stopping.set()
    for thread in threads:
        thread.join()
    with httpx2.Client(base_url=process.url, timeout=60.0) as client:
        lost = [n for n in mixed.acknowledged if client.get(f"/v1/tickets/{n}").status_code != 200]
    return {
        "seconds": seconds,
        "answers": len(mixed.answered_at),
        "errors": len(mixed.errors),
        "first_errors": mixed.errors[:3],
        "retries_while_down": mixed.n_retries,
        "longest_silence_after_database_kill": mixed.longest_silence(database_killed, process_killed),
        "longest_silence_after_process_kill": mixed.longest_silence(process_killed, ended),
        "acknowledged": len(mixed.acknowledged),
        "acknowledged_and_lost": len(lost),
    }


def fill_store(bundle: Path, data: Path, tickets: Path, n_encoded: int) -> int:
    """Store synthetic tickets without a service; return how many."""
    opened = Bundle.open(bundle)
    stored = import_tickets([tickets], opened.ticket_settings).tickets
    with Place.of(bundle, data).database() as database:
        return fill(database, opened, projected(opened, stored, n_encoded))


def main() -> None:
    """Measure, and print one JSON object."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--tickets", type=int, default=100_000, help="tickets in the store")
    parser.add_argument("--encoded", type=int, default=2_000, help="of these, as many as are encoded")
    parser.add_argument("--questions", type=int, default=400, help="questions for each number of clients")
    parser.add_argument("--workers", type=int, default=1, help="processes that answer")
    parser.add_argument("--mixed-seconds", type=float, default=0.0, help="length of the load with kills")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        write_sample(place / "stored.csv", options.tickets, 1)
        write_sample(place / "asked.csv", options.questions, 2)
        write_sample(place / "more.csv", max(500, int(options.mixed_seconds * 40)), 3)
        asked = questions(place / "asked.csv", options.questions)
        # Their numbers continue where those of the stored ones end.
        more = [{**ticket, "number": f"NEW{n}"} for n, ticket in enumerate(records(place / "more.csv"))]
        begun = time.perf_counter()
        n_stored = fill_store(options.bundle, place / "data", place / "stored.csv", options.encoded)
        result: dict[str, object] = {
            "tickets": n_stored,
            "encoded": min(options.encoded, n_stored),
            "workers": options.workers,
            "seconds_to_fill": round(time.perf_counter() - begun, 1),
        }
        with running(options.bundle, place / "data", options.workers) as process:
            result["seconds_to_first_start"] = round(process.start(), 1)
            process.wait_for_workers()
            latencies(process.url, asked[:20], 1)
            for n_clients in CLIENTS:
                result[f"relate_{n_clients}_clients"] = latencies(process.url, asked, n_clients)
            result["tickets_stored_a_second"] = stored_a_second(process.url, more[:500])
            result["megabytes"] = round(process.megabytes())
            process.stop()
            result["seconds_to_start"] = round(process.start(), 1)
            process.wait_for_workers()
            if options.mixed_seconds:
                mixed = Mixed(process.url, asked, more[500:])
                result["mixed_load"] = mixed_load(process, mixed, options.mixed_seconds)
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
