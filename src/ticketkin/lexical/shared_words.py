"""Words that two texts share, for a person to check."""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from ticketkin.core.tables import Float64Array, IntArray
from ticketkin.lexical.function_words import FUNCTION_WORDS
from ticketkin.lexical.tfidf import TermStatistics
from ticketkin.lexical.words import word_parts, word_spans, written_words

_MOST_COMMON = 0.2
"""Words that stand in a larger share of all texts say nothing of two that share them."""
_LEAST_IDF = float(np.log(1 / _MOST_COMMON) + 1)
_SMALLEST_WEIGHT, _DIGITS = 1e-9, 5


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
    """Return words that both texts hold, as `AskedWords.shared_with`."""
    return AskedWords.of(statistics, one).shared_with(statistics.rows([other]), 0, other, n_words)


@dataclass(frozen=True)
class _Written:
    """Where a term was first written."""

    word: str
    whole: int
    """Place of the term of the whole word among the terms of the text."""
    part: str


@dataclass(frozen=True)
class AskedWords:
    """The terms of one text, to be looked for in other texts, of which only the weights are read."""

    n_seen: int
    """Columns of terms that the corpus held; terms that it did not hold may share a column."""
    tokenize: Callable[[str], list[str]]
    terms: list[str]
    """Ascending."""
    columns: IntArray
    """Of each term in the rows of `TermStatistics`, shape (n_terms,)."""
    weights: Float64Array
    """Of each term in the text, shape (n_terms,)."""
    written: list[_Written]
    """Of each term."""

    @classmethod
    def of(cls, statistics: TermStatistics, text: str) -> "AskedWords":
        """Return the terms of a text."""
        counts, first = _written_terms(statistics.tokenize, text)
        terms = sorted(counts)
        place = {term: number for number, term in enumerate(terms)}
        repeats = np.array([1 + np.log(counts[term]) for term in terms], dtype=np.float64)
        return cls(
            len(statistics.idf),
            statistics.tokenize,
            terms,
            np.array(statistics.vocabulary.columns(terms), dtype=np.int64),
            repeats * statistics.idf_of(terms),
            [_Written(word, place[whole], part) for word, whole, part in map(first.__getitem__, terms)],
        )

    def shared_with(self, rows: csr_matrix, row: int, text: str, n_words: int) -> list[str]:
        """Return words that another text holds, too, as the asked one writes them, the weightiest first.

        They weigh by TF-IDF. `rows` of the same statistics hold the other text in `row`; `text` is read where
        a column may stand for several terms. Of a word such as `wks-003` that the other text does not hold
        whole, only the parts that it holds are named. Function words are no evidence, however rare they are
        in a small set of tickets.
        """
        own = slice(rows.indptr[row], rows.indptr[row + 1])
        columns, theirs = rows.indices[own], rows.data[own]
        if not len(columns) or not self.terms:
            return []
        place = np.searchsorted(columns, self.columns).clip(max=len(columns) - 1)
        is_shared = columns[place] == self.columns
        unsure = np.flatnonzero(is_shared & (self.columns >= self.n_seen))
        if len(unsure):
            held = frozenset(self.tokenize(text))
            is_shared[unsure] = [self.terms[number] in held for number in unsure]
        shared = np.flatnonzero(is_shared)
        weights = self.weights[shared] * theirs[place[shared]]
        # Rounded, so that terms of the same weight stay in their order whatever the last digit.
        weights = np.round(weights / weights.max(initial=_SMALLEST_WEIGHT), _DIGITS)
        firsts = [self.written[number] for number in shared[np.argsort(-weights, kind="stable")]]
        named = [first.word if is_shared[first.whole] else first.part for first in firsts]
        telling = [word for word in named if word.lower() not in FUNCTION_WORDS]
        return list(dict.fromkeys(telling))[:n_words]


def _written_terms(
    tokenize: Callable[[str], list[str]], text: str
) -> tuple[Counter[str], dict[str, tuple[str, str, str]]]:
    """Return how often each term is in a text, and the word, the term of the whole word and the part of it
    that first gave the term.
    """
    counts: Counter[str] = Counter()
    written: dict[str, tuple[str, str, str]] = {}
    for word in written_words(text):
        terms = tokenize(word)
        counts.update(terms)
        for part in (word, *word_parts(word)) if len(terms) > 1 else (word,):
            for term in tokenize(part)[:1]:
                written.setdefault(term, (word, terms[0], part))
    return counts, written
