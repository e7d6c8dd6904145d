"""Whether the service lives, and whether it can answer."""

from fastapi import APIRouter
from fastapi.responses import JSONResponse

from ticketkin.service.problems import responses
from ticketkin.service.serving_state import Readiness, Serving

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
