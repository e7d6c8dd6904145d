"""TF-IDF whose vocabulary and document frequencies are fitted once, and then frozen."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from scipy.sparse import csr_matrix

from ticketkin.core.arrays import AnyArray, SavedArrays
from ticketkin.core.tables import FloatArray
from ticketkin.lexical.bm25 import of_unit_length
from ticketkin.lexical.neighbours import Analyzer, make_analyzer, make_vectorizer
from ticketkin.lexical.sparse_rows import with_weights
from ticketkin.lexical.vocabulary import Vocabulary


@dataclass(frozen=True)
class TermStatistics:
    """What TF-IDF knows of a corpus; weights are those of `tfidf_matrix` on the texts it was fitted on."""

    analyzer: Analyzer
    vocabulary: Vocabulary
    idf: FloatArray
    """Of each term of the vocabulary, shape (n_terms,)."""
    unseen_idf: float
    """Of a word that no text of the corpus held. Unseen n-grams of characters do not count."""

    @classmethod
    def fit(cls, texts: Sequence[str], analyzer: Analyzer) -> "TermStatistics":
        """Count the terms of `texts`. Their order does not matter."""
        vectorizer = make_vectorizer(analyzer)
        counts_unseen = analyzer == "word"
        unseen = float(np.log(1 + len(texts)) + 1)
        try:
            vectorizer.fit(texts)
        except ValueError:  # no term at all, as in texts that are all empty
            empty = Vocabulary.of([], counts_unseen=counts_unseen)
            return cls(analyzer, empty, np.zeros(0, dtype=np.float32), unseen)
        terms = vectorizer.get_feature_names_out().tolist()
        vocabulary = Vocabulary.of(terms, counts_unseen=counts_unseen)
        idf = np.zeros(len(vocabulary.keys), dtype=np.float32)
        idf[vocabulary.columns(terms)] = vectorizer.idf_
        return cls(analyzer, vocabulary, idf, unseen)

    @cached_property
    def tokenize(self) -> Callable[[str], list[str]]:
        """Function from a text to its terms, in order."""
        return make_analyzer(self.analyzer)

    def rows(self, texts: Sequence[str]) -> csr_matrix:
        """Return unit-length rows, shape (n_texts, n_columns), float32, of texts fitted on or not."""
        weighted = self.vocabulary.count(texts, self.tokenize)
        idf = np.full(weighted.nnz, self.unseen_idf, dtype=np.float32)
        seen = weighted.indices < len(self.idf)
        idf[seen] = self.idf[weighted.indices[seen]]
        return of_unit_length(with_weights(weighted, (1 + np.log(weighted.data)) * idf))

    def same_as(self, other: "TermStatistics") -> bool:
        """Return whether `rows` of both are the same of any text."""
        return (
            self.analyzer == other.analyzer
            and self.unseen_idf == other.unseen_idf
            and np.array_equal(self.vocabulary.keys, other.vocabulary.keys)
            and np.array_equal(self.idf, other.idf)
        )

    def idf_of(self, terms: Sequence[str]) -> FloatArray:
        """Return the inverse document frequency of each term, shape (n_terms,), 0 where it does not count."""
        columns = np.array(self.vocabulary.columns(terms), dtype=np.int64)
        idf = np.full(len(columns), self.unseen_idf, dtype=np.float32)
        seen = (columns >= 0) & (columns < len(self.idf))
        idf[seen] = self.idf[columns[seen]]
        idf[columns < 0] = 0.0
        return idf

    def arrays(self) -> dict[str, AnyArray]:
        """Return the arrays to save."""
        return {
            f"{self.analyzer}_keys": self.vocabulary.keys,
            f"{self.analyzer}_idf": self.idf,
            f"{self.analyzer}_unseen_idf": np.array([self.unseen_idf]),
        }

    @classmethod
    def from_arrays(cls, arrays: SavedArrays, analyzer: Analyzer) -> "TermStatistics":
        """Rebuild from saved arrays. Raises UnreadableFileError where they don't fit together."""
        vocabulary = Vocabulary.from_arrays(arrays, f"{analyzer}_keys", counts_unseen=analyzer == "word")
        return cls(
            analyzer,
            vocabulary,
            arrays.get(f"{analyzer}_idf", np.float32, (len(vocabulary.keys),)),
            float(arrays.get(f"{analyzer}_unseen_idf", np.float64, (1,))[0]),
        )
