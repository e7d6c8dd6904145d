"""Near-identical texts: tickets written by one template, found by MinHash.

Broder, "On the resemblance and containment of documents" (1997). Signatures are cut into bands
(locality-sensitive hashing), so that only texts sharing a band are compared: near-linear in the
number of tickets.
"""

import re
from collections.abc import Sequence
from zlib import crc32

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ticketkin.core.progress import SILENT, Progress, track
from ticketkin.core.tables import IntArray

_N_HASHES = 64
_N_BANDS = 16
_SHINGLE_WORDS = 3
# So few texts are compared each with each, which is quicker than sorting them into bands.
_FEW_TEXTS = 100
_BAND_MIX = np.random.default_rng(1998).integers(1, 1 << 63, _N_HASHES // _N_BANDS, dtype=np.uint64)
_GENERATOR = np.random.default_rng(1997)
_MULTIPLIERS = _GENERATOR.integers(1, 1 << 32, _N_HASHES, dtype=np.uint64) | np.uint64(1)
_OFFSETS = _GENERATOR.integers(0, 1 << 32, _N_HASHES, dtype=np.uint64)
_WORD_MIX = np.array([1_000_003, 8_191, 31], dtype=np.uint64)
# Texts whose shingles are hashed at once: a new ticket's nearest, and never more than memory holds.
_TEXTS_A_BLOCK = 64
_WORD = re.compile(r"[^\W\d_]+")
Signatures = npt.NDArray[np.uint32]
"""MinHash signatures, shape (n_texts, _N_HASHES); all ones for a text without words."""


def normalise(text: str) -> str:
    """Return the words of a text in lower case; numbers, ids and punctuation are what templates vary."""
    return " ".join(_words(text))


def _words(text: str) -> list[str]:
    return _WORD.findall(text.lower())


class _WordNumbers(dict[str, int]):
    """The number of each word, the same in every process, so that signatures can be kept."""

    def __missing__(self, word: str) -> int:
        number = self[word] = crc32(word.encode())
        return number


def signatures_of(texts: Sequence[str], progress: Progress = SILENT) -> Signatures:
    """Return MinHash signatures over word shingles: those of a text are the same wherever they are made."""
    number_of = _WordNumbers()
    signatures = np.full((len(texts), _N_HASHES), np.iinfo(np.uint32).max, dtype=np.uint32)
    rows: list[int] = []
    waiting: list[npt.NDArray[np.uint64]] = []
    for row, text in enumerate(track(texts, progress, "templates", len(texts))):
        words = _words(text)
        if words:
            rows.append(row)
            waiting.append(_shingles(np.array([number_of[word] for word in words], dtype=np.uint64)))
        if len(waiting) == _TEXTS_A_BLOCK:
            signatures[rows] = _smallest_hashes(waiting)
            rows, waiting = [], []
    if waiting:
        signatures[rows] = _smallest_hashes(waiting)
    return signatures


def _shingles(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.uint64]:
    """Return a number for each run of words of one text; of a shorter text, one for all of it."""
    width = min(_SHINGLE_WORDS, len(words))
    n_runs = len(words) - width + 1
    runs: npt.NDArray[np.uint64] = words[:n_runs] * _WORD_MIX[0]
    for place in range(1, width):
        runs += words[place : place + n_runs] * _WORD_MIX[place]
    return runs


def _smallest_hashes(shingles: Sequence[npt.NDArray[np.uint64]]) -> Signatures:
    """Return the smallest of each hash over the shingles of each text, shape (n_texts, _N_HASHES)."""
    starts = np.cumsum([0, *(len(own) for own in shingles[:-1])])
    # Multiply-shift hashing keeps the high half of a 64-bit product.
    mixed = (np.concatenate(shingles) * np.uint64(0x9E3779B97F4A7C15)) >> np.uint64(16)
    hashed = ((mixed[:, None] * _MULTIPLIERS + _OFFSETS) >> np.uint64(32)).astype(np.uint32)
    smallest: npt.NDArray[np.uint32] = np.minimum.reduceat(hashed, starts, axis=0)
    return smallest


def template_groups(texts: Sequence[str], threshold: float, progress: Progress = SILENT) -> IntArray:
    """Return the template number of each text, shape (n_texts,).

    Two texts share a number if a chain of texts joins them whose estimated Jaccard similarity of
    word 3-shingles is at least `threshold`. Texts without words are alone.
    """
    return template_groups_of(signatures_of(texts, progress), threshold)


def template_groups_of(signatures: Signatures, threshold: float) -> IntArray:
    """Return the template number of each text by its signature, as `template_groups`."""
    n_texts = len(signatures)
    filled = np.flatnonzero((signatures != np.iinfo(np.uint32).max).any(axis=1))
    edges = _all_pairs if len(filled) <= _FEW_TEXTS else _pairs_by_bands
    joined = edges(signatures, filled, threshold)
    graph = coo_array((np.ones(joined.shape[1], dtype=np.int8), joined), shape=(n_texts, n_texts))
    groups: IntArray = connected_components(graph, directed=False)[1].astype(np.int64)
    return groups


def _all_pairs(signatures: Signatures, filled: IntArray, threshold: float) -> IntArray:
    """Return the pairs of a few texts that are alike, shape (2, n_pairs)."""
    own = signatures[filled]
    n_same = np.count_nonzero(own[:, None, :] == own[None, :, :], axis=2)
    alike = n_same / _N_HASHES >= threshold
    pairs: IntArray = filled[np.stack(np.nonzero(np.triu(alike, 1)))]
    return pairs


def _pairs_by_bands(signatures: Signatures, filled: IntArray, threshold: float) -> IntArray:
    """Return pairs that join what is alike of many texts, shape (2, n_pairs)."""
    edges: list[npt.NDArray[np.int64]] = []
    rows_per_band = len(_BAND_MIX)
    for band in range(_N_BANDS):
        part = signatures[filled, band * rows_per_band : (band + 1) * rows_per_band]
        # One 64-bit key a band: two bands that collide are told apart by the comparison below.
        keys = part.astype(np.uint64) @ _BAND_MIX
        _, bucket = np.unique(keys, return_inverse=True)
        order = np.argsort(bucket, kind="stable")
        members, buckets = filled[order], bucket[order]
        first = np.flatnonzero(np.r_[True, np.diff(buckets) > 0])
        leader = members[np.repeat(first, np.diff(np.r_[first, len(members)]))]
        previous = np.r_[members[:1], members[:-1]]
        # Compared with the bucket's first and with its neighbour: linear, and chains join the rest.
        for other in (leader, np.where(np.r_[True, np.diff(buckets) > 0], members, previous)):
            differ = members != other
            left, right = members[differ], other[differ]
            alike = (signatures[left] == signatures[right]).mean(axis=1) >= threshold
            edges.append(np.stack([left[alike], right[alike]]))
    return np.concatenate(edges, axis=1)
