"""What pages say of a model that never names kin."""

from dataclasses import replace

from ticketkin.relations.bands import Bands
from ticketkin.service.pages.wording import explanation


def test_bands_are_silent_only_without_any_threshold() -> None:
    assert Bands.silent().are_silent
    assert replace(Bands.silent(), say={"duplicate": None}, suggest={"related": None}).are_silent
    assert not replace(Bands.silent(), suggest={"related": 0.4}).are_silent


def test_a_model_that_names_no_kin_does_not_blame_the_ticket() -> None:
    silent = explanation([], 10, 1_200, is_silent=True)
    assert silent.startswith("This model names no kin") and "near enough" not in silent
    assert "The nearest ones are listed" in silent
    assert explanation([], 0, 1_200, is_silent=False).startswith("None of the 1,200 stored tickets is near")
