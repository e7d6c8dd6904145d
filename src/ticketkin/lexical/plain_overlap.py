"""Word overlap as notebooks count it, to find labels that were cut by it; rankings use better ones."""

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_matrix

from ticketkin.core.tables import FloatArray, IntArray
from ticketkin.lexical.neighbours import paired_cosines

_ENGLISH = "english"


def plain_tfidf_cosines(texts: Sequence[str], left: IntArray, right: IntArray, *, longest: int) -> FloatArray:
    """Return the cosine of each pair by scikit-learn's TF-IDF of words up to `longest` in a row."""
    from sklearn.feature_extraction.text import TfidfVectorizer

    vectorizer = TfidfVectorizer(ngram_range=(1, longest), stop_words=_ENGLISH, dtype=np.float32)
    try:
        rows = csr_matrix(vectorizer.fit_transform(texts))
    except ValueError:  # no word at all
        return np.zeros(len(left), dtype=np.float32)
    return paired_cosines(rows, left, right)


def shared_words(texts: Sequence[str], left: IntArray, right: IntArray) -> FloatArray:
    """Return the Jaccard similarity of the words of each pair, shape (n_pairs,)."""
    from sklearn.feature_extraction.text import CountVectorizer

    vectorizer = CountVectorizer(binary=True, dtype=np.float32)
    try:
        rows = csr_matrix(vectorizer.fit_transform(texts))
    except ValueError:
        return np.zeros(len(left), dtype=np.float32)
    sizes = np.asarray(rows.sum(axis=1)).ravel()
    both = np.asarray(rows[left].multiply(rows[right]).sum(axis=1)).ravel()
    jaccard: FloatArray = both / np.maximum(sizes[left] + sizes[right] - both, 1)
    return jaccard
