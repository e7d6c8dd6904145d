"""The service, from a bundle and a database to an address that answers."""

import socket
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import uvicorn
from starlette.types import ASGIApp

from ticketkin.core.errors import InputError, JobError, TicketkinError
from ticketkin.core.printing import printable_line
from ticketkin.core.progress import SILENT, Progress
from ticketkin.service.app import create_app
from ticketkin.service.corpus import Corpus
from ticketkin.service.logs import keep_texts_out
from ticketkin.service.model_switching import bundle_to_serve
from ticketkin.service.oidc import OidcSettings, Provider
from ticketkin.service.own_signals import own_signals
from ticketkin.service.place import Place
from ticketkin.service.settings import ServiceSettings
from ticketkin.service.workers import Spreading, run_workers
from ticketkin.serving.bundle import Bundle
from ticketkin.serving.incoming import tickets_of_files
from ticketkin.store.database import Database
from ticketkin.store.keys import listed_keys

_GRACE_SECONDS = 3
"""For requests that are being answered when the service is stopped."""


@dataclass(frozen=True)
class ServeRequest:
    """What to serve, and from where."""

    bundle: Path
    tickets: tuple[Path, ...] = ()
    """Exports to store first."""
    mapping: Mapping[str, str] | None = None
    """Which column of the exports is which field; by default as in the run."""
    redact_words: Path | None = None
    data: Path | None = None
    """Folder of the database, where none is named, and of this machine's indexes."""
    settings: ServiceSettings = field(default_factory=ServiceSettings)


@dataclass(frozen=True)
class Worker:
    """Makes the application of one worker, in the process of that worker."""

    bundle: Path
    """The bundle that was named; the store may have been switched to another one."""
    redact_words: Path | None
    place: Place
    settings: ServiceSettings

    def __call__(self) -> ASGIApp:
        """Return the application, ready to answer. Ends the process with a plain line where that fails."""
        try:
            with ExitStack() as opened:
                database = opened.enter_context(self.place.database())
                named = Bundle.open(self.bundle, self.redact_words)
                bundle = bundle_to_serve(database, named, self.redact_words)
                corpus = Corpus(bundle, database, self.place.indexes, n_processes=self.settings.workers)
                opened.callback(corpus.close)
                corpus.warm_up()
                oidc = OidcSettings.from_environment() if self.settings.signs_in else None
                provider = None if oidc is None else Provider(oidc)
                return Spreading(create_app(corpus, self.settings, provider, closing=opened.pop_all()))
        except TicketkinError as error:
            sys.exit(printable_line(f"A worker could not start: {error}"))


def serve(
    request: ServeRequest, announce: Callable[[str], None] = lambda _: None, progress: Progress = SILENT
) -> None:
    """Answer until the process is asked to stop. `announce` is told the address once it answers.

    Raises InputError where the address may not be used without sign-in, JobError where it is taken or no
    worker starts; as `Bundle.open`, `Database.open` and `tickets_of_files`.
    """
    settings = request.settings
    oidc = OidcSettings.from_environment() if settings.signs_in else None
    if oidc is not None:
        settings = settings.model_copy(update={"hosts": (*settings.hosts, oidc.host)})
    if not settings.signs_in:
        _check_address(settings)
    place = Place.of(request.bundle, request.data)
    bundle = Bundle.open(request.bundle, request.redact_words)
    with listening_socket(settings) as listener, place.database() as database:
        progress.say(f"Store: {place}")
        bundle = _answering(bundle, database, request.redact_words, progress)
        if settings.signs_in and oidc is None:
            _check_keys(database)
        host, port, *_ = listener.getsockname()
        address = reached_at(host, port, settings.hosts)
        if settings.workers > 1:
            if request.tickets:  # by this process, which shows how far it is; its index passes to a worker
                with closing(Corpus(bundle, database, place.indexes)) as corpus:
                    _store_files(corpus, request, progress)
            worker = Worker(request.bundle, request.redact_words, place, settings)
            config = _server_config(worker, factory=True, workers=settings.workers)
            run_workers(config, listener, lambda: announce(address))
            return
        with closing(Corpus(bundle, database, place.indexes)) as corpus:
            if request.tickets:
                _store_files(corpus, request, progress)
            app = create_app(corpus, settings, None if oidc is None else Provider(oidc))
            corpus.warm_up()
            announce(address)
            with own_signals():
                uvicorn.Server(_server_config(app)).run(sockets=[listener])


def _server_config(app: Callable[..., Any], **options: Any) -> uvicorn.Config:
    keep_texts_out()
    return uvicorn.Config(
        app,
        access_log=False,  # a path names tickets
        log_level="warning",
        server_header=False,
        timeout_graceful_shutdown=_GRACE_SECONDS,
        **options,
    )


def _answering(named: Bundle, database: Database, redact_words: Path | None, progress: Progress) -> Bundle:
    """Return the bundle that was switched to last; the named one where none was."""
    bundle = bundle_to_serve(database, named, redact_words)
    if bundle.id != named.id:
        progress.say(
            f"Model: {bundle.folder}, which this store was switched to; not {named.folder}. To let that one "
            f"answer: ticketkin models switch {named.folder} {named.folder}"
        )
    return bundle


def _store_files(corpus: Corpus, request: ServeRequest, progress: Progress) -> None:
    settings = corpus.bundle.ticket_settings
    if request.mapping is not None:
        settings = settings.model_copy(update={"mapping": dict(request.mapping)})
    incoming = tickets_of_files(request.tickets, settings, corpus.bundle.pseudonymising, progress)
    for note in incoming.notes:
        progress.say(f"  {note}")
    counts = corpus.store(incoming.tickets, progress)
    progress.say(
        f"Tickets: {counts.n_added:,} new, {counts.n_updated:,} changed, {counts.n_unchanged:,} as they were"
    )


def _check_address(settings: ServiceSettings) -> None:
    if settings.host == "localhost":
        return
    try:
        is_own = ip_address(settings.host).is_loopback
    except ValueError:
        is_own = False
    if not is_own:
        raise InputError(
            f"--host {settings.host} can be reached from other machines, and nobody has to sign in; without "
            "sign-in only 127.0.0.1, ::1 and localhost are allowed. Make keys (ticketkin keys create) and "
            "give --sign-in"
        )


def _check_keys(database: Database) -> None:
    with database.transaction() as connection:
        opening = [key for key in listed_keys(connection) if key.opens]
    if not opening:
        raise InputError(
            "--sign-in lets nobody in, as there is no key; make one: ticketkin keys create BUNDLE NAME "
            "--role administrator"
        )


def listening_socket(settings: ServiceSettings) -> socket.socket:
    """Return a socket at the address of the settings. Raises JobError where the address can't be used."""
    try:
        family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
        listener = socket.create_server((settings.host, settings.port), family=family, backlog=2_048)
        # Its connections have this, too. Otherwise the body of an answer waits until the client has
        # acknowledged the head, which it delays by 40 ms; asyncio sees to that for sockets of its own alone.
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return listener
    except OSError as error:
        raise JobError(
            f"The address {settings.host}:{settings.port} can't be used: {error.strerror or error}. Choose "
            "another port with --port"
        ) from error


def reached_at(host: str, port: int, names: Sequence[str]) -> str:
    """Return the address that people open; no browser takes "all addresses of this machine" (0.0.0.0)."""
    if ip_address(host).is_unspecified:
        host = names[0] if names else socket.gethostname()
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"
