"""Every refusal of the service as a problem document (RFC 9457): what came, what is allowed, what to do."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException

from ticketkin.core.errors import (
    InputError,
    ModelNotReadyError,
    RunLockedError,
    StoreUnavailableError,
    TicketkinError,
)
from ticketkin.core.faults import as_ticketkin_error
from ticketkin.service.refusals import RefusedError

MEDIA_TYPE = "application/problem+json"
_RETRY_SECONDS = "2"


class Problem(BaseModel):
    """Why a request was refused."""

    title: str = Field(description="The status in words.", examples=["Not Found"])
    status: int = Field(examples=[404])
    detail: str = Field(
        description="What came, what is allowed, and what to do.",
        examples=["No ticket 'INC0' is stored; give the id or number of one that was sent here"],
    )
    faults: list[str] = Field(default=[], description="Each fault of the request by its place.")


def problem(
    status: int, detail: str, faults: list[str] | None = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Return a response that says why a request was refused."""
    body = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, faults=faults or [])
    return JSONResponse(
        body.model_dump(mode="json"), status, headers=dict(headers or {}), media_type=MEDIA_TYPE
    )


def responses(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Return the description of a route's refusals, for its documentation."""
    content = {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}
    return {
        status: {"description": HTTPStatus(status).phrase, "content": content, "model": Problem}
        for status in statuses
    }


def answer_errors(app: FastAPI) -> None:
    """Let every error of a request end in a problem document; none shows a traceback or a ticket's text."""
    app.add_exception_handler(TicketkinError, _refusal)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(Exception, _fault)


def _refusal(_: Request, error: Exception) -> JSONResponse:
    if isinstance(error, RefusedError):
        return problem(error.status, str(error), headers=error.headers)
    if isinstance(error, InputError):
        return problem(422, str(error))
    if isinstance(error, StoreUnavailableError | RunLockedError):
        return problem(503, str(error), headers={"Retry-After": _RETRY_SECONDS})
    return problem(409 if isinstance(error, ModelNotReadyError) else 500, str(error))


def _invalid(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for it
    faults = [
        f"{'.'.join(str(part) for part in fault['loc']) or 'the body'}: {fault['msg']}"
        for fault in error.errors()
    ]
    return problem(422, "The request is not as the interface describes it; see /openapi.json", faults)


def _http(_: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for it
    return problem(error.status_code, error.detail, headers=error.headers)


def _fault(request: Request, error: Exception) -> JSONResponse:
    known = as_ticketkin_error(error)
    if known is not None:
        return _refusal(request, known)
    return problem(500, "This is a fault of the service; its log names the kind of error and the place")
