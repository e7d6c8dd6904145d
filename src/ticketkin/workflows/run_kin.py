"""What a judged run knows of its own tickets: the nearest of each, which kind of kin it is, and why."""

from collections.abc import Sequence
from functools import partial

import numpy as np

from ticketkin.core.errors import MissingInputError
from ticketkin.core.progress import SILENT, Progress, track
from ticketkin.core.ranking import Ranker
from ticketkin.core.tables import Float64Array, IntArray
from ticketkin.lexical.shared_words import shared_words
from ticketkin.relations.bands import likeliest_kin
from ticketkin.relations.families import SAID, Tie
from ticketkin.relations.kinds import KINDS
from ticketkin.relations.parents import Parent, canonical_parent, is_open_tier, parent_tiers
from ticketkin.relations.record import KindsNotLearned
from ticketkin.relations.scorer import KindScorer
from ticketkin.relations.two_stage import Retrieved
from ticketkin.serving.answers import MOST_WORDS, Relation, Telling, surest_first
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.candidates import champion_ranker
from ticketkin.workflows.relation_material import Material, described_pairs, load_kinds, relation_material
from ticketkin.workflows.run_data import RunData

_BLOCK_QUERIES = 128


def retrieve_and_classify(
    material: Material,
    ranker: Ranker,
    kinds: KindScorer,
    queries: IntArray,
    k: int,
    progress: Progress = SILENT,
) -> Retrieved:
    """Return the `k` nearest visible tickets of each query with the probability of each kind."""
    visibility = material.data.visibility
    blocks: list[tuple[IntArray, IntArray, Float64Array]] = []
    starts = range(0, len(queries), _BLOCK_QUERIES)
    for start in track(starts, progress, "retrieve", len(starts)):
        block = queries[start : start + _BLOCK_QUERIES]
        similarities = np.where(visibility.mask(block), ranker.similarities(block, visibility), -np.inf)
        top = np.argsort(-similarities, axis=1, kind="stable")[:, :k]
        nearest = np.take_along_axis(similarities, top, axis=1)
        places, columns = np.nonzero(np.isfinite(nearest))
        blocks.append((block[places], top[places, columns], nearest[places, columns].astype(np.float64)))
    query = np.concatenate([np.zeros(0, dtype=np.int64), *(a for a, _, _ in blocks)])
    candidate = np.concatenate([np.zeros(0, dtype=np.int64), *(b for _, b, _ in blocks)])
    near = np.concatenate([np.zeros(0), *(c for _, _, c in blocks)])
    if not len(query):
        return Retrieved(query, candidate, np.zeros((0, len(KINDS))), near)
    left, right = material.in_filing_order(query, candidate)
    earlier, later = described_pairs(kinds.state, material, left, right)
    return Retrieved(query, candidate, kinds.probabilities(earlier, later), near)


class RunKin:
    """Retrieval and kinds of a judged run whose relations were learned."""

    def __init__(self, data: RunData) -> None:
        """Load ranking and classifier of a run.

        Raises MissingInputError where one of them is not there yet, InputError where they do not belong
        together.
        """
        learned = data.values.read(artifact.RELATIONS_JSON)
        if isinstance(learned, KindsNotLearned):
            raise MissingInputError(f"The run has no relation model: {learned.reason}")
        self._data = data
        self._material = relation_material(self._data)  # first: a damaged file is named as what it is
        self._kinds = load_kinds(self._data)
        self._ranker = champion_ranker(self._data)
        self._tiers = parent_tiers(self._data.tickets)
        self._telling = Telling(self._kinds.bands, learned.right_direction, self._data.tickets.has_times)

    def relate(self, ticket_ids: Sequence[str], k: int) -> dict[str, list[Relation] | None]:
        """Return for each ticket its nearest others, surest first; None for one that is not of the run."""
        at = self._data.tickets.position
        known = {number: row for row, number in enumerate(self._data.tickets.frame["number"]) if number}
        row_of = {name: at.get(name, known.get(name)) for name in ticket_ids}
        rows = list(dict.fromkeys(row for row in row_of.values() if row is not None))
        if not rows:
            return dict.fromkeys(ticket_ids)
        retrieved = retrieve_and_classify(
            self._material, self._ranker, self._kinds, np.array(rows, dtype=np.int64), k
        )
        calibrated = self._kinds.calibrated(retrieved.probabilities, retrieved.similarities)
        of_row: dict[int, list[Relation]] = {}
        for row in rows:
            own = np.flatnonzero(retrieved.query == row)
            relations = [
                self._relation(row, int(retrieved.candidate[place]), calibrated[place]) for place in own
            ]
            of_row[row] = surest_first(relations)
        return {name: None if row is None else of_row[row] for name, row in row_of.items()}

    def reported(self, k: int, progress: Progress = SILENT) -> list[Tie]:
        """Return what the model reports outright of every ticket and its `k` nearest earlier ones."""
        retrieved = retrieve_and_classify(
            self._material, self._ranker, self._kinds, np.arange(len(self._data.tickets)), k, progress
        )
        calibrated = self._kinds.calibrated(retrieved.probabilities, retrieved.similarities)
        codes = likeliest_kin(calibrated)
        ties = []
        for place, code in enumerate(codes.tolist()):
            probability = float(calibrated[place, code])
            if self._kinds.bands.band(KINDS[code], probability) == "say":
                earlier, later = int(retrieved.candidate[place]), int(retrieved.query[place])
                ties.append(Tie(earlier, later, KINDS[code], SAID, probability))
        return ties

    def _relation(self, query: int, candidate: int, calibrated: Float64Array) -> Relation:
        tickets, texts = self._data.tickets, self._data.texts
        words = shared_words(self._kinds.state.words, texts[query], texts[candidate], MOST_WORDS)
        return self._telling.relation(
            tickets.one_by_field(query),
            tickets.one_by_field(candidate),
            calibrated,
            words,
            partial(self._parent, query, candidate),
        )

    def _parent(self, query: int, candidate: int) -> Parent:
        """Return the ticket to close under, of the candidate's kin group as all links of the run tell it."""
        order = self._material.order
        group = [candidate, *self._data.groups.members(candidate).tolist()]
        earlier = [row for row in group if order[row] < order[query]]
        row = canonical_parent(earlier or [candidate], order, self._tiers)
        return Parent(self._data.tickets.ids[row], is_open_tier(int(self._tiers[row])))
