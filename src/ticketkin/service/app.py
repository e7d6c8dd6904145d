"""The service as an ASGI application.

app = create_app(Corpus(bundle, database, folder), ServiceSettings())
"""

from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from importlib.metadata import version

from anyio import to_thread
from fastapi import FastAPI

from ticketkin.service.corpus import Corpus
from ticketkin.service.metrics import Measuring
from ticketkin.service.oidc import Provider
from ticketkin.service.pages import asking, entrance, now, review, trust
from ticketkin.service.pages import families as family_pages
from ticketkin.service.pages import proposals as proposal_pages
from ticketkin.service.pages.refusals import ReadableRefusals
from ticketkin.service.pages.rendering import OwnFiles
from ticketkin.service.problems import answer_errors
from ticketkin.service.protection import BodyLimit, OwnOrigin, SafeHeaders
from ticketkin.service.routes import (
    answers,
    families,
    health,
    model,
    oidc,
    proposals,
    questions,
    refits,
    session,
    syncs,
    tickets,
)
from ticketkin.service.serving_state import ServingState
from ticketkin.service.settings import ServiceSettings

LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})
_DESCRIPTION = """Finds the kin of a ticket: its duplicates, its relatives, its cause.

Send tickets as they open and change (`POST /v1/tickets`), and ask about one by its text or number
(`POST /v1/relate`). Refusals are problem documents (RFC 9457).
"""


def create_app(
    corpus: Corpus,
    settings: ServiceSettings,
    provider: Provider | None = None,
    closing: AbstractContextManager[object] | None = None,
) -> FastAPI:
    """Return the application; it follows the database while it runs.

    It closes `closing` when it ends; without it the corpus stays the caller's.
    """
    serving = ServingState(corpus, settings, provider)

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        with closing or nullcontext():
            if corpus.active.parity is None:
                await to_thread.run_sync(corpus.warm_up)
            await to_thread.run_sync(serving.start)
            yield
            await to_thread.run_sync(serving.stop)

    app = FastAPI(
        title="Ticketkin",
        version=version("ticketkin"),
        description=_DESCRIPTION,
        lifespan=lifespan,
        # Their pages load scripts from other sites; /openapi.json is what they would show.
        docs_url=None,
        redoc_url=None,
    )
    app.state.serving = serving
    answer_errors(app)
    doors = (health, tickets, syncs, questions, families, answers, proposals, model, refits, session, oidc)
    for part in (*doors, asking, now, family_pages, trust, review, proposal_pages, entrance):
        app.include_router(part.router)
    app.mount("/static", OwnFiles())
    # The last one added is passed first.
    app.add_middleware(BodyLimit, most_bytes=settings.most_body_bytes)
    app.add_middleware(OwnOrigin, hosts=_own_names(settings))
    app.add_middleware(ReadableRefusals)
    app.add_middleware(SafeHeaders)
    app.add_middleware(Measuring, measures=serving.measures)
    return app


def _own_names(settings: ServiceSettings) -> frozenset[str]:
    return LOOPBACK | {settings.host.lower()} | {name.lower() for name in settings.hosts}
