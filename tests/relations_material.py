"""A small desk whose links have kinds that show in the tickets."""

import numpy as np
import polars as pl

from ticket_material import make_tickets
from ticketkin.core.tables import LINKS_SCHEMA, FloatArray, Links, Tickets


def desk(n_events: int = 40, seed: int = 0) -> tuple[Tickets, Links, list[str], FloatArray]:
    """Four tickets an event: a cause, its effect an hour later, a duplicate, a relative days later."""
    generator = np.random.default_rng(seed)
    centres = generator.normal(size=(n_events, 16))
    rows, embeddings, texts = [], [], []
    links = []
    for event in range(n_events):
        start = event * 24 * 60 + int(generator.integers(0, 600))
        for part, (minutes, noise) in enumerate(((0, 0.3), (60, 0.9), (90, 0.1), (3 * 1440, 1.2))):
            rows.append((start + minutes, f"S{event % 4}", f"C{part % 3}"))
            origin = centres[event] if part != 2 else np.array(embeddings[-1])
            embeddings.append(origin + noise * generator.normal(size=16))
            texts.append(f"word{event} other{event % 7} part{part} tail{generator.integers(0, 50)}")
        first = 4 * event
        links += [
            (f"T{first}", f"T{first + 1}", "causal", "file"),
            (f"T{first + 2}", f"T{first + 1}", "duplicate", "file"),
            (f"T{first + 3}", f"T{first}", "related", "file"),
        ]
    moment = np.datetime64("2024-01-01T00:00:00")
    opened = [str(moment + np.timedelta64(minutes, "m")).replace("T", " ") for minutes, _, _ in rows]
    tickets = make_tickets(
        len(rows), opened, service=[row[1] for row in rows], category=[row[2] for row in rows],
        caller=[f"person {n % 5}" if n % 5 else "" for n in range(len(rows))],
        title=[text.split()[0] for text in texts], description=texts,
    )  # fmt: skip
    unit = np.array(embeddings) / np.linalg.norm(embeddings, axis=1, keepdims=True)
    frame = pl.DataFrame(links, schema=dict(LINKS_SCHEMA), orient="row")
    return tickets, Links(frame), texts, unit.astype(np.float32)
