"""What was written after linking is named, in texts and in fields; a sample as it was filed is not."""

import numpy as np
import polars as pl
import pytest

from ticketkin.core.checks import Check, Outcome
from ticketkin.core.tables import Tickets
from ticketkin.evaluation.diagnostics.hindsight import LinkedTexts, hindsight_checks
from ticketkin.tickets.composing import compose_texts
from ticketkin.tickets.importing import import_tickets
from ticketkin.tickets.kin import kin_groups
from ticketkin.tickets.links import links_from_tickets
from ticketkin.tickets.sample import write_sample
from ticketkin.tickets.settings import TicketSettings


@pytest.fixture(scope="module")
def filed(tmp_path_factory: pytest.TempPathFactory) -> LinkedTexts:
    path = tmp_path_factory.mktemp("sample") / "sample.csv"
    write_sample(path, 900, 7)
    tickets = import_tickets([path], TicketSettings()).tickets
    links = links_from_tickets(tickets).links
    duplicates = links.frame.filter(pl.col("kind") == "duplicate")
    left, right = (
        np.array([tickets.position[one] for one in duplicates[end]]) for end in ("source", "target")
    )
    return linked(tickets, LinkedTexts(tickets, [], left, right, kin_groups(tickets, links).group))


def linked(tickets: Tickets, like: LinkedTexts) -> LinkedTexts:
    texts = compose_texts(tickets, TicketSettings().template)
    return LinkedTexts(tickets, texts, like.left, like.right, like.groups)


def edited(filed: LinkedTexts, column: str, values: dict[int, str]) -> LinkedTexts:
    """Return the tickets with other values of a column in some rows."""
    own = filed.tickets.frame[column].to_list()
    for row, value in values.items():
        own[row] = value
    return linked(Tickets(filed.tickets.frame.with_columns(pl.Series(column, own))), filed)


def added(filed: LinkedTexts, lines: dict[int, str]) -> LinkedTexts:
    """Return the tickets with a line more in some descriptions."""
    descriptions = filed.tickets.frame["description"].to_list()
    return edited(filed, "description", {row: f"{descriptions[row]}\n{line}" for row, line in lines.items()})


def raised(filed: LinkedTexts) -> dict[str, Check]:
    return {
        check.code: check
        for check in hindsight_checks(filed)
        if check.outcome in (Outcome.FAILED, Outcome.WARNING)
    }


def test_tickets_as_they_were_filed_raise_nothing(filed: LinkedTexts) -> None:
    assert raised(filed) == {}
    few = LinkedTexts(filed.tickets, filed.texts, filed.left[:5], filed.right[:5], filed.groups)
    assert {check.outcome for check in hindsight_checks(few)} == {Outcome.SKIPPED}


def test_numbers_references_and_titles_of_the_master_are_named(filed: LinkedTexts) -> None:
    pairs = list(zip(filed.left.tolist(), filed.right.tolist(), strict=True))
    ids, titles = filed.tickets.ids, filed.tickets.frame["title"].to_list()
    named = raised(added(filed, {child: f"Duplicate of {ids[master]}" for child, master in pairs}))
    assert "name the other ticket's number" in named["texts_name_kin"].evidence
    shared = {row: f"REF-{10_000 + place}" for place, pair in enumerate(pairs) for row in pair}
    assert raised(added(filed, shared))["texts_name_kin"].outcome is Outcome.FAILED
    quoted = {child: f"User was told that {titles[master]} is worked on" for child, master in pairs}
    assert "hold the other ticket's title" in raised(added(filed, quoted))["texts_name_kin"].evidence


@pytest.mark.parametrize("sentence", ["[DUP]", "This record was closed automatically, see its parent."])
def test_words_of_a_bot_tell_that_a_ticket_is_linked(filed: LinkedTexts, sentence: str) -> None:
    told = raised(added(filed, dict.fromkeys(filed.left.tolist(), sentence)))
    assert told["words_of_linking"].outcome is Outcome.FAILED
    assert "of the tickets linked to another one" in told["words_of_linking"].evidence


def test_a_value_that_linked_tickets_alone_have_is_named(filed: LinkedTexts) -> None:
    told = raised(edited(filed, "category", dict.fromkeys(filed.left.tolist(), "Duplicates")))
    assert "'category = Duplicates'" in told["words_of_linking"].evidence


def test_values_taken_over_from_the_master_are_named(filed: LinkedTexts) -> None:
    items = filed.tickets.frame["configuration_item"].to_list()
    items = [item or f"host{row}" for row, item in enumerate(items)]
    everywhere = edited(filed, "configuration_item", dict(enumerate(items)))
    assert raised(everywhere) == {}
    pairs = zip(filed.left.tolist(), filed.right.tolist(), strict=True)
    told = raised(edited(everywhere, "configuration_item", {child: items[master] for child, master in pairs}))
    assert "agree in configuration_item" in told["fields_of_linking"].evidence
