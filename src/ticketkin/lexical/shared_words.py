"""Words that two texts share, for a person to check."""

from collections import Counter

import numpy as np

from ticketkin.lexical.tfidf import TermStatistics
from ticketkin.lexical.words import written_words


def shared_words(statistics: TermStatistics, one: str, other: str, n_words: int) -> list[str]:
    """Return words that both texts hold, the weightiest by TF-IDF first, as `one` writes them."""
    tokenize = statistics.tokenize
    mine: Counter[str] = Counter()
    written: dict[str, str] = {}
    for word in written_words(one):
        for term in tokenize(word):
            mine[term] += 1
            written.setdefault(term, word)
    theirs = Counter(tokenize(other))
    shared = sorted(mine.keys() & theirs.keys())
    repeats = np.array([(1 + np.log(mine[term])) * (1 + np.log(theirs[term])) for term in shared])
    weights = repeats * statistics.idf_of(shared) ** 2
    heaviest = [written[shared[place]] for place in np.argsort(-weights, kind="stable")]
    return list(dict.fromkeys(heaviest))[:n_words]
