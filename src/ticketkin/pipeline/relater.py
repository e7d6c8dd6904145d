"""Two stages: retrieve the nearest tickets, then say which kind of kin each is, and why."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ticketkin.core.errors import InputError, MissingInputError
from ticketkin.core.progress import SILENT, Progress, track
from ticketkin.core.ranking import Ranker
from ticketkin.core.tables import PERSON_FIELDS, IntArray
from ticketkin.evaluation.bootstrap import Float64Array
from ticketkin.pipeline import artifacts as artifact
from ticketkin.pipeline.candidates import champion_ranker
from ticketkin.pipeline.configuration import read_job
from ticketkin.pipeline.relation_material import Material, described_pairs, load_kinds, relation_material
from ticketkin.pipeline.run_data import RunData
from ticketkin.relations.bands import Band, likeliest_kin
from ticketkin.relations.families import SAID, Tie, canonical_parent, parent_tiers
from ticketkin.relations.gates import RIGHT_DIRECTION
from ticketkin.relations.pairs import KINDS
from ticketkin.relations.scorer import KindScorer

_BLOCK_QUERIES = 128
_MOST_WORDS = 4
_CONTEXT = ("configuration_item", "service", "subcategory", "category", "assignment_group")


@dataclass(frozen=True)
class Relation:
    """One ticket beside another: what it is to it, how surely, and what a person can check."""

    ticket_id: str
    title: str
    kind: str
    probability: float
    """Calibrated, of that kind."""
    band: Band
    direction: str
    """For causes, which caused which; empty otherwise."""
    parent: str
    """For duplicates, the ticket to close it under: the first open one of the other's kin group that is
    nobody's duplicate.
    """
    evidence: list[str]

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Retrieved:
    """The nearest tickets of some queries and what the classifier thinks; of shape (n, ...)."""

    query: IntArray
    """Ticket row of each pair's query."""
    candidate: IntArray
    probabilities: Float64Array
    """Not calibrated, shape (n_pairs, 4)."""
    similarities: Float64Array
    """Of the ranking, shape (n_pairs,)."""


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
    found: list[tuple[IntArray, IntArray, Float64Array]] = []
    starts = range(0, len(queries), _BLOCK_QUERIES)
    for start in track(starts, progress, "retrieve", len(starts)):
        block = queries[start : start + _BLOCK_QUERIES]
        similarities = np.where(visibility.mask(block), ranker.similarities(block, visibility), -np.inf)
        top = np.argsort(-similarities, axis=1, kind="stable")[:, :k]
        nearest = np.take_along_axis(similarities, top, axis=1)
        places, columns = np.nonzero(np.isfinite(nearest))
        found.append((block[places], top[places, columns], nearest[places, columns].astype(np.float64)))
    query = np.concatenate([np.zeros(0, dtype=np.int64), *(a for a, _, _ in found)])
    candidate = np.concatenate([np.zeros(0, dtype=np.int64), *(b for _, b, _ in found)])
    near = np.concatenate([np.zeros(0), *(c for _, _, c in found)])
    if not len(query):
        return Retrieved(query, candidate, np.zeros((0, len(KINDS))), near)
    left, right = material.in_filing_order(query, candidate)
    earlier, later = described_pairs(kinds.state, material.given, left, right)
    return Retrieved(query, candidate, kinds.probabilities(earlier, later), near)


