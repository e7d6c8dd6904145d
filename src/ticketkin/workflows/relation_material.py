"""What relations are learned from and served with in a run: tickets, typed pairs, the filing order."""

from dataclasses import dataclass

import numpy as np

from ticketkin.core.artifacts import hash_path
from ticketkin.core.tables import IntArray
from ticketkin.lexical.neighbours import tfidf_matrix
from ticketkin.ranking.columns import EmbeddedTickets
from ticketkin.relations.pair_state import PairState
from ticketkin.relations.pair_tickets import PairTickets, TermRows
from ticketkin.relations.pairs import RelationPairs, filing_order, relation_pairs
from ticketkin.relations.scorer import KindScorer
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.described import described_for_kinds
from ticketkin.workflows.run_data import RunData


def fingerprints(data: RunData) -> tuple[str, str]:
    """Return the fingerprints of the untouched encoder and of the tickets of a run."""
    encoder = data.values.read(artifact.BASE_ENCODER).fingerprint
    return encoder, hash_path(data.values.path(artifact.TICKETS))


def load_kinds(data: RunData) -> KindScorer:
    """Return the model of kinds of a run.

    Raises as `KindScorer.load`, and InputError where it was learned in a run with another encoder or other
    tickets.
    """
    folder = data.values.path(artifact.RELATIONS)
    kinds = KindScorer.load(folder, data.job.settings.encoder)
    encoder, tickets = fingerprints(data)
    kinds.fitted_on.require(folder, encoder=encoder, tickets=tickets)
    return kinds


@dataclass(frozen=True)
class Material:
    """A run's tickets as kinds are learned from them and predicted for them."""

    data: RunData
    given: EmbeddedTickets
    """With the untouched embeddings, which no link has shaped."""
    order: IntArray
    """Place of each ticket in filing order."""

    def pairs(self) -> RelationPairs:
        """Return the typed pairs of the whole run, strangers beside them."""
        settings = self.data.job.settings
        return relation_pairs(
            self.data.tickets,
            self.data.links,
            self.data.groups.group,
            tfidf_matrix(self.data.texts),
            settings.seed,
            settings.relations,
            self.data.stated_kinds,
        )

    def in_filing_order(self, one: IntArray, other: IntArray) -> tuple[IntArray, IntArray]:
        """Return the pairs with the ticket that was filed first on the left."""
        first = self.order[one] < self.order[other]
        return np.where(first, one, other), np.where(first, other, one)


def relation_material(data: RunData) -> Material:
    """Return the material of a run."""
    embeddings = {"base": data.embeddings(artifact.BASE_EMBEDDINGS)}
    return Material(data, EmbeddedTickets(data.tickets, data.texts, embeddings), filing_order(data.tickets))


def described_pairs(
    state: PairState, material: Material, left: IntArray, right: IntArray
) -> tuple[PairTickets, PairTickets]:
    """Return both sides of pairs of rows; a ticket is described once, and only where a pair holds it."""
    rows, places = np.unique(np.concatenate([left, right]), return_inverse=True)
    columns = described_for_kinds(material.data, state)
    described = state.describe(
        material.given.take(rows), None if columns is None else TermRows.of(columns, rows)
    )
    return described.take(places[: len(left)]), described.take(places[len(left) :])
