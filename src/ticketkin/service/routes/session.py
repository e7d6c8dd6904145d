"""A browser signs in and out."""

from datetime import timedelta
from typing import Annotated

from fastapi import APIRouter, Request, Response, Security

from ticketkin.service.access_schemas import SignedIn, SignInIn
from ticketkin.service.problems import responses
from ticketkin.service.refusals import NotSignedInError
from ticketkin.service.serving_state import Serving
from ticketkin.service.signing_in import SESSION_COOKIE, Agent, session_cookie, set_session
from ticketkin.store.audit import put_audit
from ticketkin.store.keys import close_session, open_session

router = APIRouter(prefix="/v1", tags=["session"])


@router.post("/session", responses=responses(401, 403, 413, 422, 429, 503))
def sign_in(given: SignInIn, request: Request, response: Response, serving: Serving) -> SignedIn:
    """Sign in a browser by a key: it gets a cookie that only this service reads, and no script."""
    serving.limit.take(request.client.host if request.client is not None else "")
    lasts = timedelta(hours=serving.settings.session_hours)
    with serving.corpus.database.transaction() as connection:
        opened = open_session(connection, given.key, lasts)
        if opened is None:
            raise NotSignedInError("The key is unknown, expired or revoked; ask for one")
        session, identity = opened
        put_audit(connection, identity.name, "signed in")
    set_session(response, request, session, lasts)
    return SignedIn(name=identity.name, role=identity.role)


@router.get("/session", responses=responses(401, 403, 429, 503))
def who(identity: Agent) -> SignedIn:
    """Return who is signed in."""
    return SignedIn(name=identity.name, role=identity.role)


@router.delete("/session", responses=responses(403, 503))
def sign_out(
    response: Response, serving: Serving, session: Annotated[str | None, Security(session_cookie)]
) -> dict[str, str]:
    """End the session of a browser."""
    if session:
        with serving.corpus.database.transaction() as connection:
            close_session(connection, session)
        serving.identities.forget()
    response.delete_cookie(SESSION_COOKIE, httponly=True, samesite="strict")
    return {"status": "signed out"}
