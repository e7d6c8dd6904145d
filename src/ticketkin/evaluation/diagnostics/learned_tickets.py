"""Models that are asked what they have learned from."""

from collections.abc import Sequence

from ticketkin.core.checks import Check, failed, passed, warning
from ticketkin.core.wording import number_of

_CODE = "learned_tickets"


def learned_tickets(models: Sequence[str], n_before: int, n_left: int, unit: str) -> Check:
    """Say which models had learned from what would have been asked; `unit` is what is counted."""
    if n_left == n_before:
        return passed(_CODE, f"no model has learned from any {unit} that is asked")
    return warning(
        _CODE,
        f"{', '.join(models)} learned from some of these tickets. They, their kin and their templates are "
        f"asked of no model, which leaves {n_left:,} of {number_of(n_before, unit)}",
        "compare on a run of newer tickets for narrower intervals",
    )


def tuned_on_all(models: Sequence[str]) -> Check:
    """Say that models were tuned on all links of the run that they are compared on."""
    return failed(
        _CODE,
        f"{', '.join(models)} learned from all links of this run, also from those that are asked here",
        "judge it by the run's own verdict, which asks each ticket of weights that never saw its kin, or "
        "compare on a run of newer tickets",
    )


def nothing_is_left(models: Sequence[str], asked: str) -> str:
    """Return why nothing can be compared: the models have learned from all of it."""
    return (
        f"{', '.join(models)} learned from too much of {asked}: nothing is left to compare on. Compare on a "
        "run of newer tickets, or leave these models out"
    )
