"""A browser signs in at the company's own provider."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Cookie, Query, Request
from fastapi.responses import HTMLResponse, RedirectResponse

from ticketkin.service.oidc import CALLBACK, Attempt, Provider
from ticketkin.service.problems import responses
from ticketkin.service.refusals import NotSignedInError, RefusedError
from ticketkin.service.serving_state import Serving, ServingState
from ticketkin.service.signing_in import set_session
from ticketkin.store.audit import put_audit
from ticketkin.store.keys import open_session_of

router = APIRouter(tags=["session"])
_COOKIE = "ticketkin_oidc"
_ATTEMPT_SECONDS = 600
# A page of our own and no redirect: a browser does not send a strict cookie along a way that began elsewhere.
_HOME = (
    '<!doctype html><meta charset="utf-8"><meta http-equiv="refresh" content="0; url=/"><a href="/">Go on</a>'
)


class NoProviderError(RefusedError):
    """Nobody can sign in this way here."""

    status = 404


def _provider(serving: ServingState) -> Provider:
    if serving.oidc is None:
        raise NoProviderError("Sign-in by OpenID Connect is not configured here; sign in with a key")
    return serving.oidc


@router.get("/sign-in/oidc", response_class=RedirectResponse, responses=responses(403, 404, 429))
def begin(request: Request, serving: Serving) -> RedirectResponse:
    """Send a browser to the provider."""
    serving.limit.take(request.client.host if request.client is not None else "")
    attempt = Attempt.new()
    response = RedirectResponse(_provider(serving).address(attempt), 303)
    response.set_cookie(
        _COOKIE, str(attempt), max_age=_ATTEMPT_SECONDS, path="/sign-in", httponly=True, samesite="lax",
        secure=request.url.scheme == "https",
    )  # fmt: skip
    return response


@router.get(CALLBACK, response_class=HTMLResponse, responses=responses(401, 403, 404, 422, 429, 503))
def end(
    request: Request,
    serving: Serving,
    state: Annotated[str, Query(max_length=500)] = "",
    code: Annotated[str, Query(max_length=5_000)] = "",
    cookie: Annotated[str | None, Cookie(alias=_COOKIE)] = None,
) -> HTMLResponse:
    """Take a browser back from the provider, and sign it in."""
    serving.limit.take(request.client.host if request.client is not None else "")
    provider = _provider(serving)
    attempt = Attempt.of(cookie)
    if attempt is None or not code or state != attempt.state:
        raise NotSignedInError("This is not the sign-in that began in this browser; sign in again")
    identity = provider.identity(code, attempt)
    lasts = timedelta(hours=serving.settings.session_hours)
    with serving.corpus.database.transaction() as connection:
        session = open_session_of(connection, identity, lasts)
        put_audit(connection, identity.name, "signed in")
    response = HTMLResponse(_HOME)
    set_session(response, request, session, lasts)
    response.delete_cookie(_COOKIE, path="/sign-in", httponly=True, samesite="lax")
    return response
