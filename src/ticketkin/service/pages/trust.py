"""Trust: what was proven of what answers, how often it was right in use, and what answered before."""

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from ticketkin.evaluation.bootstrap import Interval
from ticketkin.evaluation.stratified import stratified_share
from ticketkin.reports.wording import plain_words
from ticketkin.service.model_schemas import ModelsOut
from ticketkin.service.pages.drift_words import drift_headline, drift_lines
from ticketkin.service.pages.rendering import signed_in_page
from ticketkin.service.pages.wording import (
    ANSWER_TITLES,
    agreement,
    names_no_kin,
    readiness_words,
    right_in_use,
    statement,
)
from ticketkin.service.refit_schemas import RefitsOut
from ticketkin.service.review_questions import sampled, strata_in_use
from ticketkin.service.routes.answers import answers
from ticketkin.service.routes.model import model
from ticketkin.service.serving_state import Serving
from ticketkin.service.signing_in import Agent
from ticketkin.store.answers import pairs_of_answers
from ticketkin.store.review_draws import StatedStratum
from ticketkin.store.sync_ledger import sync_states
from ticketkin.store.use import bundles_in_use

router = APIRouter(include_in_schema=False)
_MOST_BUNDLES = 5
_MOST_REFITS = 10


@dataclass(frozen=True)
class UseLine:
    """One sort of statement, and what people said of it."""

    statement: str
    judged: StatedStratum
    right: Interval
    """Share of all that was stated so, as far as answers on random ones tell."""


@router.get("/trust")
def trust(request: Request, serving: Serving, who: Agent) -> HTMLResponse:
    """Show what was proven and what came of it."""
    with serving.corpus.database.transaction() as connection:
        strata = strata_in_use(connection, serving)
        judged_by_two = pairs_of_answers(connection)
        used = bundles_in_use(connection, _MOST_BUNDLES)
        standing = ModelsOut.of(connection)
        refits = RefitsOut.of(connection, serving.corpus.bundle, _MOST_REFITS)
        sources = sync_states(connection)
    return signed_in_page(
        request,
        who,
        "trust.html",
        place="trust",
        model=model(serving, who),
        plain=plain_words(serving.corpus.active.report),
        use=[UseLine(statement(one.kind, one.band), one, stratified_share(sampled([one]))) for one in strata],
        right_in_use=right_in_use(sampled(strata)),
        answers=answers(serving, who),
        agreement=agreement(judged_by_two),
        used=used,
        standing=standing,
        refits=refits,
        sources=sources,
        names_no_kin=names_no_kin(serving.corpus.bundle),
        answer_titles=ANSWER_TITLES,
        checks=serving.corpus.active.report.diagnostics,
        readiness_words=readiness_words(serving.corpus.active.report.readiness.tier),
    )


@router.get("/trust/drift")
def drift(request: Request, serving: Serving, who: Agent) -> HTMLResponse:
    """Show whether the tickets have changed since the model was made; scoring them takes seconds."""
    measured = serving.drift.drift()
    return signed_in_page(
        request,
        who,
        "drift.html",
        place="trust",
        drift=measured,
        headline=drift_headline(measured),
        lines=drift_lines(measured),
    )
