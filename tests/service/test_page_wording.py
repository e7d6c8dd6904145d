"""What pages say of an answer."""

from dataclasses import replace

from ticketkin.relations.bands import Bands
from ticketkin.service.pages.wording import explanation
from ticketkin.serving.answers import Relation


def test_bands_are_silent_only_without_any_threshold() -> None:
    assert Bands.silent().are_silent
    assert replace(Bands.silent(), say={"duplicate": None}, suggest={"related": None}).are_silent
    assert not replace(Bands.silent(), suggest={"related": 0.4}).are_silent


def test_a_model_that_names_no_kin_does_not_blame_the_ticket() -> None:
    silent = explanation([], 10, 1_200, is_silent=True)
    assert silent.startswith("This model names no kin") and "near enough" not in silent
    assert "The nearest ones are listed" in silent
    assert explanation([], 0, 1_200, is_silent=False).startswith("None of the 1,200 stored tickets is near")


def test_no_ticket_is_to_be_closed_under_one_that_is_closed() -> None:
    first = Relation(
        "INC7", "VPN drops", "duplicate", 0.9, "say", "", parent="INC7", evidence=[], parent_is_open=True
    )

    def said(relation: Relation) -> str:
        return explanation([relation], 3, 100, is_silent=False)

    assert said(first) == "If you agree, close this ticket under INC7."
    assert "close this ticket under INC2: people tied it to INC7" in said(replace(first, parent="INC2"))
    for parent in ("INC7", "INC2"):
        closed = said(replace(first, parent=parent, parent_is_open=False))
        assert f"one more case of {parent}" in closed and "It is closed" in closed and "under" not in closed
