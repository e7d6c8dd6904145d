"""The service as tools of an assistant."""

import asyncio

import httpx2
from mcp import Client
from service_desk import Desk

from ticketkin.service.assistants import assistant_server

VPN = [
    {"number": "INC1", "title": "VPN client drops the tunnel", "opened_at": "2024-01-01 10:00:00"},
    {
        "number": "INC2", "title": "VPN client drops the tunnel again", "opened_at": "2024-01-02 10:00:00",
        "parent": "INC1",
    },
]  # fmt: skip


def called(client: httpx2.Client, tool: str, **arguments: object) -> tuple[bool, dict[str, object], str]:
    """Return whether a tool failed, its structured answer, and its text."""

    async def call() -> tuple[bool, dict[str, object], str]:
        async with Client(assistant_server(client)) as assistant:
            result = await assistant.call_tool(tool, arguments)
            text = " ".join(part.text for part in result.content if part.type == "text")
            return bool(result.is_error), result.structured_content or {}, text

    return asyncio.run(call())


def test_there_are_three_tools_and_none_changes_anything(shared_desk: Desk) -> None:
    async def listed() -> list[object]:
        async with Client(assistant_server(shared_desk.client)) as assistant:
            return (await assistant.list_tools()).tools

    tools = asyncio.run(listed())
    assert {tool.name for tool in tools} == {"relate", "kin_of_ticket", "families"}
    assert all(tool.annotations.read_only_hint and tool.description for tool in tools)


def test_an_assistant_gets_what_the_service_says(shared_desk: Desk) -> None:
    client = shared_desk.client
    assert client.post("/v1/tickets", json={"tickets": VPN}).status_code == 200
    _, answer, _ = called(client, "relate", text="VPN client drops the tunnel once more", k=2)
    assert {one["ticket_id"] for one in answer["relations"]} == {"INC1", "INC2"}
    _, answer, _ = called(client, "kin_of_ticket", number="INC2")
    assert [one["ticket_id"] for one in answer["relations"]] == ["INC1"]
    for arguments in ({}, {"number": "INC2"}):
        _, known, _ = called(client, "families", **arguments)
        assert [one["ticket_id"] for one in known["families"][0]["tickets"]] == ["INC1", "INC2"]


def test_a_refusal_is_reported_to_the_assistant(shared_desk: Desk) -> None:
    failed, _, text = called(shared_desk.client, "kin_of_ticket", number="INC9/../x")
    assert failed and "No ticket 'INC9/../x' is stored" in text
    failed, _, text = called(shared_desk.client, "families", number="INC9/..")
    assert failed and text
    with httpx2.Client(base_url="http://127.0.0.1:1") as nobody:
        failed, _, text = called(nobody, "relate", text="Printer is dead")
    assert failed and "does not answer" in text
