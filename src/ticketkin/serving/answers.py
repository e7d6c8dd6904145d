"""What is said of two tickets: kind and band, direction, evidence, and how the other one was solved."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal

import numpy as np

from ticketkin.core.tables import Float64Array, FloatArray, IntArray, Tickets
from ticketkin.core.ticket_fields import PERSON_FIELDS
from ticketkin.core.ticket_row import TicketRow
from ticketkin.core.wording import percent, time_span
from ticketkin.relations.bands import Band, Bands, likeliest_kin
from ticketkin.relations.gates import RIGHT_DIRECTION
from ticketkin.relations.kinds import KINDS
from ticketkin.relations.parents import (
    CLOSED_ON_ITS_OWN,
    NO_PARENT,
    Parent,
    canonical_parent,
    is_open_tier,
    parent_tier,
    parent_tiers,
)

MOST_WORDS = 4
"""Shared words that evidence names."""
_COMPARED: tuple[
    Literal["configuration_item", "service", "subcategory", "category", "assignment_group", "caller"], ...
] = ("configuration_item", "service", "subcategory", "category", "assignment_group", "caller")
_FEWEST_WORDS_OF_A_CAUSE = 3
_BAND_ORDER: Mapping[Band | None, int] = {"say": 0, "suggest": 1, "silent": 2, None: 4}
KIN = "kin"
"""The kind where none was learned."""
NEARLY_SAME_TEXT = "nearly the same text"


@dataclass(frozen=True)
class Relation:
    """One ticket beside another: what it is to it, how surely, and what a person can check."""

    ticket_id: str
    title: str
    kind: str
    """duplicate, related, causal or none; `KIN` where no kinds were learned."""
    probability: float | None
    """Calibrated, of that kind, or of kinship; None where the ranking gives a similarity alone."""
    band: Band | None
    """None where no kinds were learned."""
    direction: str
    """For causes, which caused which; empty otherwise."""
    parent: str
    """For duplicates, the ticket to close it under: the first open one of the other's kin group that is
    nobody's duplicate. Where all are closed, the first of them.
    """
    evidence: list[str]
    similarity: float | None = None
    """Of the ranking."""
    solution: str = ""
    """Of a resolved ticket, the cause that people wrote down; empty without one."""
    alike: tuple[str, ...] = ()
    """Further tickets written by the same template, which this one stands for."""
    parent_is_open: bool = False
    """Whether people still work on the ticket that `parent` names."""
    nearly_same_text: bool = False
    """Whether its text is that of the ticket that was asked about, but for numbers and a few words: worth
    knowing even where fields and times speak against kinship.
    """

    @property
    def is_silent(self) -> bool:
        """Whether there is nothing to show a person: no kin is claimed, and the text is another one."""
        return self.band == "silent" and not self.nearly_same_text

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return asdict(self)


@dataclass(frozen=True)
class Answer:
    """What is said of one ticket."""

    ticket_id: str
    """Empty for a ticket that was given without a number."""
    title: str
    relations: list[Relation]
    """The surest first."""
    notes: list[str]
    """What a reader should know of how the ticket was read and answered."""
    bundle: str = field(default="", compare=False)
    """Id of the bundle that answered."""
    refit: int = field(default=0, compare=False)
    """Number of the refit whose weights ranked; 0 for the bundle's own."""
    features: Mapping[str, FloatArray] = field(default_factory=dict, compare=False, repr=False)
    """What the learned ranking read of each relation, by ticket id: see `ScoredPairs.rows`."""

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON, without the features."""
        return asdict(replace(self, features={}), dict_factory=_without_features)


def _without_features(values: list[tuple[str, Any]]) -> dict[str, Any]:
    return {name: value for name, value in values if name != "features"}


@dataclass(frozen=True)
class Telling:
    """How kinds of pairs are reported: the bands, and what is known of who caused whom."""

    bands: Bands
    right_direction: float | None
    """Share of detected causes that were filed first; None where none was detected."""
    has_times: bool

    def relation(
        self,
        query: TicketRow,
        candidate: TicketRow,
        calibrated: Float64Array,
        words: Sequence[str],
        parent: Callable[[], Parent],
    ) -> Relation:
        """Return what `candidate` is to `query`.

        `calibrated` (4,) holds the calibrated probability of each kind, `words` what both texts say, `parent`
        gives the ticket to close `query` under, and is asked only for a duplicate.
        """
        code = int(likeliest_kin(calibrated[None, :])[0])
        band = self.bands.band(KINDS[code], float(calibrated[code]))
        if band == "silent":
            code = int(calibrated.argmax())
        kind = KINDS[code]
        head = parent() if kind == "duplicate" else NO_PARENT
        return Relation(
            ticket_id=candidate["ticket_id"],
            title=candidate["title"],
            kind=kind,
            probability=float(calibrated[code]),
            band=band,
            direction=self._direction(candidate, query) if kind == "causal" else "",
            parent=head.ticket_id,
            evidence=evidence(query, candidate, words),
            parent_is_open=head.is_open,
        )

    def _direction(self, earlier: TicketRow, later: TicketRow) -> str:
        """Tell that the earlier caused the later, where times are known and detected causes go that way."""
        if not self.has_times:
            return "which came first is not known: the export has no opening times"
        if self.right_direction is None:
            return "which caused which is not known: no cause was detected here to learn it from"
        if self.right_direction < RIGHT_DIRECTION:
            return (
                "which caused which is not known: the earlier is the cause in "
                f"{percent(self.right_direction)} of cases here"
            )
        return f"{earlier['ticket_id']} caused {later['ticket_id']}"


def surest_first(relations: Sequence[Relation]) -> list[Relation]:
    """Return relations by band, then probability, then the ranking's similarity.

    Where nothing is said the probability is mostly that of no kin, so the nearest come first, those with
    nearly the same text before them.
    """

    def place(one: Relation) -> tuple[int, float, float]:
        sure = 0.0 if one.band == "silent" else one.probability or 0.0
        return _BAND_ORDER[one.band] + one.is_silent, -sure, -(one.similarity or 0.0)

    return sorted(relations, key=place)


def kin_relation(
    candidate: TicketRow, evidence: list[str], similarity: float, *, is_probability: bool
) -> Relation:
    """Return a relation where no kinds were learned: how near the ranking takes it to be."""
    return Relation(
        ticket_id=candidate["ticket_id"],
        title=candidate["title"],
        kind=KIN,
        probability=similarity if is_probability else None,
        band=None,
        direction="",
        parent="",
        evidence=evidence,
        similarity=similarity,
    )


def with_context(
    relation: Relation, similarity: float, solution: str, alike: Sequence[str], *, nearly_same_text: bool
) -> Relation:
    """Return a relation with the ranking's similarity, how it was solved, and who is like it."""
    same = [NEARLY_SAME_TEXT] if nearly_same_text else []
    return replace(
        relation,
        similarity=similarity,
        solution=solution,
        alike=tuple(alike),
        nearly_same_text=nearly_same_text,
        evidence=[*same, *relation.evidence],
    )


