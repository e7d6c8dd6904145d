"""The tickets of a run as corpus states describe them: a text is read once for all that read it alike."""

from collections.abc import Mapping

from ticketkin.core.tables import FloatArray
from ticketkin.ranking.columns import EmbeddedTickets, TicketColumns
from ticketkin.ranking.corpus_state import CorpusState
from ticketkin.relations.pair_state import PairState
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.run_data import RunData


def described(data: RunData, state: CorpusState, embeddings: Mapping[str, FloatArray]) -> TicketColumns:
    """Return the tickets of a run with `embeddings`, by name, as `state` describes them.

    A state that was loaded reads texts like the one that was saved; so do several that differ in their crowd.
    """
    made = _made(data)
    for other, columns in made:
        if state.reads_like(other):
            return state.in_crowd(columns, embeddings)
    columns = state.describe(EmbeddedTickets(data.tickets, data.texts, {}), data.signatures)
    made.append((state, columns))
    return state.with_embeddings(columns, embeddings)


def described_for_kinds(data: RunData, state: PairState) -> TicketColumns | None:
    """Return the tickets of a run as a ranking described them whose terms `state` has; None without one."""
    return next((columns for ranking, columns in _made(data) if state.has_terms_of(ranking)), None)


def _made(data: RunData) -> list[tuple[CorpusState, TicketColumns]]:
    """Return what was described until now, without embeddings."""
    key = ("described", data.job.settings.tickets.template)
    made: list[tuple[CorpusState, TicketColumns]] = data.values.derive(key, (artifact.TICKETS,), list)
    return made
