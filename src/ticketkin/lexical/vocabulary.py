"""A frozen vocabulary, kept as hashes of its terms: no word of any ticket can be read from it.

Each term that was there when the vocabulary was made has a column of its own. Where unseen terms count,
any other term takes one of a million further columns, chosen by its hash: two tickets that share an error
code nobody has met before still share it.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np
from scipy.sparse import csr_matrix

from ticketkin.core.arrays import AnyArray, SavedArrays
from ticketkin.core.tables import IntArray
from ticketkin.lexical.sparse_rows import sparse_rows

_UNSEEN_COLUMNS = 1 << 20
# Keeps memory and time near-linear on 200,000 templated tickets; rarer words carry the kinship.
MOST_TERMS = 200_000
# More entries of a matrix than these need starts of 64 bits.
_MOST_ENTRIES = 1 << 31


def stable_hash(text: str) -> int:
    """Return a signed 64-bit hash of a text, the same in every process and on every machine."""
    digest = hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


def stable_hashes(texts: Iterable[str]) -> IntArray:
    """Return `stable_hash` of each text, shape (n_texts,)."""
    return np.array([stable_hash(text) for text in texts], dtype=np.int64)


# A new ticket and its nearest share most of their terms, and each is looked up in several vocabularies.
_term_hash = lru_cache(maxsize=1 << 16)(stable_hash)


@dataclass(frozen=True)
class Vocabulary:
    """The terms that have a column of their own, by their hashes."""

    keys: IntArray
    """Ascending, shape (n_terms,); the place of a key is its column."""
    counts_unseen: bool
    """Whether a term without a column of its own counts at all."""

    @classmethod
    def of(cls, terms: Iterable[str], *, counts_unseen: bool) -> "Vocabulary":
        """Return the vocabulary of `terms`, in any order."""
        return cls(np.unique(stable_hashes(terms)), counts_unseen)

    @classmethod
    def from_arrays(cls, arrays: SavedArrays, name: str, *, counts_unseen: bool) -> "Vocabulary":
        """Return the vocabulary whose keys are the saved array `name`.

        Raises UnreadableFileError where they are no ascending numbers.
        """
        keys = arrays.get(name, np.int64, (None,))
        if (keys[1:] <= keys[:-1]).any():
            raise arrays.damaged(f"{name} are not in order")
        return cls(keys, counts_unseen)

    @property
    def n_columns(self) -> int:
        """Columns of the matrices that `count` returns."""
        return max(1, len(self.keys) + _UNSEEN_COLUMNS * self.counts_unseen)

    @cached_property
    def _column_of_key(self) -> dict[int, int]:
        return {key: column for column, key in enumerate(self.keys.tolist())}

    def columns(self, terms: Iterable[str]) -> list[int]:
        """Return the column of each term, -1 where it does not count."""
        columns = []
        for term in terms:
            key = _term_hash(term)
            column = self._column_of_key.get(key, -1)
            if column < 0 and self.counts_unseen:
                column = len(self.keys) + key % _UNSEEN_COLUMNS
            columns.append(column)
        return columns

    def count(self, texts: Sequence[str], tokenize: Callable[[str], list[str]]) -> csr_matrix:
        """Return term counts, shape (n_texts, n_columns), float32, columns ascending within a row."""
        known: dict[str, int] = {}
        counts: list[AnyArray] = []
        columns: list[AnyArray] = []
        starts = [0]
        for text in texts:
            terms = tokenize(text)
            new = [term for term in dict.fromkeys(terms) if term not in known]
            known.update(zip(new, self.columns(new), strict=True))
            own = np.array([column for term in terms if (column := known[term]) >= 0], dtype=np.int32)
            distinct, n_times = np.unique(own, return_counts=True)
            columns.append(distinct)
            counts.append(n_times)
            starts.append(starts[-1] + len(distinct))
        none = [np.zeros(0, dtype=np.int32)]
        return sparse_rows(
            np.concatenate(counts or none).astype(np.float32),
            np.concatenate(columns or none),
            np.array(starts, dtype=np.int32 if starts[-1] < _MOST_ENTRIES else np.int64),
            self.n_columns,
        )
