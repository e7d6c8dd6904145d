"""Words that two texts share, for a person to check."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from ticketkin.lexical.function_words import FUNCTION_WORDS
from ticketkin.lexical.tfidf import TermStatistics
from ticketkin.lexical.words import word_parts, word_spans, written_words

_MOST_COMMON = 0.2
"""Words that stand in a larger share of all texts say nothing of two that share them."""
_LEAST_IDF = float(np.log(1 / _MOST_COMMON) + 1)


@dataclass(frozen=True)
class Piece:
    """A part of a text."""

    text: str
    is_shared: bool
    """Whether it is a word that the other text holds, too."""


def pieces(statistics: TermStatistics, text: str, other: str) -> list[Piece]:
    """Return a text in pieces, which joined give it, cut at the words that `other` holds, too.

    Words that stand in more than a fifth of all texts are not taken for shared.
    """
    theirs = frozenset(statistics.tokenize(other))
    words = [(span, _whole_term(statistics, text[slice(*span)])) for span in word_spans(text)]
    shared = sorted({term for _, term in words if term in theirs})
    telling = {term for term, idf in zip(shared, statistics.idf_of(shared), strict=True) if idf > _LEAST_IDF}
    cut: list[Piece] = []
    done = 0
    for (start, end), term in words:
        if term in telling:
            if start > done:
                cut.append(Piece(text[done:start], is_shared=False))
            cut.append(Piece(text[start:end], is_shared=True))
            done = end
    if done < len(text):
        cut.append(Piece(text[done:], is_shared=False))
    return cut


def words_apart(statistics: TermStatistics, text: str, other: str, n_words: int) -> list[str]:
    """Return words that only `text` holds, the weightiest by TF-IDF first, as it writes them.

    Words that no text of the corpus holds weigh half: most of them are misspelt.
    """
    theirs = frozenset(statistics.tokenize(other))
    counts: Counter[str] = Counter()
    written: dict[str, str] = {}
    for word in written_words(text):
        term = None if word.lower() in FUNCTION_WORDS else _whole_term(statistics, word)
        if term is not None and term not in theirs:
            counts[term] += 1
            written.setdefault(term, word)
    idf = statistics.idf_of(list(counts))
    weights = np.array([1 + np.log(n) for n in counts.values()]) * np.where(
        idf < np.float32(statistics.unseen_idf), idf, idf / 2
    )
    heaviest = [list(counts)[place] for place in np.argsort(-weights, kind="stable")]
    return [written[term] for term in heaviest[:n_words]]


def _whole_term(statistics: TermStatistics, word: str) -> str | None:
    """Return the term of a whole word, not of a part of it; None for a word that says nothing."""
    return next(iter(statistics.tokenize(word)), None)


def shared_words(statistics: TermStatistics, one: str, other: str, n_words: int) -> list[str]:
    """Return words that both texts hold, the weightiest by TF-IDF first, as `one` writes them.

    Of a word such as `wks-003` that `other` does not hold whole, only the parts that it holds are named.
    Function words are no evidence, however rare they are in a small set of tickets.
    """
    mine, written = _written_terms(statistics.tokenize, one)
    theirs = Counter(statistics.tokenize(other))
    shared = sorted(mine.keys() & theirs.keys())
    repeats = np.array([(1 + np.log(mine[term])) * (1 + np.log(theirs[term])) for term in shared])
    weights = repeats * statistics.idf_of(shared) ** 2
    heaviest = [written[shared[place]] for place in np.argsort(-weights, kind="stable")]
    named = [first.word if first.whole in theirs else first.part for first in heaviest]
    telling = [word for word in named if word.lower() not in FUNCTION_WORDS]
    return list(dict.fromkeys(telling))[:n_words]


@dataclass(frozen=True)
class _Written:
    """Where a term was first written."""

    word: str
    whole: str
    """The term of the whole word."""
    part: str


@lru_cache(maxsize=8)  # a ticket is compared with each of its nearest
def _written_terms(
    tokenize: Callable[[str], list[str]], text: str
) -> tuple[Counter[str], Mapping[str, _Written]]:
    """Return how often each term is in a text, and where it was first written."""
    counts: Counter[str] = Counter()
    written: dict[str, _Written] = {}
    for word in written_words(text):
        terms = tokenize(word)
        counts.update(terms)
        for part in (word, *word_parts(word)) if len(terms) > 1 else (word,):
            for term in tokenize(part)[:1]:
                written.setdefault(term, _Written(word, terms[0], part))
    return counts, written
