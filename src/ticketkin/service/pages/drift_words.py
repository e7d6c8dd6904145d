"""Whether tickets have changed, in the words of a service desk."""

from dataclasses import dataclass

from ticketkin.core.wording import number_of
from ticketkin.service.drift import Drift
from ticketkin.service.pages.wording import FIELD_TITLES
from ticketkin.serving.drift import FEWEST_COMPARED

_TITLES = {
    "words": "Words of a ticket that were rare or unknown",
    "length": "Length of half of the texts, at most",
    "nearest": "Score of the nearest ticket, in the middle",
    "likely_kin": "Tickets whose nearest one is likely kin",
}
_SHORT_TITLES = {
    "words": "the words",
    "length": "the length of texts",
    "nearest": "how near the nearest ticket is",
    "likely_kin": "how many have a likely kin",
}


@dataclass(frozen=True)
class DriftLine:
    """One row of the table."""

    title: str
    before: str
    now: str
    has_shifted: bool
    index: float
    examples: str


def drift_headline(drift: Drift) -> str:
    """Return in a sentence whether the tickets changed, and what to do."""
    if not drift.n_reference:
        return (
            "Not known: the model was bundled by an earlier release, which kept no counts to compare with. "
            "Bundle the run again."
        )
    if not drift.is_known:
        few = min(drift.n_tickets, drift.n_reference)
        enough = f"it takes {FEWEST_COMPARED}"
        return f"Not known yet: {number_of(few, 'ticket is', 'tickets are')} too few to compare; {enough}."
    if not drift.has_shifted:
        return "No drift seen: the newest tickets are like those that the model was made from."
    changed = [_short_title(one.quantity) for one in drift.shifts if one.stability.has_shifted]
    return (
        f"The tickets changed: {', '.join(changed)}. The numbers above may hold no more for them; a new run "
        "on an export of today is due."
    )


def drift_lines(drift: Drift) -> list[DriftLine]:
    """Return the rows of the table, those that changed first."""
    ordered = sorted(drift.shifts, key=lambda one: not one.stability.has_shifted)
    return [
        DriftLine(
            title=_title(one.quantity),
            before=_amount(one.quantity, one.before),
            now=_amount(one.quantity, one.now),
            has_shifted=one.stability.has_shifted,
            index=one.stability.index,
            examples=", ".join(one.examples),
        )
        for one in ordered
    ]


def _title(quantity: str) -> str:
    if quantity in _TITLES:
        return _TITLES[quantity]
    return f"Tickets with a {FIELD_TITLES[quantity]} that no other one had"


def _short_title(quantity: str) -> str:
    return _SHORT_TITLES.get(quantity) or f"the {FIELD_TITLES[quantity]}"


def _amount(quantity: str, value: float) -> str:
    if quantity == "length":
        return f"{value:,.0f} characters"
    if quantity == "nearest":
        return f"{value:.2f}"
    return f"{100 * value:.0f} of 100"
