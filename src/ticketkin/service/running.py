"""One process of the service, from a bundle and a database to an address that answers."""

import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from ipaddress import ip_address
from pathlib import Path

from ticketkin.core.errors import InputError, JobError
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.run_ownership import owning_run
from ticketkin.core.user_folders import user_folder
from ticketkin.service.app import create_app
from ticketkin.service.corpus import Corpus
from ticketkin.service.settings import ServiceSettings
from ticketkin.serving.bundle import Bundle
from ticketkin.serving.incoming import tickets_of_files
from ticketkin.serving.manifest import MANIFEST
from ticketkin.store.database import DATABASE_URL, Database

_GRACE_SECONDS = 3
"""For requests that are being answered when the service is stopped."""
_DATABASE, _INDEXES = "database", "indexes"


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


def default_data(bundle: Path, url: str | None) -> Path:
    """Return where a service keeps its own: beside the bundle, or in the user's cache beside a server's.

    Not in the bundle, which is replaced whole.
    """
    if url is not None:
        cache = user_folder("XDG_CACHE_HOME", ".cache")
        return (cache or bundle.absolute().parent) / "ticketkin" / "service"
    run = owning_run(bundle / MANIFEST)
    if run is not None:
        return run / "service"
    whole = bundle.absolute()
    return whole.with_name(f"{whole.name}-service")


def serve(
    request: ServeRequest, announce: Callable[[str], None] = lambda _: None, progress: Progress = SILENT
) -> None:
    """Answer until the process is asked to stop. `announce` is told the address once it answers.

    Raises InputError where the address may not be used without sign-in, JobError where it is taken; as
    `Bundle.open`, `Database.open` and `tickets_of_files`.
    """
    import uvicorn

    settings = request.settings
    _check_address(settings)
    url = os.environ.get(DATABASE_URL) or None
    data = request.data or default_data(request.bundle, url)
    bundle = Bundle.open(request.bundle, request.redact_words)
    with _listening(settings) as listener, Database.open(url, data / _DATABASE) as database:
        progress.say(f"Store: {'the database of ' + DATABASE_URL if url else data}")
        corpus = Corpus(bundle, database, data / _INDEXES)
        try:
            _store_files(corpus, request, progress)
            app = create_app(corpus, settings)
            app.state.serving.warm_up()
            announce(_address(listener))
            config = uvicorn.Config(
                app,
                access_log=False,  # a path names tickets
                log_level="warning",
                server_header=False,
                timeout_graceful_shutdown=_GRACE_SECONDS,
            )
            uvicorn.Server(config).run(sockets=[listener])
        finally:
            corpus.close()


def _store_files(corpus: Corpus, request: ServeRequest, progress: Progress) -> None:
    if not request.tickets:
        return
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
            "sign-in only 127.0.0.1, ::1 and localhost are allowed"
        )


def _listening(settings: ServiceSettings) -> socket.socket:
    try:
        family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((settings.host, settings.port), family=family, backlog=2_048)
    except OSError as error:
        raise JobError(
            f"The address {settings.host}:{settings.port} can't be used: {error.strerror or error}. Choose "
            "another port with --port"
        ) from error


def _address(listener: socket.socket) -> str:
    host, port = listener.getsockname()[:2]
    return f"http://{f'[{host}]' if ':' in host else host}:{port}/"
