"""Encoding: every runtime against plain sentence-transformers, with what it costs in fidelity.

Called by `speed.py`. Rates come from rounds in which all ways take turns on the same tickets, so that their
ratios hold on a machine whose pace changes.
"""

import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

from ticketkin.core.tables import FloatArray, Links, Tickets
from ticketkin.encoders.cache import EmbeddingCache
from ticketkin.encoders.dense import DenseRanker
from ticketkin.encoders.encoding import encode_texts
from ticketkin.encoders.loading import load_folder, packaged_model
from ticketkin.encoders.runtime import TextEncoder, load_runtime
from ticketkin.encoders.runtime.exporting import ensure_export
from ticketkin.encoders.runtime.fidelity import measure_fidelity
from ticketkin.encoders.runtime.record import EXPORT_PACKAGES, installed
from ticketkin.encoders.runtime.serving import export_folder
from ticketkin.encoders.settings import EncoderSettings, Runtime
from ticketkin.evaluation.retrieval import evaluate_retrieval, queries_with_kin
from ticketkin.tickets.composing import compose_texts
from ticketkin.tickets.importing import import_tickets
from ticketkin.tickets.kin import kin_groups
from ticketkin.tickets.link_files import links_from_file
from ticketkin.tickets.links import links_from_tickets
from ticketkin.tickets.sample import write_sample
from ticketkin.tickets.settings import LinkSettings, TicketSettings

RUNTIMES: tuple[Runtime, ...] = ("openvino", "openvino-int8", "onnx-int8")
SETTINGS = EncoderSettings(offline=True, device="cpu")
N_CALIBRATION = 300
N_COLD_STARTS = 3
_COLD = """
import sys, time
started = time.perf_counter()
from pathlib import Path
from ticketkin.encoders.runtime import load_runtime
load_runtime(Path(sys.argv[1]), sys.argv[2]).encode(["the printer on the second floor is out of order"])
print(time.perf_counter() - started)
"""


@dataclass(frozen=True)
class Corpus:
    """Tickets to encode: those that are judged, and others to calibrate with."""

    name: str
    texts: list[str]
    calibration: list[str]
    mrr: Callable[[FloatArray], float]
    """MRR of the kin links among `texts`."""

    @classmethod
    def of(cls, name: str, tickets: Tickets, links: Links, n_judged: int) -> "Corpus":
        """Return `n_judged` tickets, whole kin groups first; the rest calibrates."""
        texts = compose_texts(tickets, TicketSettings().template)
        groups = kin_groups(tickets, links).group
        sizes = np.bincount(groups)[groups]
        order = np.lexsort((np.arange(len(texts)), groups, sizes == 1))
        judged, rest = np.sort(order[:n_judged]), order[n_judged:][-N_CALIBRATION:]
        mine = Tickets(tickets.frame[judged.tolist()])
        queries = queries_with_kin(np.arange(len(judged)), groups[judged], mine.visibility)

        def mrr(embeddings: FloatArray) -> float:
            ranker = DenseRanker(name, embeddings)
            scores = evaluate_retrieval(ranker, queries, groups[judged], mine.visibility)
            return float(scores.per_query("mrr").mean())

        return cls(name, [texts[row] for row in judged], [texts[row] for row in rest], mrr)


def eclipse(folder: Path, n_judged: int) -> Corpus:
    """Return reports of Eclipse with their duplicate links."""
    tickets = import_tickets([folder / "reports.csv"], TicketSettings()).tickets
    links = links_from_file(folder / "pairs.csv", tickets, LinkSettings()).links
    return Corpus.of("Eclipse", tickets, links, n_judged)


