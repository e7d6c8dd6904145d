"""Generated requests: none is a fault of the service, and answers are as the interface describes them."""

import pytest
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from service_desk import Desk
from starlette.types import Receive, Scope, Send

OWN_NAME = {"host": "127.0.0.1"}
CHECKS = [
    schemathesis.checks.not_a_server_error,
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
]


@pytest.fixture
def interface(shared_desk: Desk) -> schemathesis.BaseSchema:
    tickets = [{"number": f"INC{n}", "title": f"VPN drops {n}"} for n in range(1, 5)]
    shared_desk.client.post("/v1/tickets", json={"tickets": tickets})

    async def running_already(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "lifespan":
            await shared_desk.client.app(scope, receive, send)
            return
        while (await receive())["type"] != "lifespan.shutdown":
            await send({"type": "lifespan.startup.complete"})
        await send({"type": "lifespan.shutdown.complete"})

    return schemathesis.openapi.from_asgi("/openapi.json", running_already, headers=OWN_NAME)


def test_no_request_is_a_fault_of_the_service(interface: schemathesis.BaseSchema) -> None:
    n_operations = 0
    for described in interface.get_all_operations():
        operation = described.ok()

        @settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
        @given(case=operation.as_strategy())
        def answers_as_described(case: schemathesis.Case) -> None:
            case.call_and_validate(checks=CHECKS, headers=OWN_NAME)

        answers_as_described()
        n_operations += 1
    assert n_operations >= 20
