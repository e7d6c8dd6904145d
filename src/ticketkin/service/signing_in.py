"""Who sends a request, and whether they may: a key in the header, or the session of a browser."""

from collections.abc import Callable
from datetime import timedelta
from typing import Annotated

from fastapi import Depends, Request, Response, Security
from fastapi.security import APIKeyCookie, HTTPAuthorizationCredentials, HTTPBearer

from ticketkin.service.refusals import NotSignedInError, RefusedError
from ticketkin.service.serving_state import Serving
from ticketkin.store.keys import Identity, Role

SESSION_COOKIE = "ticketkin_session"
_THIS_MACHINE = Identity("this machine", Role.ADMINISTRATOR)
_bearer = HTTPBearer(auto_error=False, description="A key made with: ticketkin keys create")
session_cookie = APIKeyCookie(name=SESSION_COOKIE, auto_error=False, description="The session of a browser.")


def set_session(response: Response, request: Request, session: str, lasts: timedelta) -> None:
    """Give a browser the cookie of its session, which no script can read and no other site can send."""
    response.set_cookie(
        SESSION_COOKIE,
        session,
        max_age=int(lasts.total_seconds()),
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )


def _identify(
    request: Request,
    serving: Serving,
    credentials: Annotated[HTTPAuthorizationCredentials | None, Security(_bearer)],
    session: Annotated[str | None, Security(session_cookie)],
) -> Identity:
    """Return who sends a request. Raises NotSignedInError, TooManyRequestsError."""
    address = request.client.host if request.client is not None else ""
    if not serving.settings.signs_in:
        serving.limit.take(address)
        return _THIS_MACHINE
    key = None if credentials is None else credentials.credentials
    identity = serving.identities.of(key, session)
    if identity is None:
        serving.limit.take(address)
        what = (
            "The key or session is unknown, expired or revoked" if key or session else "Nobody is signed in"
        )
        raise NotSignedInError(
            f"{what}; send a key as the header Authorization: Bearer …, or sign in on the page"
        )
    serving.limit.take(identity.name)
    return identity


Somebody = Annotated[Identity, Depends(_identify)]


def _allowed(needed: Role) -> Callable[[Identity], Identity]:
    def check(identity: Somebody) -> Identity:
        if not identity.role.may(needed):
            raise RefusedError(
                f"This needs the role {needed}, and {identity.name[:60]} is signed in as {identity.role}"
            )
        return identity

    return check


Agent = Annotated[Identity, Depends(_allowed(Role.AGENT))]
Reviewer = Annotated[Identity, Depends(_allowed(Role.REVIEWER))]
Administrator = Annotated[Identity, Depends(_allowed(Role.ADMINISTRATOR))]
