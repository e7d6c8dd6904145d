"""Words of service-desk texts: stems of plain words, and identifiers both whole and in parts."""

import re
import threading
from collections.abc import Callable, Sequence
from functools import lru_cache

import numpy as np
import Stemmer
from scipy.sparse import csr_matrix

_TOKEN = re.compile(r"[^\W_]+(?:[._:/-]*[^\W_]+)*")
_PART = re.compile(r"[^\W\d_]+|\d+")
_CAMEL = re.compile(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])")
# Only words that carry no meaning in any ticket; a long list costs recall ("not", "no", "can't").
_STOP_WORDS = (
    "a an and are as at be by for from has have i in is it its of on or that the this to was we were will"
)
_NGRAM_LENGTHS = (3, 4, 5)
# Some tens of megabytes: the titles, descriptions and whole texts of a few thousand tickets.
_TEXTS_REMEMBERED = 12_000
_OF_THREAD = threading.local()
_STOP = frozenset([*_STOP_WORDS.split(), "with", "you", "your"])


def tokenize(text: str) -> list[str]:
    """Return the terms of a text, in order.

    `NullPointerException` gives the whole and `null pointer exception`, `org.apache.sshd` the whole and
    its parts, so that error codes match exactly and words still match words.
    """
    return list(_terms(text))


@lru_cache(maxsize=_TEXTS_REMEMBERED)
def _terms(text: str) -> tuple[str, ...]:
    """Lexical search, the ranking and the kinds read the same texts one after another."""
    stem = _stem()
    terms: list[str] = []
    for token in _TOKEN.findall(text):
        parts = word_parts(token)
        lowered = token.lower()
        if len(parts) > 1:
            terms.append(lowered)
        terms.extend(stem(word) for part in parts if (word := part.lower()) not in _STOP)
    return tuple(terms)


def _stem() -> Callable[[str], str]:
    """Return a function from a word to its stem. A stemmer must not be shared between threads."""
    if not hasattr(_OF_THREAD, "stem"):
        _OF_THREAD.stem = lru_cache(maxsize=200_000)(Stemmer.Stemmer("english").stemWord)
    stem: Callable[[str], str] = _OF_THREAD.stem
    return stem


def character_ngrams(text: str) -> list[str]:
    """Return the runs of 3 to 5 characters within the words of a text, in lower case, as `char_wb` of
    scikit-learn has them: a word stands between blanks, and one shorter than a run counts once.

    Loading scikit-learn takes longer than an answer for a new ticket.
    """
    ngrams: list[str] = []
    for word in text.lower().split():
        padded = f" {word} "
        for n in _NGRAM_LENGTHS:
            ngrams.extend(padded[start : start + n] for start in range(max(1, len(padded) - n + 1)))
            if len(padded) <= n:
                break
    return ngrams


def written_words(text: str) -> list[str]:
    """Return the words that `tokenize` splits a text into, as the text writes them."""
    return _TOKEN.findall(text)


def word_parts(word: str) -> list[str]:
    """Return the plain words and numbers within a word: `sshd.Null2` has `sshd`, `Null` and `2`."""
    return _PART.findall(_CAMEL.sub(" ", word))


def word_spans(text: str) -> list[tuple[int, int]]:
    """Return where each of the `written_words` begins and ends."""
    return [match.span() for match in _TOKEN.finditer(text)]


def count_terms(texts: Sequence[str], vocabulary: dict[str, int]) -> csr_matrix:
    """Return term counts, shape (n_texts, len(vocabulary)); new terms are added to `vocabulary`."""
    indices: list[int] = []
    starts = [0]
    for text in texts:
        indices.extend(vocabulary.setdefault(term, len(vocabulary)) for term in tokenize(text))
        starts.append(len(indices))
    columns = np.array(indices, dtype=np.int32)
    counts = csr_matrix(
        (np.ones(len(columns), dtype=np.float32), columns, np.array(starts, dtype=np.int64)),
        shape=(len(texts), len(vocabulary)),
    )
    counts.sum_duplicates()
    return counts
