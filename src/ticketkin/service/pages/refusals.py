"""Refusals as pages where a browser asks for one; programs get problem documents."""

from http import HTTPStatus

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ticketkin.service.pages.rendering import render
from ticketkin.service.problems import MEDIA_TYPE, Problem


class ReadableRefusals:
    """Turns a problem document into a page that says the same, for those who read HTML."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        if scope["type"] != "http" or "text/html" not in Headers(scope=scope).get("accept", ""):
            await self._app(scope, receive, send)
            return
        held: Message | None = None
        document = bytearray()

        async def readable(message: Message) -> None:
            nonlocal held
            if message["type"] == "http.response.start":
                kind = Headers(raw=message["headers"]).get("content-type", "")
                held = message if kind.startswith(MEDIA_TYPE) else None
            if held is None:
                await send(message)
                return
            document.extend(message.get("body", b""))
            if message["type"] == "http.response.body" and not message.get("more_body", False):
                body = _page(Problem.model_validate_json(bytes(document)), scope)
                headers = MutableHeaders(scope=held)
                headers["Content-Type"] = "text/html; charset=utf-8"
                headers["Content-Length"] = str(len(body))
                await send(held)
                await send({"type": "http.response.body", "body": body})

        await self._app(scope, receive, readable)


def _page(fault: Problem, scope: Scope) -> bytes:
    if fault.status != HTTPStatus.UNAUTHORIZED:
        return render("refusal.html", fault=fault).encode()
    address = scope["path"]
    if scope["query_string"]:
        address += f"?{scope['query_string'].decode('latin-1')}"
    onwards = address if scope["method"] == "GET" else "/"
    has_provider = scope["app"].state.serving.oidc is not None
    return render("sign_in.html", next=onwards, refused="", has_provider=has_provider).encode()
