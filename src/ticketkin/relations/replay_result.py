"""What a replay of past weeks gave: the lines agents would have read, and how many of them were right."""

from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from ticketkin.core.wording import number_of
from ticketkin.evaluation.bootstrap import Interval
from ticketkin.relations.bands import REPORTED_BANDS, ReportedBand

_DAYS_A_WEEK = 7
_NOUNS = {"duplicate": "duplicates", "related": "related tickets", "causal": "causes"}


@dataclass(frozen=True)
class ReplayedLine:
    """One line that an agent would have read."""

    opened_at: str
    ticket_id: str
    title: str
    kind: str
    band: ReportedBand
    probability: float
    other_id: str
    other_title: str
    linked_as: str
    """What people linked the two as; none where they did not."""
    was_learned_from: bool
    """The ticket opened while the model's training and evaluation tickets did."""

    @property
    def is_right(self) -> bool:
        """Whether people linked the two as it says."""
        return self.kind == self.linked_as


@dataclass(frozen=True)
class ReplayQuality:
    """What lines of a kind were worth; those that would have been said, or said and suggested together."""

    kind: str
    band: ReportedBand
    """'suggest' counts what is said, too: whoever reads suggestions reads both."""
    n_lines: int
    n_right: int
    precision: Interval
    """Share of the lines that were right, with Wilson's 95 % interval."""
    n_tickets_with_kin: int
    """Tickets of which people linked an earlier one so."""
    n_tickets_helped: int
    """Those of them that would have got a right line."""
    recall: Interval
    """Share of the tickets with kin that were helped, with Wilson's 95 % interval."""
    false_alarms_per_1000_tickets: float


@dataclass(frozen=True)
class Replay:
    """The result."""

    since: str
    until: str
    """Opening times of the first and the last ticket that was asked."""
    n_tickets: int
    learned_until: str
    """When the last ticket opened whose links the model learned from; empty where that is not known."""
    n_learned_from: int
    """Of the tickets, those that opened up to then: their links may have been learned."""
    n_judged: int
    """Tickets that the numbers are of: the later ones, or all where there are none."""
    n_links: int
    qualities: list[ReplayQuality]
    lines: list[ReplayedLine]
    """In order of opening."""

    @property
    def is_proof(self) -> bool:
        """Whether the numbers are of tickets that the model could not have learned from."""
        return bool(self.learned_until) and self.n_learned_from < self.n_tickets

    @property
    def headline(self) -> str:
        """The first line: what would have been said, and how much of it was right."""
        said, suggested = (
            "; ".join(
                f"{quality.n_lines:,} {_NOUNS[quality.kind]}, {quality.n_right:,} of them rightly"
                for quality in self.qualities
                if quality.band == band and quality.n_lines
            )
            for band in REPORTED_BANDS
        )
        time = f"In {self._weeks} ({number_of(self.n_judged, 'ticket')}), Ticketkin would have"
        if said:
            return f"{time} said outright: {said}."
        return f"{time} said nothing outright, and suggested {suggested or 'nothing'}."

    @property
    def caution(self) -> str:
        """What must be known before the numbers are believed."""
        if self.is_proof:
            return (
                f"The model learned from tickets up to {self.learned_until[:10]}; the numbers are of the "
                f"{number_of(self.n_judged, 'ticket')} that opened later."
            )
        if not self.learned_until:
            return "Up to when the model learned is not known, so these numbers may flatter it."
        return (
            f"The model learned from tickets up to {self.learned_until[:10]}, and all of these opened "
            "before, so the numbers flatter it. Replay tickets that opened later."
        )

    @property
    def _weeks(self) -> str:
        judged = [datetime.fromisoformat(time) for time in (self.since, self.until)]
        days = max(1, (judged[1] - judged[0]).days + 1)
        n_weeks = round(days / _DAYS_A_WEEK)
        return f"these {number_of(n_weeks, 'week')}" if n_weeks > 1 else number_of(days, "day")

    def to_json(self) -> dict[str, Any]:
        """Return plain values for JSON."""
        return {"headline": self.headline, "caution": self.caution, **asdict(self)}
