"""A service on a port of its own, and a browser that says what troubles it."""

import shutil
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvicorn

from ticketkin.core.checks import passed
from ticketkin.service.app import create_app
from ticketkin.service.corpus import Corpus
from ticketkin.service.settings import ServiceSettings

_CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
_AXE = Path(__file__).parent / "axe-core" / "axe.min.js"
_STARTS_SECONDS = 30


@contextmanager
def served(corpus: Corpus, **settings: object) -> Iterator[str]:
    """Yield the address of a service over a corpus."""
    app = create_app(corpus, ServiceSettings(**settings))
    corpus.catch_up()
    corpus.active.parity = passed("bundle_parity", "not tested here")
    with socket.create_server(("127.0.0.1", 0)) as listener:
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        end = time.monotonic() + _STARTS_SECONDS
        while not server.started and time.monotonic() < end:
            time.sleep(0.02)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(timeout=10)


@contextmanager
def chromium() -> Iterator[object]:
    """Yield a browser; the test is skipped, with the reason, where there is none."""
    api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if _CHROMIUM is None:
        pytest.skip("no chromium on this machine, so the page can't be opened in a browser")
    with api.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=_CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@dataclass
class Window:
    """A page of a browser, and what went wrong in it."""

    page: object
    faults: list[str] = field(default_factory=list)
    """What the console told, errors of scripts, dialogs, and requests to other sites."""

    def violations(self) -> list[str]:
        """Return what axe finds that people with a screen reader, a keyboard or weak sight would meet."""
        self.page.evaluate(_AXE.read_text("utf-8"))
        result = self.page.evaluate("axe.run(document, {resultTypes: ['violations']})")
        return [
            f"{one['id']}: {node['html'][:120]} {node.get('failureSummary', '')[:200]}"
            for one in result["violations"]
            for node in one["nodes"]
        ]

    def is_wide(self) -> bool:
        """Return whether one has to scroll sideways."""
        return self.page.evaluate(
            "document.documentElement.scrollWidth > document.documentElement.clientWidth"
        )


@contextmanager
def window(browser: object, address: str, width: int, scheme: str, **options: object) -> Iterator[Window]:
    """Yield a page of a browser, opened nowhere yet."""
    page = browser.new_page(
        viewport={"width": width, "height": 844}, color_scheme=scheme, base_url=address, **options
    )
    opened = Window(page)
    page.set_default_timeout(20_000)
    page.on("console", lambda message: opened.faults.append(f"console: {message.text}"))
    page.on("pageerror", lambda error: opened.faults.append(f"error: {error}"))
    page.on("dialog", lambda dialog: (opened.faults.append(f"dialog: {dialog.message}"), dialog.dismiss()))
    page.on(
        "request",
        lambda asked: None if asked.url.startswith(address) else opened.faults.append(f"asked {asked.url}"),
    )
    yield opened
    page.close()
