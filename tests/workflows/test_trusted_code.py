"""Code of a model's own through every door: allowed anew by whoever starts a command, never by a file."""

import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from typer.testing import CliRunner

from own_code_material import OTHER_REVISION, REPOSITORY, REVISION, OwnCode, keep_in_hub_cache
from ticketkin.cli.app import app
from ticketkin.core.errors import ConfigurationError, UnsafeArtifactError
from ticketkin.encoders.loading import load_encoder
from ticketkin.encoders.model_code import TRUST_CODE, ModelCode, name_code
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.serving.kin import Kin
from ticketkin.serving.manifest import write_manifest
from ticketkin.tickets.sample import write_sample
from ticketkin.workflows.artifacts import BASE_ENCODER
from ticketkin.workflows.configuration import read_job

ALLOWED = f"{REPOSITORY}@{REVISION}"


@pytest.fixture
def own_code(tiny_encoder_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OwnCode:
    monkeypatch.setenv("TICKETKIN_CACHE", str(tmp_path / "cache"))
    return keep_in_hub_cache(tiny_encoder_folder, tmp_path, monkeypatch)


def _ran(*arguments: object) -> str:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exception is not None:
        raise result.exception
    return result.output


def test_a_run_records_what_it_ran_and_asks_for_consent_each_time(
    own_code: OwnCode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export, run = tmp_path / "incidents.csv", tmp_path / "run"
    write_sample(export, 120, 1)
    _ran("import", export, "--out", run, "--base-model", REPOSITORY, "--offline")
    _ran("links", run)
    _ran("split", run)
    with pytest.raises(UnsafeArtifactError, match=f"--trust-code {ALLOWED}"):
        _ran("embed", run)
    assert not own_code.ran

    _ran("embed", run, "--trust-code", ALLOWED)

    assert own_code.ran
    assert BASE_ENCODER.read(run / BASE_ENCODER).code == ALLOWED
    assert REVISION not in (run / "config.toml").read_text("utf-8")
    monkeypatch.setenv(TRUST_CODE, "")
    with pytest.raises(UnsafeArtifactError):
        _ran("embed", run, "--set", "encoder.max_length_tokens=16")


def test_a_setting_of_a_run_folder_allows_nothing(own_code: OwnCode, tmp_path: Path) -> None:
    export, run = tmp_path / "incidents.csv", tmp_path / "run"
    write_sample(export, 120, 1)
    _ran("import", export, "--out", run, "--base-model", REPOSITORY, "--offline")
    config = run / "config.toml"
    text = config.read_text("utf-8")
    config.write_text(text.replace("[settings.encoder]", f'[settings.encoder]\ntrust_code = ["{ALLOWED}"]'))
    with pytest.raises(ConfigurationError, match=r"encoder\.trust_code"):
        read_job(run)
    assert not own_code.ran


def test_the_setting_of_a_settings_file_allows_code(own_code: OwnCode) -> None:
    settings = EncoderSettings(base_model=REPOSITORY, offline=True, trust_code=(ALLOWED,), device="cpu")
    assert load_encoder(settings).code == ModelCode(REPOSITORY, REVISION)
    assert own_code.ran


def _bundle_with_code(bundle: Path) -> Path:
    """Let the encoders of a bundle need the code, as if its run had begun with `desk/own-bert`."""
    for config in bundle.glob("encoders/*/config.json"):
        classes = {"AutoConfig": "modeling_own.OwnConfig", "AutoModel": "modeling_own.OwnModel"}
        content = {**json.loads(config.read_text("utf-8")), "auto_map": classes}
        config.write_text(json.dumps(content), "utf-8")
        name_code(config.parent, ModelCode(REPOSITORY, REVISION))
    write_manifest(bundle)
    return bundle


@pytest.mark.parametrize(
    "command",
    [
        ("doctor", "{bundle}"),
        ("relate", "{bundle}", "--text", "printer error"),
        ("index", "{bundle}", "{export}"),
        ("serve", "{bundle}"),
        ("erase", "{bundle}", "--person", "jane"),
        ("replay", "{bundle}", "{export}", "--since", "2024-01-01"),
    ],
)
def test_a_bundle_never_allows_its_own_code(
    own_code: OwnCode, bundle: Path, tmp_path: Path, command: Sequence[str]
) -> None:
    export = tmp_path / "more.csv"
    write_sample(export, 60, 2)
    _bundle_with_code(bundle)
    result = CliRunner().invoke(app, [part.format(bundle=bundle, export=export) for part in command])
    assert result.exit_code == 1
    said = "".join(f"{result.output} {result.exception}".split())
    assert f"--trust-code{ALLOWED}" in said
    assert not own_code.ran


def test_a_bundle_embeds_as_before_with_the_same_consent_alone(
    own_code: OwnCode, bundle: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tickets = [
        {
            "ticket_id": str(number),
            "title": title,
            "description": "after the update",
            "opened_at": "2024-05-01",
        }
        for number, title in enumerate(("printer error", "printer cannot print", "mail not working"))
    ]
    plain = Kin.open(bundle, tmp_path / "plain")
    plain.add(tickets)
    _bundle_with_code(bundle)
    with pytest.raises(UnsafeArtifactError, match=f"{OTHER_REVISION} is allowed"):
        Kin.open(bundle, tmp_path / "index", trust_code=[f"{REPOSITORY}@{OTHER_REVISION}"])
    monkeypatch.setenv(TRUST_CODE, "")
    assert not own_code.ran

    kin = Kin.open(bundle, tmp_path / "index", trust_code=[ALLOWED])
    kin.add(tickets)

    assert own_code.ran
    answers = [one.relate("printer error").relations for one in (plain, kin)]
    assert [(one.ticket_id, one.probability) for one in answers[1]] == [
        (one.ticket_id, pytest.approx(one.probability, abs=1e-6)) for one in answers[0]
    ]
