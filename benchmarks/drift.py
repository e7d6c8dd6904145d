"""Whether drift is seen where tickets changed, and none where they did not, on a tracker of several years.

    python benchmarks/drift.py        # Duraspace: a run without LoRA and a service, some minutes on two cores

A run learns from two thirds of the reports that opened before a day (`--until`), drawn at random. A service
over its bundle stores them, then the third that was put aside, then what opened later, three months at a
time. The first table says after each step what Trust shows of the newest four weeks. The second compares
parts as a whole, in the same way: the third that was put aside is of the same time, so nothing may change.
"""

import argparse
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table

from ticketkin.core.tables import Tickets
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.service.corpus import Corpus
from ticketkin.service.drift import DriftMonitor
from ticketkin.serving.bundle import Bundle
from ticketkin.serving.drift import MOST_SCORED, Shift, best_scores, read_drift_reference, shifts
from ticketkin.serving.incoming import tickets_of_files
from ticketkin.store.database import Database
from ticketkin.store.embedded import EmbeddedServer
from ticketkin.workflows.configuration import Job
from ticketkin.workflows.job import run_job
from ticketkin.workflows.settings import Settings

SHARED = Path(os.environ.get("TICKETKIN_DATA", Path(__file__).parents[1] / "../shared/data"))


def split(source: Path, until: str, work: Path, seed: int) -> dict[str, Path]:
    """Write the parts of an export by opening time, and return their files: learned, aside and later."""
    frame = pl.read_csv(source, infer_schema=False)
    opened = frame["created"].str.to_datetime("%Y-%m-%dT%H:%M:%S%.3f%z", time_zone="UTC")
    is_earlier = opened.dt.strftime("%Y-%m-%d") < until
    earlier, later = frame.filter(is_earlier), frame.filter(~is_earlier)
    aside = earlier.sample(fraction=1 / 3, seed=seed)
    parts = {"learned": earlier.join(aside, on="id", how="anti"), "aside": aside, "later": later}
    work.mkdir(parents=True, exist_ok=True)
    for name, part in parts.items():
        part.write_csv(work / f"{name}.csv")
    return {name: (work / f"{name}.csv").resolve() for name in parts}


def bundle_of(learned: Path, links: Path, work: Path) -> Bundle:
    """Run the main job without LoRA, or go on with it, and return its bundle."""
    candidates = ("lexical", "base", "hybrid", "head", "fusion")
    settings = Settings(candidates=candidates, encoder=EncoderSettings(offline=True))
    run_job(Job(sources=(learned,), links_file=links.resolve(), settings=settings), work / "run")
    return Bundle.open(work / "run" / "bundle")


def by_time(tickets: Tickets, every: str) -> Iterator[tuple[str, Tickets]]:
    """Yield tickets of one time after the other, with the month that it begins with."""
    starts = pl.col("opened_at").dt.truncate(every)
    for (start,), part in tickets.frame.sort("opened_at").group_by(starts, maintain_order=True):
        yield f"{start:%Y-%m}", Tickets(part)


def compared(corpus: Corpus, tickets: Tickets) -> list[Shift]:
    """Return how far stored tickets, all of them, are from those that the model was made from."""
    kin = corpus.kin
    reference = read_drift_reference(kin.bundle.folder)
    rows = np.array([kin.index.row_of(name) for name in tickets.ids], dtype=np.int64)
    given = kin.index.embedded(rows)
    scorer, retriever = kin.bundle.scorer, kin.index.retriever
    if reference is None or retriever is None:
        raise SystemExit("the bundle keeps no counts of its tickets, or no ticket is stored")
    newest = np.arange(max(0, len(rows) - MOST_SCORED), len(rows))
    scores = best_scores(scorer, retriever, given.take(newest))
    return shifts(reference, given.tickets, given.texts, scorer.state.words, scores)


def row(name: str, n_tickets: int, measured: Sequence[Shift]) -> list[str]:
    """Return a row: the indexes of all quantities, those that changed with their numbers."""
    cells = []
    for one in measured:
        index = f"{one.stability.index:.2f}"
        moved = f"**{index}** ({one.before:.2f} to {one.now:.2f})"
        cells.append(f"{one.quantity} {moved if one.stability.has_shifted else index}")
    return [name, f"{n_tickets:,}", ", ".join(cells) or "too few to compare"]


def main() -> None:
    """Print both tables."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--reports", type=Path, default=SHARED / "duraspace" / "reports.csv")
    parser.add_argument("--links", type=Path, default=SHARED / "duraspace" / "links.csv")
    parser.add_argument("--until", default="2011-07-01", help="the day from which on reports are later ones")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--work", type=Path, default=Path("runs/drift"))
    asked = parser.parse_args()
    parts = split(asked.reports, asked.until, asked.work, asked.seed)
    bundle = bundle_of(parts["learned"], asked.links, asked.work)
    tickets = {
        name: tickets_of_files([path], bundle.ticket_settings, bundle.pseudonymising).tickets
        for name, path in parts.items()
    }
    shown = Table("stored so far", "compared", "index of each quantity, **changed**", box=None)
    whole = Table("part", "compared", "index of each quantity, **changed**", box=None)
    with tempfile.TemporaryDirectory(prefix="kin-") as folder:
        server = EmbeddedServer(Path(folder) / "pg")
        with Database(server.url) as database:
            corpus = Corpus(bundle, database, Path(folder) / "indexes")
            steps = [("learned", tickets["learned"]), ("aside", tickets["aside"])]
            for name, part in [*steps, *by_time(tickets["later"], "1q")]:
                corpus.store(part)
                drift = DriftMonitor(corpus).drift()
                shown.add_row(*row(name, drift.n_tickets, drift.shifts))
            for name, part in [*steps[1:], *by_time(tickets["later"], "1y")]:
                whole.add_row(*row(name, len(part), compared(corpus, part)))
            corpus.close()
        server.stop()
    for table in (shown, whole):
        Console(width=220).print(table)


if __name__ == "__main__":
    main()