def sample(n_judged: int) -> Corpus:
    """Return tickets of the built-in sample."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "sample.csv"
        write_sample(path, n_judged + N_CALIBRATION, 1)
        tickets = import_tickets([path], TicketSettings()).tickets
    return Corpus.of("sample", tickets, links_from_tickets(tickets).links, n_judged)


def encoders_at_hand(corpus: Corpus, folder: Path) -> dict[str, TextEncoder]:
    """Return the packaged model in torch and in every runtime that is installed; exports lie in `folder`."""
    source = folder / "encoder"
    if not source.exists():
        shutil.copytree(packaged_model().folder, source)
    encoder = load_folder(source, SETTINGS)
    encoders = {"torch": load_runtime(source, "torch", SETTINGS)}
    for runtime in RUNTIMES:
        if len(installed(EXPORT_PACKAGES[runtime])) == len(EXPORT_PACKAGES[runtime]):
            ensure_export(encoder, runtime, corpus.calibration, export_folder(source, runtime))
            encoders[runtime] = load_runtime(source, runtime, SETTINGS)
    return encoders


def rates(
    corpus: Corpus, encoders: dict[str, TextEncoder], n_timed: int, n_rounds: int
) -> dict[str, list[float]]:
    """Return seconds of each round by way; every `n_timed`-th of the corpus is encoded."""
    some = corpus.texts[:: max(1, len(corpus.texts) // n_timed)][:n_timed]
    model = load_folder(packaged_model().folder, SETTINGS).model
    ways: dict[str, Callable[[Sequence[str]], object]] = {
        "SentenceTransformer.encode": lambda texts: model.encode(list(texts), show_progress_bar=False),
        **{name: encoder.encode for name, encoder in encoders.items()},
    }
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(n_rounds + 1):
        for name, encode in ways.items():
            started = time.perf_counter()
            encode(some if turn else some[:16])  # the first turn warms up
            if turn:
                seconds[name].append(time.perf_counter() - started)
    return seconds


def alone(encoder: TextEncoder, texts: Sequence[str]) -> tuple[float, float]:
    """Return the median and the 99th percentile of the milliseconds that one text takes alone."""
    collected = []
    for text in texts:
        started = time.perf_counter()
        encoder.encode([text])
        collected.append(1_000 * (time.perf_counter() - started))
    return float(np.median(collected)), float(np.percentile(collected, 99))


def cold_start(folder: Path, runtime: str) -> float:
    """Return the median seconds from a fresh process's first import to its first embedding."""
    command = [sys.executable, "-c", _COLD, str(folder), runtime]
    done = [subprocess.run(command, capture_output=True, text=True, check=True) for _ in range(N_COLD_STARTS)]
    return float(np.median([float(one.stdout.split()[-1]) for one in done]))


def show(corpus: Corpus, work: Path, n_timed: int, n_rounds: int, console: Console) -> None:
    """Print the table of one corpus."""
    folder = work / corpus.name
    encoders = encoders_at_hand(corpus, folder)
    seconds = rates(corpus, encoders, n_timed, n_rounds)
    plain = seconds["SentenceTransformer.encode"]
    cache = EmbeddingCache(work / "cache")
    embeddings = {
        name: encode_texts(encoder.model, corpus.texts, cache, SETTINGS) for name, encoder in encoders.items()
    }
    table = Table(
        *("runtime", "tickets/s", "ratio", "cosine", "lowest", "overlap@10", "MRR", "alone ms", "p99 ms"),
        *("cold s", "neighbours"),
        box=None,
        title=f"{corpus.name}: {len(corpus.texts):,} tickets judged, {n_timed:,} timed",
    )
    for name, spent in seconds.items():
        ratio = float(np.median([one / other for one, other in zip(plain, spent, strict=True)]))
        cells = [name, f"{n_timed / np.median(spent):,.1f}", f"{ratio:.2f}"]
        if name in encoders:
            close = measure_fidelity(embeddings["torch"], embeddings[name], ratio, corpus.mrr)
            middle, slowest = alone(encoders[name], corpus.texts[:100])
            some = corpus.texts[:40]
            one_by_one = np.concatenate([encoders[name].encode([text]) for text in some])
            cells += [f"{close.cosine_mean:.5f}", f"{close.cosine_lowest:.4f}", f"{close.overlap_at_10:.3f}"]
            cells += [f"{close.mrr_exported:.4f}", f"{middle:.1f}", f"{slowest:.1f}"]
            cells += [f"{cold_start(folder / 'encoder', name):.2f}"]
            cells += [f"{np.abs(encoders[name].encode(some) - one_by_one).max():.1e}"]
        table.add_row(*cells)
    console.print(table)
