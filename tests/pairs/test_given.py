"""Pairs that become tickets: ids that give nothing away, and what redaction makes the same is told."""

import hashlib
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from ticketkin.pairs.given import links_of_given, read_given
from ticketkin.tickets.importing import import_tables
from ticketkin.tickets.reading import RawTable
from ticketkin.tickets.settings import TicketSettings

SECRETS = ["login fails, password: 4711", "login fails,  password: 0815"]


def _given(tmp_path: Path, *pairs: tuple[str, str, int], **settings: Any) -> tuple[RawTable, pl.DataFrame]:
    left, right, labels = zip(*pairs, strict=True)
    path = tmp_path / "pairs.json"
    path.write_text(json.dumps({"texts1": left, "texts2": right, "labels": labels}), "utf-8")
    return read_given(path, None, TicketSettings(**settings))


def test_an_id_tells_nothing_that_redaction_takes_out(tmp_path: Path) -> None:
    table, given = _given(tmp_path, (SECRETS[0], "cannot log in", 1))
    ids = {*given["left"], *given["right"], *table.frame["id"]}
    tried = {
        "P" + hashlib.sha256(f"login fails, password: {pin:04d}".encode()).hexdigest()[:12]
        for pin in range(10_000)
    }
    assert not ids & tried
    changed, _ = _given(tmp_path, (SECRETS[1], "cannot log in", 1))
    assert changed.frame["id"].to_list() == table.frame["id"].to_list()


def test_texts_that_become_the_same_are_one_ticket_and_are_reported(tmp_path: Path) -> None:
    table, given = _given(
        tmp_path, (SECRETS[0], "cannot log in", 1), (SECRETS[1], "no access", 1), (*SECRETS, 1)
    )
    assert table.frame["text"].to_list() == [SECRETS[0], "cannot log in", "no access"]
    assert given["left"].n_unique() == 1
    account = " ".join(table.notes)
    assert "1 text is the same as another once they are cleaned" in account
    assert "1 pair holds two texts that became the same so: left out" in account
    assert links_of_given(given).links.frame.height == 2
    result = import_tables(
        [("pairs.json", table)], TicketSettings(mapping={"ticket_id": "id", "description": "text"})
    )
    assert not result.tickets.frame["description"].str.contains("4711|0815").any()
    assert set(result.tickets.ids) == {*given["left"], *given["right"]}
    assert set(table.notes) <= set(result.summary.notes)


def test_without_redaction_texts_stay_apart(tmp_path: Path) -> None:
    table, _ = _given(tmp_path, (*SECRETS, 1), redact=False)
    assert table.frame.height == 2 and not table.notes


def test_a_plain_file_has_no_notes(tmp_path: Path) -> None:
    table, given = _given(tmp_path, ("printer is jammed", "paper stuck", 1), ("printer is jammed", "vpn", 0))
    assert (table.frame.height, table.notes) == (3, [])
    assert given["label"].to_list() == [1, 0]


@pytest.mark.parametrize("text", ["", " ", "n/a"])
def test_empty_texts_are_one_ticket(tmp_path: Path, text: str) -> None:
    table, _ = _given(tmp_path, (text, "", 1), ("a printer", "b printer", 0))
    assert table.frame.height == 3
