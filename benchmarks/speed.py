"""Speed: encoding against plain sentence-transformers, and how import, splitting and mining grow.

    python benchmarks/speed.py --sizes 10000 50000 200000    # growth alone: --judge 0
    python benchmarks/speed.py --sizes                       # encoding alone, by every installed runtime

"alone" is one ticket at a time, "cold" the time from a fresh process's first import to its first embedding,
"neighbours" the largest change of a value where a ticket is encoded among others instead of alone. Times are
of one machine: read the ratios and the growth, not the seconds. Each size runs in a fresh process; with
--rounds the sizes take turns and the medians are shown, as a machine is not equally fast all the time.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from unittest.mock import patch

import numpy as np
from rich.console import Console
from rich.table import Table

from encoding_speed import eclipse, sample, show
from real_data import DATA
from ticketkin.core.tables import FloatArray
from ticketkin.evaluation.settings import EvaluationSettings
from ticketkin.pairs.settings import PairSettings
from ticketkin.tickets.settings import SplitSettings, TicketSettings


def grow(n_tickets: int) -> dict[str, float]:
    """Return seconds of each step and the peak memory at `n_tickets`."""
    from ticketkin.pairs.building import build_pairs
    from ticketkin.pairs.drawing import PairInputs
    from ticketkin.tickets.composing import compose_texts
    from ticketkin.tickets.importing import import_tickets
    from ticketkin.tickets.kin import kin_groups
    from ticketkin.tickets.links import links_from_tickets
    from ticketkin.tickets.sample import write_sample
    from ticketkin.tickets.splitting import split_tickets

    seconds: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sample.csv"
        write_sample(path, n_tickets, 1)
        started = time.perf_counter()
        tickets = import_tickets([path], TicketSettings()).tickets
        seconds["import"] = time.perf_counter() - started
    links = links_from_tickets(tickets).links
    groups, texts = kin_groups(tickets, links), compose_texts(tickets, TicketSettings().template)
    started = time.perf_counter()
    splits = split_tickets(tickets, texts, groups, SplitSettings(), 0)
    seconds["split"] = time.perf_counter() - started
    vectors = projected_words(texts)
    inputs = PairInputs(tickets, texts, links, groups, splits, vectors)
    started = time.perf_counter()
    build_pairs(inputs, PairSettings(), EvaluationSettings().negatives_per_positive, 0)
    seconds["pairs"] = time.perf_counter() - started
    seconds["recall"] = champion_recall(texts)
    import resource

    seconds["peak_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return seconds


def projected_words(texts: list[str], dimension: int = 384) -> FloatArray:
    """Return TF-IDF rows projected at random to unit vectors, shape (n_texts, dimension).

    They stand for embeddings without a model: tickets that share words lie together.
    """
    from ticketkin.lexical.neighbours import tfidf_matrix

    matrix = tfidf_matrix(texts)
    directions = np.random.default_rng(0).normal(size=(matrix.shape[1], dimension)).astype(np.float32)
    vectors = np.asarray(matrix @ directions, dtype=np.float32)
    unit: FloatArray = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    return unit


def champion_recall(texts: list[str]) -> float:
    """Return the share of the exact ten lexical neighbours that champion lists find, over 300 queries."""
    from ticketkin.lexical import neighbours

    matrix = neighbours.tfidf_matrix(texts)
    queries = np.sort(np.random.default_rng(0).choice(len(texts), 300, replace=False))
    nearest = neighbours.tfidf_neighbours(matrix, 10, queries=queries).indices
    with patch.object(neighbours, "_CHAMPIONS", len(texts)):
        exact = neighbours.tfidf_neighbours(matrix, 10, queries=queries).indices
    return float(np.mean([len(np.intersect1d(a, b)) / 10 for a, b in zip(nearest, exact, strict=True)]))


def in_fresh_process(n_tickets: int) -> dict[str, float]:
    """Return what `grow` measures in a process of its own."""
    command = [sys.executable, __file__, "--one", str(n_tickets)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    measured: dict[str, float] = json.loads(done.stdout)
    return measured


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="*", default=[10_000, 50_000, 200_000])
    parser.add_argument("--rounds", type=int, default=1, help="measure every size so often, in turns")
    parser.add_argument("--judge", type=int, default=2_000, help="tickets that fidelity is measured on")
    parser.add_argument("--encode", type=int, default=300, help="tickets that are encoded in each round")
    parser.add_argument("--encode-rounds", type=int, default=5)
    parser.add_argument(
        "--data", type=Path, default=DATA / "eclipse", help="reports.csv and pairs.csv of Eclipse"
    )
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.one:
        print(json.dumps(grow(arguments.one)))
        return
    console = Console(width=150)
    if arguments.sizes:
        show_growth(arguments.sizes, arguments.rounds, console)
    if arguments.judge:
        corpora = [eclipse(arguments.data, arguments.judge)] if arguments.data.exists() else []
        with tempfile.TemporaryDirectory() as work:
            for corpus in (*corpora, sample(arguments.judge)):
                show(corpus, Path(work), arguments.encode, arguments.encode_rounds, console)


def show_growth(sizes: list[int], n_rounds: int, console: Console) -> None:
    """Print how the steps before encoding grow."""
    table = Table(
        "tickets", "import s", "split s", "pairs s", "peak MiB", "µs a ticket", "lexical recall@10", box=None
    )
    rounds = [[in_fresh_process(size) for size in sizes] for _ in range(n_rounds)]
    for size, measured in zip(sizes, zip(*rounds, strict=True), strict=True):
        medians = {name: float(np.median([one[name] for one in measured])) for name in measured[0]}
        total = medians["import"] + medians["split"] + medians["pairs"]
        cells = [f"{medians[name]:,.1f}" for name in ("import", "split", "pairs", "peak_mib")]
        table.add_row(f"{size:,}", *cells, f"{1e6 * total / size:,.0f}", f"{medians['recall']:.3f}")
    console.print(table)


if __name__ == "__main__":
    main()
