"""Whether the service lives, whether it can answer, and how it fares."""

from fastapi import APIRouter, Response
from fastapi.responses import JSONResponse, PlainTextResponse
from prometheus_client import CONTENT_TYPE_LATEST

from ticketkin.service.problems import responses
from ticketkin.service.serving_state import Readiness, Serving
from ticketkin.service.signing_in import Agent

router = APIRouter(tags=["health"])


@router.get("/livez")
def lives() -> dict[str, str]:
    """Say that the process answers requests."""
    return {"status": "alive"}


@router.get("/readyz", response_model=Readiness, responses=responses(403) | {503: {"model": Readiness}})
def is_ready(serving: Serving) -> JSONResponse:
    """Say whether questions can be answered: the model scores as it was judged, the store is followed."""
    readiness = serving.readiness()
    return JSONResponse(readiness.model_dump(mode="json"), 200 if readiness.is_ready else 503)


@router.get("/metrics", response_class=PlainTextResponse, responses=responses(401, 403, 429))
def metrics(serving: Serving, _: Agent) -> Response:
    """Return how much, how fast and how far behind, as Prometheus reads it."""
    return Response(serving.measures.text(), media_type=CONTENT_TYPE_LATEST)
