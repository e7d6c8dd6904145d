"""What the routes of one process share."""

from typing import Annotated

from fastapi import Depends, Request
from pydantic import BaseModel, ConfigDict

from ticketkin.service.corpus import Corpus
from ticketkin.service.drift import DriftMonitor
from ticketkin.service.identities import KnownIdentities
from ticketkin.service.known_families import FamilyBuilder
from ticketkin.service.limits import RateLimit
from ticketkin.service.metrics import Measures
from ticketkin.service.oidc import Provider
from ticketkin.service.open_groups import OpenGrouping
from ticketkin.service.recording import Recorder
from ticketkin.service.settings import ServiceSettings
from ticketkin.service.source_votes import SourceVotes
from ticketkin.store.suggestions import forget_questions

_MOST_SECONDS_BEHIND = 30.0
"""A process that has not seen the database for so long should get no more questions."""


class Readiness(BaseModel):
    """Whether a process can answer, and by what."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    is_ready: bool
    bundle: str
    """Id of the bundle: equal means equal answers."""
    parity: str
    """How the bundle's own probes scored here, against when it was made."""
    n_tickets: int
    """Stored tickets that answers come from."""
    change: int
    """Number of the last change of stored tickets that answers take into account."""
    seconds_behind: float | None
    """Since this process was last as new as the database; none before the first time."""


class ServingState:
    """A corpus, what is allowed, and what is kept of it for a while."""

    def __init__(self, corpus: Corpus, settings: ServiceSettings, oidc: Provider | None = None) -> None:
        self.corpus, self.settings, self.oidc = corpus, settings, oidc
        self.identities = KnownIdentities(corpus.database)
        self.limit = RateLimit(settings.most_requests_a_minute)
        self.measures = Measures(corpus)
        self.recorder = Recorder(corpus.database, self.measures.questions_lost.inc)
        self.families = FamilyBuilder(corpus)
        self.open_groups = OpenGrouping(corpus)
        self.drift = DriftMonitor(corpus)
        self.source_votes = SourceVotes(corpus)

    def start(self) -> None:
        """Follow the database and keep what is shown, in threads of their own."""
        with self.corpus.database.transaction() as connection:
            forget_questions(connection, self.settings.keeps_questions_days)
        self.corpus.start_following()
        self.recorder.start()

    def stop(self) -> None:
        """Keep what waits to be kept; the corpus is closed by whoever opened it."""
        self.recorder.close()

    def links_changed(self) -> None:
        """Let the next answer know what a person has just said."""
        self.corpus.catch_up()
        self.families.forget()

    def readiness(self) -> Readiness:
        """Return whether questions can be answered."""
        model = self.corpus.active
        state = model.state
        is_ready = (
            model.is_ready and state.seconds_behind <= _MOST_SECONDS_BEHIND and not self.corpus.misses_switch
        )
        return Readiness(
            is_ready=is_ready,
            bundle=model.bundle.id,
            parity="not tested yet" if model.parity is None else model.parity.evidence,
            n_tickets=state.n_tickets,
            change=state.change,
            seconds_behind=None if state.seconds_behind == float("inf") else state.seconds_behind,
        )


def _of_request(request: Request) -> ServingState:
    state: ServingState = request.app.state.serving
    return state


Serving = Annotated[ServingState, Depends(_of_request)]
