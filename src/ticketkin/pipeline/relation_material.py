"""What relations are learned from and served with: typed pairs, features, words, the filing order."""

import re
from dataclasses import dataclass

import numpy as np
from scipy.sparse import csr_matrix

from ticketkin.core.artifacts import hash_path
from ticketkin.core.tables import IntArray
from ticketkin.lexical.neighbours import tfidf_matrix, tfidf_terms
from ticketkin.lexical.words import make_tokenizer
from ticketkin.pipeline import artifacts as artifact
from ticketkin.pipeline.run_data import RunData
from ticketkin.relations.features import PairFeatureMaker
from ticketkin.relations.pairs import RelationPairs, filing_order, relation_pairs
from ticketkin.relations.saving import FittedOn


def origin_of_relations(data: RunData) -> FittedOn:
    """Return the fingerprints that bind a relation model to a run."""
    encoder = data.values.read(artifact.BASE_ENCODER)["fingerprint"]
    return FittedOn(encoder, hash_path(data.values.path(artifact.TICKETS)))


@dataclass(frozen=True)
class Material:
    """A run's tickets as the classifier of kinds sees them."""

    data: RunData
    maker: PairFeatureMaker
    words: csr_matrix
    """TF-IDF of all texts."""
    terms: list[str]
    """Of each column."""
    order: IntArray
    """Place of each ticket in filing order."""

    def pairs(self) -> RelationPairs:
        """Return the typed pairs of the whole run, strangers beside them."""
        settings = self.data.job.settings
        return relation_pairs(
            self.data.tickets,
            self.data.links,
            self.data.groups.group,
            self.words,
            settings.seed,
            settings.relations,
            self.data.told_kinds,
        )

    def in_filing_order(self, one: IntArray, other: IntArray) -> tuple[IntArray, IntArray]:
        """Return the pairs with the ticket that was filed first on the left."""
        first = self.order[one] < self.order[other]
        return np.where(first, one, other), np.where(first, other, one)

    def shared_words(self, one: int, other: int, n_words: int) -> list[str]:
        """Return words that both texts hold, the weightiest first, as the first text writes them."""
        shared = self.words[[one]].multiply(self.words[[other]]).tocoo()
        heaviest = [self.terms[column] for column in shared.col[np.argsort(-shared.data)]]
        tokenize = make_tokenizer()
        written: dict[str, str] = {}
        for word in re.findall(r"\w+(?:[._:/-]\w+)*", self.data.texts[one]):
            for term in tokenize(word):
                written.setdefault(term, word)
        words = [written[term] for term in heaviest if term in written]
        return list(dict.fromkeys(words))[:n_words]


def relation_material(data: RunData) -> Material:
    """Return the material of a run, on the untouched embeddings, which no link has shaped."""
    words, terms = tfidf_terms(data.texts)
    maker = PairFeatureMaker(
        data.tickets,
        data.embeddings(artifact.BASE_EMBEDDINGS),
        data.embeddings(artifact.TITLE_EMBEDDINGS),
        words,
        tfidf_matrix(data.titles, "characters"),
    )
    return Material(data, maker, words, terms, filing_order(data.tickets))
