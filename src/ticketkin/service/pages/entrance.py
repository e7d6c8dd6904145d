"""Signing in and out on the page, where the service asks for it."""

from typing import Annotated

from fastapi import APIRouter, Form, Request, Security
from fastapi.responses import HTMLResponse, RedirectResponse, Response

from ticketkin.service.access_schemas import SignInIn
from ticketkin.service.pages.rendering import page
from ticketkin.service.refusals import NotSignedInError
from ticketkin.service.routes import session
from ticketkin.service.serving_state import Serving
from ticketkin.service.signing_in import session_cookie

router = APIRouter(include_in_schema=False)
_Key = Annotated[str, Form(min_length=1, max_length=1_000)]
_Next = Annotated[str, Form(max_length=2_000)]


@router.get("/sign-in")
def entrance(request: Request, serving: Serving) -> HTMLResponse:
    """Ask for a key, or for an account where a provider knows them."""
    return page(request, "sign_in.html", next="/", refused="", has_provider=serving.oidc is not None)


@router.post("/sign-in")
def enter(request: Request, serving: Serving, key: _Key, next: _Next = "/") -> Response:
    """Sign in and go on to where somebody wanted to go."""
    onwards = RedirectResponse(_own_path(next), 303)
    try:
        session.sign_in(SignInIn(key=key.strip()), request, onwards, serving)
    except NotSignedInError as error:
        return page(
            request, "sign_in.html", status=401, next=_own_path(next), refused=str(error),
            has_provider=serving.oidc is not None,
        )  # fmt: skip
    return onwards


@router.post("/sign-out")
def leave(serving: Serving, cookie: Annotated[str | None, Security(session_cookie)]) -> Response:
    """Sign out."""
    onwards = RedirectResponse("/sign-in", 303)
    session.sign_out(onwards, serving, cookie)
    return onwards


def _own_path(address: str) -> str:
    """Return a path of this service; what leads elsewhere becomes the first page."""
    is_own = address.startswith("/") and not address.startswith(("//", "/\\"))
    return address if is_own and address.isprintable() else "/"