def evidence(query: TicketRow, candidate: TicketRow, words: Sequence[str]) -> list[str]:
    """Return what a person can check: shared words, the same fields, the time between."""
    shown = [f"both say {', '.join(words)}"] if words else []
    for name in _COMPARED:
        value = query[name]
        if value and value == candidate[name]:
            which = "" if name in PERSON_FIELDS else f": {value}"
            shown.append(f"same {name.replace('_', ' ')}{which}")
    if query["opened_at"] is not None and candidate["opened_at"] is not None:
        gap = abs((query["opened_at"] - candidate["opened_at"]).total_seconds())
        shown.append(f"{time_span(gap)} apart")
    return shown


def solution(ticket: TicketRow) -> str:
    """Return the cause that people wrote down when they resolved a ticket, "" without one.

    Of a duplicate nothing is taken: its notes say whose duplicate it is. Nor is a word or two such as "done".
    """
    parts = []
    code, notes = ticket["close_code"], ticket["close_notes"]
    if parent_tier(ticket) != CLOSED_ON_ITS_OWN:
        return ""
    if len(notes.split()) >= _FEWEST_WORDS_OF_A_CAUSE:
        parts.append(f"{code}: {notes}" if code else notes)
    if ticket["caused_by"]:
        parts.append(f"caused by {ticket['caused_by']}")
    if ticket["problem"]:
        parts.append(f"problem {ticket['problem']}")
    return "; ".join(parts)


def parent_among(group: Tickets, query: TicketRow, order: IntArray) -> Parent:
    """Return the ticket to close `query` under, of a kin group in which nobody is later than it.

    `order` (n,) is the place of each in filing order; where all of the group opened later, the first
    ticket of it is taken.
    """
    opened = query["opened_at"]
    earlier = [
        row
        for row, other in enumerate(group.frame["opened_at"])
        if opened is None or other is None or other < opened
    ]
    tiers = parent_tiers(group)
    row = canonical_parent(earlier or [0], order, tiers)
    return Parent(group.ids[row], is_open_tier(int(tiers[row])))


def one_of_each_template(groups: IntArray, n: int) -> list[IntArray]:
    """Return the places of the first `n` templates, in order: the first of each, then those like it.

    `groups` (n_tickets,) are template numbers of tickets, the best first.
    """
    leaders = list(dict.fromkeys(groups.tolist()))[:n]
    return [np.flatnonzero(groups == leader) for leader in leaders]
