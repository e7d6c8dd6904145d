"""A new ticket gets the scores that the verdict gave it, on a copy of the bundle with the run deleted."""

import numpy as np

from bundle_material import Judged
from ticketkin.core.tables import Tickets
from ticketkin.serving.bundle import Bundle
from ticketkin.serving.index import Index


def test_held_out_tickets_score_as_they_were_judged(judged: Judged) -> None:
    bundle = Bundle.open(judged.bundle)
    index = Index.open(judged.bundle / "index", bundle.scorer, bundle.id)
    largest = 0.0
    for place, row in enumerate(judged.rows):
        alone = bundle.embed(Tickets(judged.tickets.frame[[row]]))
        query = bundle.scorer.describe(alone)
        candidates = bundle.scorer.candidates(index.retriever, query)
        there = candidates.rows[0][candidates.rows[0] >= 0]
        scores = bundle.scorer.score(query, candidates)[0][: len(there)]
        ids = index.tickets(there).ids
        own = judged.similarities[place, [judged.tickets.position[name] for name in ids]]
        largest = max(largest, float(np.abs(scores - own).max()))
        mine = np.sort(scores)[::-1][:10]
        theirs = np.sort(judged.similarities[place])[::-1][: len(mine)]
        assert np.abs(mine - theirs).max() < 1e-5
    assert largest < 1e-5
