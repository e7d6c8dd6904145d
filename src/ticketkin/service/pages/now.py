"""Now: open tickets that belong together, those that grow first, and what was suggested last."""

from typing import Annotated

from fastapi import APIRouter, Query, Request
from fastapi.responses import HTMLResponse

from ticketkin.core.wording import number_of
from ticketkin.service.pages.rendering import signed_in_page
from ticketkin.service.pages.wording import names_no_kin, statement
from ticketkin.service.routes.families import open_groups
from ticketkin.service.routes.questions import suggestions
from ticketkin.service.serving_state import Serving
from ticketkin.service.signing_in import Agent

router = APIRouter(include_in_schema=False)
_SPANS = {1: "the last hour", 24: "the last day", 24 * 7: "the last week", 24 * 31: "the last month"}
_MOST_SUGGESTIONS = 12
Hours = Annotated[int, Query(ge=1, le=24 * 31)]


@router.get("/now")
def now(request: Request, serving: Serving, who: Agent, hours: Hours = 24) -> HTMLResponse:
    """Show what was suggested last; the groups come after, as they may take a while."""
    newest = suggestions(serving, who, _MOST_SUGGESTIONS).suggestions
    return signed_in_page(
        request,
        who,
        "now.html",
        place="now",
        hours=hours,
        spans=_SPANS,
        names_no_kin=names_no_kin(serving.corpus.bundle),
        newest=[(one, statement(one.kind, one.band)) for one in newest],
    )


@router.get("/now/groups")
def groups(request: Request, serving: Serving, who: Agent, hours: Hours = 24) -> HTMLResponse:
    """Show the groups of open tickets."""
    return signed_in_page(
        request,
        who,
        "groups.html",
        place="now",
        hours=hours,
        span=_SPANS.get(hours, f"the last {number_of(hours, 'hour')}"),
        names_no_kin=names_no_kin(serving.corpus.bundle),
        open=open_groups(serving, who, hours),
    )
