"""Settings hold only what is known and possible, and the nearest source wins."""

import os
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, ValidationError

from ticketkin.core.errors import ConfigurationError
from ticketkin.core.stage_settings import StageSettings
from ticketkin.training.candidates import CANDIDATES
from ticketkin.workflows.configuration import load_settings
from ticketkin.workflows.settings import Settings

SECTIONS = {
    name: field.annotation
    for name, field in Settings.model_fields.items()
    if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel)
}


def test_every_setting_is_described_and_every_default_allowed() -> None:
    assert len(SECTIONS) >= 10
    for name, model in {"": Settings, **SECTIONS}.items():
        assert issubclass(model, StageSettings)
        for key, field in model.model_fields.items():
            assert field.description or key in SECTIONS, f"{name}.{key}"
    assert Settings.model_validate(Settings().model_dump()) == Settings()
    assert Settings.model_validate_json(Settings().model_dump_json()) == Settings()


@pytest.mark.parametrize("section", ["", *SECTIONS])
def test_an_unknown_key_is_refused_wherever_it_stands(section: str, tmp_path: Path) -> None:
    key = f"{section}.no_such_setting" if section else "no_such_setting"
    known = SECTIONS.get(section, Settings).model_fields
    config = tmp_path / "a.toml"
    config.write_text(f"[{section}]\nno_such_setting = 1\n" if section else "no_such_setting = 1\n")
    variable = f"TICKETKIN_{key.upper().replace('.', '__')}"
    sources = [
        ({"assignments": [f"{key}=1"]}, ""),
        ({"environment": {variable: "1"}}, f"{variable}: "),
        ({"config": config}, ""),
        ({"flags": {section: {"no_such_setting": 1}} if section else {"no_such_setting": 1}}, ""),
    ]
    for source, named in sources:
        with pytest.raises(ConfigurationError) as caught:
            load_settings(**{"environment": {}, **source})
        assert str(caught.value) == f"{named}{key}: unknown setting; known are {', '.join(known)}"


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("head.learning_rate=0", "greater than 0"),
        ("head.learning_rate=fast", "got 'fast'"),
        ("lora.dropout=1", "less than 1"),
        ("encoder.device=tpu", "'auto', 'cuda', 'mps' or 'cpu'"),
        ("evaluation.n_bootstrap=99", "greater than or equal to 100"),
        ("split.by=colour", "'category' or 'time'"),
        ("lora.epochs_per_phase=[1,1]", r"lora\.epochs_per_phase"),
        ("lora=3", "lora: got 3"),
        ("encoder.max_length_tokens=4", "greater than or equal to 8"),
    ],
)
def test_a_value_out_of_range_is_named_with_what_is_allowed(assignment: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message) as caught:
        load_settings(assignments=[assignment], environment={})
    assert str(caught.value).startswith(assignment.partition("=")[0])


def test_several_faults_are_reported_at_once() -> None:
    with pytest.raises(ConfigurationError, match=r"lora\.rank.*; .*fusion\.folds"):
        load_settings(assignments=["lora.rank=0", "fusion.folds=1"], environment={})


def test_settings_can_not_be_changed_in_place() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().seed = 1  # type: ignore[misc]
    with pytest.raises(ValidationError, match="frozen"):
        Settings().lora.rank = 1  # type: ignore[misc]


@given(st.dictionaries(st.sampled_from(["file", "environment", "set", "flag"]), st.integers(1, 99)))
@settings(max_examples=40, deadline=None)
def test_the_nearest_source_wins_key_by_key(
    tmp_path_factory: pytest.TempPathFactory, ranks: dict[str, int]
) -> None:
    folder = tmp_path_factory.mktemp("config")
    config = folder / "a.toml"
    config.write_text("[lora]\nalpha = 77\n" + (f"rank = {ranks['file']}\n" if "file" in ranks else ""))
    loaded = load_settings(
        config,
        [f"lora.rank={ranks['set']}"] if "set" in ranks else [],
        {"TICKETKIN_LORA__RANK": str(ranks["environment"])} if "environment" in ranks else {},
        {"lora": {"rank": ranks["flag"]}} if "flag" in ranks else {},
    )
    nearest = [ranks[s] for s in ("flag", "set", "environment", "file") if s in ranks]
    assert loaded.lora.rank == (nearest[0] if nearest else Settings().lora.rank)
    assert loaded.lora.alpha == 77  # a nearer source replaces its own keys only
    assert loaded.head == Settings().head


def test_of_two_assignments_the_later_wins_and_mappings_grow() -> None:
    loaded = load_settings(
        assignments=["seed=1", "seed=2", "tickets.mapping.title=Summary", "tickets.mapping.description=Text"],
        environment={},
    )
    assert loaded.seed == 2
    assert loaded.tickets.mapping == {"title": "Summary", "description": "Text"}


def test_ticketkin_toml_and_the_real_environment_are_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    for name in [name for name in os.environ if name.startswith("TICKETKIN_")]:
        monkeypatch.delenv(name)
    assert load_settings() == Settings()
    (tmp_path / "ticketkin.toml").write_text("seed = 5\n[split]\nby = 'time'\n")
    monkeypatch.setenv("TICKETKIN_SEED", "6")
    monkeypatch.setenv("TICKETKIN_CACHE", "/nowhere")
    monkeypatch.setenv("TICKETKIN_SECRET", "correct horse battery")
    monkeypatch.setenv("TICKETKIN_KEY_FILE", "/nowhere")
    monkeypatch.setenv("TICKETKINSHIP", "not ours")
    assert (load_settings().seed, load_settings().split.by) == (6, "time")
    # An existing run is not changed by a file that was written later.
    assert (load_settings(stored={"seed": 4}).seed, load_settings(stored={}).split.by) == (6, "category")


def test_values_are_read_as_toml_and_bare_words_as_text() -> None:
    loaded = load_settings(
        assignments=[
            "strength.strengths=[0, 0.5]", "tickets.redact=false", "encoder.base_model=a/b",
            "tickets.template={title} {category}", "candidates=['base', 'head']", "split.by='time'",
        ],
        environment={},
    )  # fmt: skip
    assert loaded.strength.strengths == (0.0, 0.5)
    assert loaded.tickets.redact is False
    assert loaded.encoder.base_model == "a/b"
    assert loaded.tickets.template == "{title} {category}"
    assert loaded.candidates == ("base", "head")
    assert loaded.split.by == "time"


def test_the_costliest_candidates_are_tried_only_where_named() -> None:
    assert set(Settings().candidates) == CANDIDATES.keys() - {"full", "adapted", "reranker"}
