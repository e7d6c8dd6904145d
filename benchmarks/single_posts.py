"""What it costs a service to store tickets one by one, as a ticket system sends them.

    python benchmarks/single_posts.py runs/demo/bundle incidents.csv --posts 100

Stores the export in an embedded server and then further tickets of the same texts one at a time; each is in
the database and found before the next. Every second one is written to the index on the disk at once, as all
would be without the buffer. Counted is the time that this process computes, encoding included, not that of
the server or of others on the machine.
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
            computed: dict[bool, list[float]] = {False: [], True: []}
            for number in range(_WARM_UP, _WARM_UP + 2 * asked.posts):
                is_written = bool(number % 2)
                before = time.process_time()
                corpus.store(_more(tickets, number))
                if is_written:
                    corpus.active.write_held()
                computed[is_written].append(time.process_time() - before)
            corpus.close()
        server.stop()
    held, written = (1_000 * statistics.mean(computed[is_written]) for is_written in (False, True))
    print(
        f"{len(tickets):,} tickets stored, then {2 * asked.posts} one by one, in turns; milliseconds of this "
        f"process each: held in memory {held:.0f}, written at once {written:.0f} ({held / written:.2f})"
    )


if __name__ == "__main__":
    main()
