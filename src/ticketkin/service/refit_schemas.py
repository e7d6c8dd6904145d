"""What goes out about refits of the ranking."""

from datetime import datetime
from typing import Self

from ticketkin.service.refitting import ANSWERS_BETWEEN, can_refit
from ticketkin.service.strict_model import Strict
from ticketkin.serving.bundle import Bundle
from ticketkin.store.database import Transaction
from ticketkin.store.refits import StoredRefit, answering_refit, count_standing, refits_of


class RefitOut(Strict):
    """One refit, and how it did on answers that its weights never saw."""

    number: int
    fitted_at: datetime
    n_answers: int
    """Pairs with an answer that it was fitted on."""
    n_random: int
    """Those of them that were drawn at random: by these it is judged."""
    loss_before: float | None
    """Mean logarithmic loss of the bundle's own weights on these; none without any."""
    loss_after: float | None
    """Of the refit, each pair by weights that never saw its tickets."""
    gain: float | None
    """What the loss fell by, with a 95 % interval."""
    gain_low: float | None
    gain_high: float | None
    is_taken_over: bool
    """Whether it was no worse, and answers or answered."""
    withdrawn_at: datetime | None
    """When an administrator let the bundle's own weights answer again."""

    @classmethod
    def of(cls, stored: StoredRefit) -> Self:
        """Return a stored refit."""
        return cls(**{name: getattr(stored, name) for name in cls.model_fields})


class RefitsOut(Strict):
    """The refits of the bundle that answers."""

    bundle: str
    is_possible: bool
    """Whether the bundle carries what refits need: a learned ranking, and rows of its run."""
    answering: int
    """Number of the refit that answers; 0 for the bundle's own weights."""
    n_answers_to_next: int
    """New answers after which the ranking is fitted anew."""
    refits: list[RefitOut]
    """The newest first."""

    @classmethod
    def of(cls, connection: Transaction, bundle: Bundle, most: int) -> Self:
        """Return what the database says."""
        stored = refits_of(connection, bundle.id, most)
        before = stored[0].n_standing if stored else 0
        return cls(
            bundle=bundle.id,
            is_possible=can_refit(bundle),
            answering=answering_refit(connection, bundle.id) or 0,
            n_answers_to_next=max(0, before + ANSWERS_BETWEEN - count_standing(connection)),
            refits=[RefitOut.of(one) for one in stored],
        )
