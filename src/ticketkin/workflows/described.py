"""The tickets of a run as corpus states describe them: a text is read once for all that read it alike."""

from collections.abc import Mapping

from ticketkin.core.tables import FloatArray
from ticketkin.ranking.columns import EmbeddedTickets, TicketColumns
from ticketkin.ranking.corpus_state import CorpusState
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.run_data import RunData


def described(data: RunData, state: CorpusState, embeddings: Mapping[str, FloatArray]) -> TicketColumns:
    """Return the tickets of a run with `embeddings`, by name, as `state` describes them.

    A state that was loaded reads texts like the one that was saved; so do several that differ in their crowd.
    """
    key = ("described", data.job.settings.tickets.template)
    made: list[tuple[CorpusState, TicketColumns]] = data.values.derive(key, (artifact.TICKETS,), list)
    for other, columns in made:
        if state.reads_like(other):
            return state.in_crowd(columns, embeddings)
    columns = state.describe(EmbeddedTickets(data.tickets, data.texts, {}))
    made.append((state, columns))
    return state.with_embeddings(columns, embeddings)
