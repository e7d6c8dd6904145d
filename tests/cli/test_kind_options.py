"""What `ticketkin relations` assesses beside its classifier: asked for, kept by the run, left out again."""

from typing import Any

import pytest

from ticketkin.cli.kind_commands import Assessments
from ticketkin.relations.fitting import MODELS
from ticketkin.relations.settings import RelationSettings
from ticketkin.workflows.configuration import load_settings


def _after(stored: RelationSettings, **asked: bool) -> RelationSettings:
    """Return the settings of the run after a call with the options that were `asked` for."""
    assignments = Assessments(**asked).assignments(stored)
    before: dict[str, Any] = {"relations": stored.model_dump(mode="json", exclude_none=True)}
    return load_settings(None, assignments, environment={}, stored=before).relations


def test_an_option_leaves_what_the_others_asked_for() -> None:
    compared = _after(RelationSettings(), compare_all=True, ablation=True)
    assert compared.compare == MODELS and compared.ablation
    with_reader = _after(compared, cross_encoder=True, causes=True)
    assert with_reader.compare == (*MODELS, "cross_encoder")
    assert with_reader.ablation and with_reader.causes
    assert _after(with_reader, compare_all=False).compare == ("cross_encoder",)
    assert _after(with_reader, cross_encoder=False).compare == MODELS
    bare = _after(with_reader, compare_all=False, cross_encoder=False, ablation=False, causes=False)
    assert bare == RelationSettings()
    assert _after(with_reader) == with_reader


@pytest.mark.parametrize(
    ("stored", "asked", "line"),
    [
        ({}, {}, ""),
        ({"compare": MODELS, "ablation": True}, {},
         "--compare, --ablation; to leave it out: --no-compare --no-ablation"),
        ({"compare": ("trees", "cross_encoder"), "causes": True}, {"compare_all": True},
         "--cross-encoder, --causes; to leave it out: --no-cross-encoder --no-causes"),
        ({"compare": ("cross_encoder",)}, {"cross_encoder": False}, ""),
        ({"ablation": True}, {"ablation": True, "compare_all": True}, ""),
    ],
)  # fmt: skip
def test_what_an_earlier_call_asked_for_is_said(
    stored: dict[str, Any], asked: dict[str, bool], line: str
) -> None:
    before = RelationSettings(**stored)
    shown = Assessments(**asked).as_before(before, _after(before, **asked))
    assert shown == (f"assessed again, as the run keeps it: {line}" if line else "")
