"""Settings: precedence, faults, and the round trip through config.toml."""

from pathlib import Path

import pytest

from ticketkin.core.errors import ConfigurationError, MissingInputError
from ticketkin.workflows.configuration import Job, load_settings, read_job, write_job


def test_flags_win_over_environment_over_file_over_defaults(tmp_path: Path) -> None:
    config = tmp_path / "a.toml"
    config.write_text("seed = 1\n[lora]\nrank = 4\nalpha = 8\ndropout = 0.1\n")
    environment = {"TICKETKIN_LORA__ALPHA": "64", "TICKETKIN_LORA__DROPOUT": "0.2", "TICKETKIN_CACHE": "/x"}
    settings = load_settings(config, ["lora.dropout=0.3"], environment, {"seed": 9})
    assert (settings.seed, settings.lora.rank, settings.lora.alpha, settings.lora.dropout) == (9, 4, 64, 0.3)
    assert settings.lora.learning_rate == 2e-4


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("lora.rnak=3", "lora.rnak: unknown setting; known are learning_rate, weight_decay"),
        ("lora.rank=0", "lora.rank: got 0"),
        ("lora.rank", "write it as section.name=value"),
        ("strength.strengths=[0.5, 1.0]", "must hold 0, the untouched model"),
        ("split.train=0.9", "it must leave a holdout"),
        ("candidates=['magic']", "candidates"),
        ("pairs.sources=magic", r"pairs\.sources\.0: got 'magic'; Input should be [^;]*\Z"),
        ("pairs.sources=", r"pairs\.sources: got .*at least 1 item"),
        ("lora.epochs_per_phase=1,2", r"lora\.epochs_per_phase: got 1,2; value 3 is missing\Z"),
        ("augment.methods=synonyms", r"augment: 'synonyms' needs augment\.wordnet"),
    ],
)
def test_faults_name_the_key_and_what_is_allowed(assignment: str, message: str) -> None:
    with pytest.raises(ConfigurationError, match=message):
        load_settings(None, [assignment], {})


def test_a_variable_that_is_no_setting_is_named_and_its_value_is_not() -> None:
    with pytest.raises(
        ConfigurationError, match=r"TICKETKIN_LORA__RNAK: lora\.rnak: unknown setting"
    ) as caught:
        load_settings(None, [], {"TICKETKIN_LORA__RNAK": "hush"})
    assert "hush" not in str(caught.value)


def test_missing_and_broken_files(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no such file"):
        load_settings(tmp_path / "absent.toml")
    (tmp_path / "b.toml").write_text("seed = = 1")
    with pytest.raises(ConfigurationError, match="not valid TOML"):
        load_settings(tmp_path / "b.toml")
    with pytest.raises(MissingInputError, match="is not a run folder"):
        read_job(tmp_path)


def test_a_job_survives_config_toml(tmp_path: Path) -> None:
    settings = load_settings(None, ["lora.rank=8", "tickets.template='{title} {category}'"], {})
    job = Job(sources=(tmp_path / "a.csv",), settings=settings)
    write_job(job, tmp_path)
    assert read_job(tmp_path) == job


def test_wherever_config_toml_is_cut_off_no_setting_is_lost(tmp_path: Path) -> None:
    job = Job(sources=(tmp_path / "a.csv",), settings=load_settings(None, ["lora.rank=8"], {}))
    write_job(job, tmp_path)
    path = tmp_path / "config.toml"
    lines = path.read_text("utf-8").splitlines(keepends=True)
    for n_kept in range(1, len(lines)):
        path.write_text("".join(lines[:n_kept]), "utf-8")
        with pytest.raises(ConfigurationError, match=r"config\.toml can't be read as the job of a run"):
            read_job(tmp_path)
    path.write_text("".join(lines[1:-1]), "utf-8")  # as earlier versions wrote it
    assert read_job(tmp_path) == job


@pytest.mark.parametrize("text", ["links,borderline", "[links,borderline]", '["links", "borderline"]'])
def test_lists_are_read_as_a_shell_gives_them(text: str) -> None:
    settings = load_settings(assignments=[f"pairs.sources={text}"], environment={})
    assert settings.pairs.sources == ("links", "borderline")
    named = load_settings(environment={"TICKETKIN_PAIRS__SOURCES": text})
    assert named == settings
    phases = load_settings(assignments=["lora.epochs_per_phase=0,0,2"], environment={})
    assert phases.lora.epochs_per_phase == (0, 0, 2)
    one = load_settings(assignments=["augment.methods=swap"], environment={})
    assert one.augment.methods == ("swap",)


def test_a_wrong_name_in_a_list_is_reported_with_those_allowed() -> None:
    with pytest.raises(
        ConfigurationError, match=r"pairs.sources.1: got 'guess'; .*'links', 'hard-negatives'"
    ):
        load_settings(assignments=["pairs.sources=links,guess"], environment={})