class Relater:
    """Relates tickets of a judged run whose relations were learned."""

    def __init__(self, data: RunData) -> None:
        """Load ranking and classifier of a run.

        Raises MissingInputError where one of them is not there yet, InputError where they do not belong
        together.
        """
        learned = data.values.read(artifact.RELATIONS_JSON)
        if not learned["learned"]:
            raise MissingInputError(f"The run has no relation model: {learned['reason']}")
        self._right_direction = learned["results"][learned["model"]]["direction_by_time"]["share_right"]
        self._data = data
        self._kinds = load_kinds(self._data)
        self._material = relation_material(self._data)
        self._ranker = champion_ranker(self._data)
        self._tiers = parent_tiers(self._data.tickets)

    @classmethod
    def of(cls, folder: Path) -> "Relater":
        """Return the relater of a run folder.

        Raises MissingInputError where `folder` is no run, and as the constructor.
        """
        job = read_job(folder)
        for place, command in ((artifact.RANKING, "evaluate"), (artifact.RELATIONS_JSON, "relations")):
            if not (folder / place).exists():
                raise MissingInputError(f"{folder} lacks {place}. Run: ticketkin {command} {folder}")
        return cls(RunData.of(folder, job))

    def relate(self, ticket_ids: Sequence[str], k: int = 10) -> dict[str, list[Relation]]:
        """Return for each ticket its nearest others with kind, probability and evidence, surest first.

        Raises InputError naming a ticket that the run does not hold.
        """
        at = self._data.tickets.position
        known = {number: row for row, number in enumerate(self._data.tickets.frame["number"]) if number}
        rows = []
        for ticket_id in ticket_ids:
            row = at.get(ticket_id, known.get(ticket_id))
            if row is None:
                raise InputError(f"The run holds no ticket {ticket_id!r}; give an id or number of its export")
            rows.append(row)
        found = retrieve_and_classify(
            self._material, self._ranker, self._kinds, np.array(rows, dtype=np.int64), k
        )
        calibrated = self._kinds.calibrated(found.probabilities, found.similarities)
        related: dict[str, list[Relation]] = {}
        for ticket_id, row in zip(ticket_ids, rows, strict=True):
            own = np.flatnonzero(found.query == row)
            told = [self._relation(row, int(found.candidate[place]), calibrated[place]) for place in own]
            order = {"say": 0, "suggest": 1, "silent": 2}
            related[ticket_id] = sorted(told, key=lambda one: (order[one.band], -one.probability))
        return related

    def said(self, k: int, progress: Progress = SILENT) -> list[Tie]:
        """Return what is said outright of every ticket and its `k` nearest earlier ones."""
        found = retrieve_and_classify(
            self._material, self._ranker, self._kinds, np.arange(len(self._data.tickets)), k, progress
        )
        calibrated = self._kinds.calibrated(found.probabilities, found.similarities)
        codes = likeliest_kin(calibrated)
        ties = []
        for place, code in enumerate(codes.tolist()):
            probability = float(calibrated[place, code])
            if self._kinds.bands.band(KINDS[code], probability) == "say":
                earlier, later = int(found.candidate[place]), int(found.query[place])
                ties.append(Tie(earlier, later, KINDS[code], SAID, probability))
        return ties

    def _relation(self, query: int, candidate: int, probabilities: Float64Array) -> Relation:
        code = int(likeliest_kin(probabilities[None, :])[0])
        band = self._kinds.bands.band(KINDS[code], float(probabilities[code]))
        if band == "silent":
            code = int(probabilities.argmax())
        kind, probability = KINDS[code], float(probabilities[code])
        tickets, groups = self._data.tickets, self._data.groups
        parent = ""
        if kind == "duplicate":
            group = [candidate, *groups.members(candidate).tolist()]
            earlier = [row for row in group if self._material.order[row] < self._material.order[query]]
            head = canonical_parent(earlier or [candidate], self._material.order, self._tiers)
            parent = tickets.ids[head]
        direction = ""
        if kind == "causal":
            direction = self._direction(candidate, query)
        return Relation(
            ticket_id=tickets.ids[candidate],
            title=self._data.titles[candidate],
            kind=kind,
            probability=probability,
            band=band,
            direction=direction,
            parent=parent,
            evidence=self._evidence(query, candidate),
        )

    def _direction(self, earlier: int, later: int) -> str:
        """Tell that the earlier caused the later, where times are known and detected causes go that way."""
        ids = self._data.tickets.ids
        if not self._data.tickets.has_times:
            return "which came first is not known: the export has no opening times"
        if self._right_direction is None:
            return "which caused which is not known: no cause was detected here to learn it from"
        if self._right_direction < RIGHT_DIRECTION:
            return (
                "which caused which is not known: the earlier is the cause in "
                f"{self._right_direction:.0%} of cases here"
            )
        return f"{ids[earlier]} caused {ids[later]}"

    def _evidence(self, query: int, candidate: int) -> list[str]:
        """Return what a person can check: shared words, the same fields, the time between."""
        told = []
        texts = self._data.texts
        words = self._kinds.shared_words(texts[query], texts[candidate], _MOST_WORDS)
        if words:
            told.append(f"both say {', '.join(words)}")
        frame = self._data.tickets.frame
        for name in (*_CONTEXT, *PERSON_FIELDS):
            value = frame[name][query]
            if value and value == frame[name][candidate]:
                which = "" if name in PERSON_FIELDS else f": {value}"
                told.append(f"same {name.replace('_', ' ')}{which}")
        if self._data.tickets.has_times:
            gap = abs((frame["opened_at"][query] - frame["opened_at"][candidate]).total_seconds())
            told.append(f"{_duration(gap)} apart")
        return told


def _duration(seconds: float) -> str:
    """Return a time span in its largest fitting unit."""
    for size, unit in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            n = round(seconds / size)
            return f"{n:,} {unit}{'s' if n != 1 else ''}"
    return "less than a minute"
