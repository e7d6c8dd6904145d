"""What it costs a service to store tickets one by one, as a ticket system sends them.

    python benchmarks/single_posts.py runs/demo/bundle incidents.csv --posts 100

Stores the export in an embedded server and then further tickets of the same texts one at a time; each is in
the database and found before the next. Counted is the time that this process computes, encoding included, and
not that of the server or of others on the machine.
"""

import argparse
import statistics
import tempfile
import time
from pathlib import Path

import polars as pl

from ticketkin.core.tables import Tickets
from ticketkin.service.corpus import Corpus
from ticketkin.serving.bundle import Bundle
from ticketkin.serving.incoming import tickets_of_files
from ticketkin.store.database import Database
from ticketkin.store.embedded import EmbeddedServer

_WARM_UP = 5


def _more(tickets: Tickets, number: int) -> Tickets:
    """Return one ticket with the text of a stored one and an id of its own."""
    row = tickets.frame[[number % len(tickets)]]
    suffix = pl.lit(f"-again{number}")
    return Tickets(row.with_columns(ticket_id=pl.col("ticket_id") + suffix, number=pl.col("number") + suffix))


def main() -> None:
    """Store an export, then tickets one at a time, and print what each cost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("export", type=Path)
    parser.add_argument("--posts", type=int, default=100)
    asked = parser.parse_args()
    bundle = Bundle.open(asked.bundle)
    tickets = tickets_of_files([asked.export], bundle.ticket_settings, bundle.pseudonymising).tickets
    with tempfile.TemporaryDirectory(prefix="kin-") as folder:
        server = EmbeddedServer(Path(folder) / "pg")
        with Database(server.url) as database:
            corpus = Corpus(bundle, database, Path(folder) / "indexes")
            corpus.store(tickets)
            for number in range(_WARM_UP):
                corpus.store(_more(tickets, number))
            computed, waited = time.process_time(), []
            for number in range(_WARM_UP, _WARM_UP + asked.posts):
                begun = time.perf_counter()
                corpus.store(_more(tickets, number))
                waited.append(time.perf_counter() - begun)
            computed = (time.process_time() - computed) / asked.posts
            corpus.close()
        server.stop()
    print(
        f"{len(tickets):,} tickets stored, then {asked.posts} one by one: {1_000 * computed:.0f} ms of this "
        f"process each; median from call to return {1_000 * statistics.median(waited):.0f} ms"
    )


if __name__ == "__main__":
    main()
