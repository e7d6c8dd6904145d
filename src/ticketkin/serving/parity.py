"""Whether a bundle still scores as it did when it was made: synthetic tickets, scored against each other.

The tickets are written by this package, so no text of a user is kept; what is kept are their scores.
"""

import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl

from ticketkin.core.artifacts import hash_value, write_json
from ticketkin.core.checks import Check, failed, passed, skipped
from ticketkin.core.records import read_record
from ticketkin.core.tables import FloatArray, Tickets
from ticketkin.ranking.retriever import Retriever
from ticketkin.serving.bundle import Bundle
from ticketkin.serving.manifest import COPY_AGAIN
from ticketkin.tickets.importing import import_tickets
from ticketkin.tickets.sample import write_sample
from ticketkin.tickets.settings import TicketSettings

PARITY = "parity.json"
LARGEST_DIFFERENCE = 1e-5
"""Largest allowed difference of a score; another batch or processor may add in another order, which changes
far less.
"""
_N_PROBES, _SEED = 24, 11


@dataclass(frozen=True)
class ParityRecord:
    """What the probes scored when the bundle was made."""

    probes: str
    """Hash of their texts: another release may write other ones."""
    scores: list[list[float]]
    """Of each probe against every other, 0 where it was no candidate."""
    kinds: list[list[float]]
    """Probability of each kind of each probe and the next; empty where no kinds were learned."""


def write_parity(bundle: Bundle) -> None:
    """Score the probes and keep what they scored in the bundle."""
    tickets = _probes()
    scores, kinds = _scored(bundle, tickets)
    record = ParityRecord(_fingerprint(tickets), scores.tolist(), kinds.tolist())
    write_json(bundle.folder / PARITY, vars(record))


def parity_check(bundle: Bundle) -> Check:
    """Score the probes anew and return the largest difference from what they scored."""
    code = "bundle_parity"
    record = read_record(bundle.folder / PARITY, ParityRecord, COPY_AGAIN)
    tickets = _probes()
    if _fingerprint(tickets) != record.probes:
        return skipped(
            code, "the synthetic tickets of this release are not those of the one that made the bundle"
        )
    scores, kinds = _scored(bundle, tickets)
    largest = max(_largest(scores, record.scores), _largest(kinds, record.kinds))
    shown = f"{_N_PROBES} synthetic tickets scored anew: largest difference of a score {largest:.1g}"
    if largest < LARGEST_DIFFERENCE:
        return passed(code, shown)
    return failed(
        code,
        f"{shown}, {LARGEST_DIFFERENCE:g} is allowed",
        "the bundle does not score here as it was judged; compare the versions of torch and of "
        "Ticketkin with "
        "those in report.json, or make the bundle again here",
    )


def _largest(now: FloatArray, before: list[list[float]]) -> float:
    kept = np.array(before, dtype=np.float64).reshape(-1)
    if kept.shape != now.reshape(-1).shape:
        return float("inf")
    return float(np.abs(now.reshape(-1) - kept).max()) if len(kept) else 0.0


def _probes() -> Tickets:
    """Return the probes; callers are left out, as their pseudonyms depend on the installation."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "probes.csv"
        write_sample(path, _N_PROBES, _SEED)
        tickets = import_tickets([path], TicketSettings()).tickets
    return Tickets(tickets.frame.with_columns(pl.lit("").alias("caller")))


def _fingerprint(tickets: Tickets) -> str:
    return hash_value({"tickets": tickets.frame.drop("source_row").rows()})


def _scored(bundle: Bundle, tickets: Tickets) -> tuple[FloatArray, FloatArray]:
    """Return scores, shape (n, n), and probabilities of kinds of neighbours, shape (n - 1, 4) or (0, 4)."""
    given, scorer = bundle.embed(tickets), bundle.scorer
    described = scorer.describe(given)
    candidates = scorer.candidates(Retriever(described), described)
    answer = scorer.score(described, candidates)
    scores = np.zeros((len(tickets), len(tickets)), dtype=np.float32)
    for query, rows in enumerate(candidates.rows):
        there = rows >= 0
        scores[query, rows[there]] = answer[query, there]
    if bundle.kinds is None:
        return scores, np.zeros((0, 4), dtype=np.float32)
    pairs = bundle.kinds.describe(bundle.for_kinds(given))
    places = np.arange(len(tickets))
    kinds = bundle.kinds.probabilities(pairs.take(places[:-1]), pairs.take(places[1:]))
    return scores, kinds.astype(np.float32)
