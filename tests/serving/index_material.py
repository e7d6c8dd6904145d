"""A scorer over synthetic tickets, and tickets to store with it."""

import sys
from functools import cache
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

from ticket_material import make_tickets
from ticketkin.core.tables import FloatArray
from ticketkin.ranking.columns import EmbeddedTickets
from ticketkin.ranking.corpus_state import CorpusState
from ticketkin.ranking.single_source import SimilarityScorer

_WORDS = ("printer", "outlook", "password", "vpn", "disk", "login", "mail", "slow", "crash", "licence")
BUNDLE = "b" * 64


def embedded(names: list[str], versions: list[int]) -> EmbeddedTickets:
    """Tickets of given ids; a version stands for what one says."""
    seeds = [int(name[1:]) * 1000 + version for name, version in zip(names, versions, strict=True)]
    chosen = [np.random.default_rng(seed) for seed in seeds]
    titles = [" ".join(g.choice(_WORDS, 3)) + f" v{v}" for g, v in zip(chosen, versions, strict=True)]
    opened = [f"2024-01-{1 + seed % 20:02d} 10:{seed % 60:02d}:00" for seed in seeds]
    tickets = make_tickets(len(names), opened=opened, number=names, title=titles)
    vectors = np.array([g.normal(size=12) for g in chosen]).reshape(len(names), 12)
    unit: FloatArray = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    return EmbeddedTickets(tickets, titles, {"base": unit, "tuned": unit[:, ::-1].copy()})


@cache
def scorer() -> SimilarityScorer:
    """The ranking by the embedding 'base'; 'title' is stored beside it."""
    given = embedded([f"T{n}" for n in range(40)], [0] * 40)
    only = EmbeddedTickets(given.tickets, given.texts, {"base": given.embeddings["base"]})
    return SimilarityScorer(CorpusState.fit(only, np.arange(40)), "base")
