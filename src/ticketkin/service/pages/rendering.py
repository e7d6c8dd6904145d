"""One way to turn a template into a page."""

from functools import cache
from pathlib import Path
from typing import Any

from fastapi import Request, Response
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.staticfiles import StaticFiles

from ticketkin.core.wording import number_of, percent
from ticketkin.service.pages.wording import format_moment, format_probability
from ticketkin.service.serving_state import ServingState
from ticketkin.store.keys import Identity, Role

_HERE = Path(__file__).parent


class OwnFiles(StaticFiles):
    """Style sheet and scripts; a browser asks whether they changed, and takes the copy it has if not."""

    def __init__(self) -> None:
        super().__init__(directory=_HERE / "static")

    def file_response(self, *args: Any, **kwargs: Any) -> Response:
        """Return a file."""
        response = super().file_response(*args, **kwargs)
        response.headers["Cache-Control"] = "no-cache"
        return response


def page(request: Request, template: str, *, status: int = 200, **values: Any) -> HTMLResponse:
    """Return a page of the service."""
    serving: ServingState = request.app.state.serving
    return HTMLResponse(render(template, signs_in=serving.settings.signs_in, **values), status)


def signed_in_page(request: Request, who: Identity, template: str, **values: Any) -> HTMLResponse:
    """Return a page for somebody who may ask; what answers stands at its foot."""
    serving: ServingState = request.app.state.serving
    may_answer = who.role.may(Role.REVIEWER)
    return page(request, template, who=who, may_answer=may_answer, readiness=serving.readiness(), **values)


def render(template: str, **values: Any) -> str:
    """Return a page as HTML text; every value is escaped where it is written."""
    return _environment().get_template(template).render(**values)


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(_HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["probability"] = format_probability
    environment.filters["percent"] = percent
    environment.filters["number_of"] = number_of
    environment.filters["moment"] = format_moment
    return environment
