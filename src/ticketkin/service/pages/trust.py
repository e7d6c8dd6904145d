"""Trust: what was proven of what answers, how often it was right in use, and what answered before."""

from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import HTMLResponse

from ticketkin.evaluation.bootstrap import Interval, wilson_share
from ticketkin.relations.bands import REPORTED_BANDS
from ticketkin.reports.wording import plain_words
from ticketkin.service.pages.rendering import signed_in_page
from ticketkin.service.pages.wording import readiness_words, statement
from ticketkin.service.routes.answers import answers
from ticketkin.service.routes.model import model
from ticketkin.service.serving_state import Serving
from ticketkin.service.signing_in import Agent
from ticketkin.store.use import JudgedSuggestions, bundles_in_use, judged_suggestions

router = APIRouter(include_in_schema=False)
_NO_BAND = ""
"""Of what was shown where no kinds were learned."""
_MOST_BUNDLES = 5


@dataclass(frozen=True)
class UseLine:
    """One sort of statement, and what people said of it."""

    statement: str
    judged: JudgedSuggestions
    right: Interval
    """Share of the answered ones."""


@router.get("/trust")
def trust(request: Request, serving: Serving, who: Agent) -> HTMLResponse:
    """Show what was proven and what came of it."""
    bundle = serving.corpus.bundle.id
    with serving.corpus.database.transaction() as connection:
        judged = judged_suggestions(connection, (*REPORTED_BANDS, _NO_BAND), bundle)
        used = bundles_in_use(connection, _MOST_BUNDLES)
    return signed_in_page(
        request,
        who,
        "trust.html",
        place="trust",
        model=model(serving, who),
        plain=plain_words(serving.report),
        use=[
            UseLine(statement(one.kind, one.band), one, wilson_share(one.n_right, one.n_answered))
            for one in judged
        ],
        answers=answers(serving, who),
        used=used,
        checks=serving.report.diagnostics,
        readiness_words=readiness_words(serving.report.readiness.tier),
    )
