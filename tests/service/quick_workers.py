"""Workers over an application that says who answers. A process of its own, it writes the port."""

import asyncio
import os
import socket
import sys
from functools import partial

from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn import Config

from ticketkin.core.errors import JobError
from ticketkin.service.workers import Spreading, run_workers

SECONDS_BUSY = 0.05


async def telling(scope: Scope, receive: Receive, send: Send) -> None:
    """Answer with the process id, after a while."""
    if scope["type"] == "http":
        await asyncio.sleep(SECONDS_BUSY)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": str(os.getpid()).encode()})


class Telling:
    """Makes the application in the worker."""

    def __call__(self) -> ASGIApp:
        """Return it."""
        return Spreading(telling)


class Failing:
    """Never starts."""

    def __call__(self) -> ASGIApp:
        """End the worker."""
        sys.exit("no bundle")


def show(port: int) -> None:
    """Write the port."""
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()


def main() -> None:
    """Run two workers of the kind that is named, until a signal comes."""
    makes = {"telling": Telling, "failing": Failing}[sys.argv[1]]()
    with socket.create_server(("127.0.0.1", 0), backlog=100) as listener:
        port = listener.getsockname()[1]
        config = Config(makes, factory=True, workers=2, log_level="warning", lifespan="off")
        try:
            run_workers(config, listener, partial(show, port))
        except JobError as error:
            sys.exit(f"refused: {error}")


if __name__ == "__main__":
    main()
