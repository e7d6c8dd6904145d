"""Words that two texts share, for a person to check."""

from collections import Counter
from collections.abc import Callable, Mapping
from functools import lru_cache

import numpy as np

from ticketkin.lexical.tfidf import TermStatistics
from ticketkin.lexical.words import written_words


def shared_words(statistics: TermStatistics, one: str, other: str, n_words: int) -> list[str]:
    """Return words that both texts hold, the weightiest by TF-IDF first, as `one` writes them."""
    mine, written = _written_terms(statistics.tokenize, one)
    theirs = Counter(statistics.tokenize(other))
    shared = sorted(mine.keys() & theirs.keys())
    repeats = np.array([(1 + np.log(mine[term])) * (1 + np.log(theirs[term])) for term in shared])
    weights = repeats * statistics.idf_of(shared) ** 2
    heaviest = [written[shared[place]] for place in np.argsort(-weights, kind="stable")]
    return list(dict.fromkeys(heaviest))[:n_words]


@lru_cache(maxsize=8)  # a ticket is compared with each of its nearest
def _written_terms(tokenize: Callable[[str], list[str]], text: str) -> tuple[Counter[str], Mapping[str, str]]:
    """Return how often each term is in a text, and the word that first wrote it."""
    counts: Counter[str] = Counter()
    written: dict[str, str] = {}
    for word in written_words(text):
        for term in tokenize(word):
            counts[term] += 1
            written.setdefault(term, word)
    return counts, written
