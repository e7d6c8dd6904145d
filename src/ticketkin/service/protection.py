"""Middleware around all routes: checks of a request's origin and size, and headers of the answer."""

from collections.abc import Mapping
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ticketkin.core.wording import number_of
from ticketkin.service.problems import problem

_HEADERS: Mapping[str, str] = {
    # No script, style or picture but those of the service itself; nobody may show it in a frame.
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    # Other sites are told no address. With "no-referrer" browsers would not say where a form comes from.
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class SafeHeaders:
    """Adds headers that tell browsers what a page may do; answers are never cached."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await self._app(scope, receive, with_headers)


class OwnOrigin:
    """Refuses requests that a page of another site makes a browser send, and host names not its own.

    Browsers say where a request that changes something comes from (`Sec-Fetch-Site`, `Origin`); programs
    send neither. A name that is not the service's own could be one that points here to read answers.
    """

    def __init__(self, app: ASGIApp, hosts: frozenset[str]) -> None:
        self._app, self._hosts = app, hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] == "http":
            headers = Headers(scope=scope)
            refusal = self._refusal(scope["method"], headers)
            if refusal:
                await problem(403, refusal)(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _refusal(self, method: str, headers: Headers) -> str:
        host = _host(headers.get("host", ""))
        if self._hosts and host not in self._hosts:
            return (
                f"The service does not go by the name {host[:100]!r}; allowed are "
                f"{', '.join(sorted(self._hosts))}. Allow it with --name"
            )
        if method in _SAFE_METHODS:
            return ""
        origin = headers.get("origin")
        foreign = headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none")
        if origin is not None:
            foreign = foreign or urlsplit(origin).netloc != headers.get("host")
        return "A page of another site sent this; open the service's own page" if foreign else ""


def _host(value: str) -> str:
    """Return the name in a Host header, without its port."""
    name = value.strip().lower()
    if name.startswith("["):
        return name.partition("]")[0] + "]"
    return name.partition(":")[0]


class BodyLimit:
    """Refuses a body that is larger than allowed, before more than that of it is read."""

    def __init__(self, app: ASGIApp, most_bytes: int) -> None:
        self._app, self._most = app, most_bytes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Read the body and pass it on, or refuse it."""
        if scope["type"] != "http" or scope["method"] in _SAFE_METHODS:
            await self._app(scope, receive, send)
            return
        body = bytearray()
        declared = Headers(scope=scope).get("content-length", "0")
        is_too_large = declared.isdigit() and int(declared) > self._most
        more = not is_too_large
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                return
            body += message.get("body", b"")
            is_too_large = len(body) > self._most
            more = message.get("more_body", False) and not is_too_large
        if is_too_large:
            refusal = problem(
                413, f"The body has more than {number_of(self._most, 'byte')}; send less at once"
            )
            await refusal(scope, receive, send)
            return
        whole = bytes(body)
        is_sent = False

        async def replayed() -> Message:
            nonlocal is_sent
            if is_sent:
                return await receive()
            is_sent = True
            return {"type": "http.request", "body": whole, "more_body": False}

        await self._app(scope, replayed, send)
