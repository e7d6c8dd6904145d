"""Silver links: what word overlap and category suggest where people left no link.

The classic recipe: positives above 0.5 TF-IDF cosine. Such labels are circular; whoever resembles
the labeller wins on them.
"""

from collections.abc import Sequence

import numpy as np
import polars as pl

from ticketkin.core.config import LinkSettings
from ticketkin.core.errors import NotEnoughDataError
from ticketkin.core.tables import LINKS_SCHEMA, Kind, Links, Origin, Tickets
from ticketkin.lexical.neighbours import tfidf_neighbours

_POSITIVE_ABOVE = 0.5
_POSITIVE_SHARE = 0.4
_N_NEIGHBOURS = 5


def silver_links(tickets: Tickets, texts: Sequence[str], settings: LinkSettings, seed: int) -> Links:
    """Return up to 40 % of `silver_pairs` duplicate links between similar tickets, origin silver.

    Their negatives (30 % hard from the same category, 30 % easy across categories, both below 0.3)
    are drawn when pairs are built. Raises NotEnoughDataError where fewer than three pairs of
    tickets resemble each other.
    """
    neighbours = tfidf_neighbours(texts, _N_NEIGHBOURS)
    rows, places = np.nonzero(neighbours.similarities > _POSITIVE_ABOVE)
    others = neighbours.indices[rows, places]
    pairs = np.unique(np.sort(np.stack([rows, others], axis=1), axis=1), axis=0)
    if len(pairs) < 3:
        raise NotEnoughDataError(
            f"No link from people was found, and only {len(pairs)} pairs of tickets share enough words for "
            "silver links; give people's links with --links FILE"
        )
    n_wanted = int(settings.silver_pairs * _POSITIVE_SHARE)
    if len(pairs) > n_wanted:
        chosen = np.random.default_rng(seed).choice(len(pairs), n_wanted, replace=False)
        pairs = pairs[np.sort(chosen)]
    ids = np.array(tickets.ids, dtype=object)
    frame = pl.DataFrame(
        {
            "source": ids[pairs[:, 1]].tolist(),
            "target": ids[pairs[:, 0]].tolist(),
            "kind": [Kind.DUPLICATE.value] * len(pairs),
            "origin": [Origin.SILVER.value] * len(pairs),
        },
        schema=dict(LINKS_SCHEMA),
    )
    return Links(frame)
