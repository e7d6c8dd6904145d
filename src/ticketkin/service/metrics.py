"""Metrics for a monitoring system: how many requests, how fast, how far behind; no text of a ticket."""

import os
import time
from collections.abc import Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ticketkin.service.corpus import Corpus
from ticketkin.service.settings import COUNTS_FOLDER

_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5, 10.0)


class _State(Collector):
    def __init__(self, corpus: Corpus) -> None:
        self._corpus = corpus

    def collect(self) -> Iterable[Metric]:
        """Yield the current metrics of the process that is asked."""
        state = self._corpus.state
        yield _gauge("tickets", "Stored tickets that answers come from.", state.n_tickets)
        yield _gauge("change", "Number of the last change that was taken over.", state.change)
        yield _gauge(
            "behind_seconds", "Since the process was last as new as the database.", state.seconds_behind
        )


def _gauge(name: str, help_: str, value: float) -> Metric:
    metric = GaugeMetricFamily(f"ticketkin_{name}", help_)
    metric.add_metric([], value)
    return metric


class Measures:
    """Counts and times the requests of a service: of this process, and of the workers beside it."""

    def __init__(self, corpus: Corpus) -> None:
        own = CollectorRegistry()
        self.requests = Counter(
            "ticketkin_requests", "Requests by door and status.", ("method", "path", "status"), registry=own
        )
        self.seconds = Histogram(
            "ticketkin_request_seconds", "Time to answer a request, by door.", ("method", "path"),
            buckets=_SECONDS, registry=own,
        )  # fmt: skip
        self.questions_lost = Gauge(
            "ticketkin_questions_lost", "Questions that were not kept.", registry=own, multiprocess_mode="sum"
        )
        self._shown = own
        if COUNTS_FOLDER in os.environ:
            self._shown = CollectorRegistry()
            # Its maker gave this class no types.
            MultiProcessCollector(self._shown)  # type: ignore[no-untyped-call]
        self._shown.register(_State(corpus))

    def text(self) -> bytes:
        """Return all metrics as Prometheus reads them."""
        return generate_latest(self._shown)


class Measuring:
    """Measures every request under the path of its route, which names no ticket."""

    def __init__(self, app: ASGIApp, measures: Measures) -> None:
        self._app, self._measures = app, measures

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and count it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status, begun = 500, time.perf_counter()

        async def noting(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, noting)
        finally:
            path = getattr(scope.get("route"), "path", "other")
            method = scope["method"] if path != "other" else "other"
            self._measures.requests.labels(method, path, status).inc()
            self._measures.seconds.labels(method, path).observe(time.perf_counter() - begun)
