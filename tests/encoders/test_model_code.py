"""Models that need code of their own: allowed by name and commit, never otherwise."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from own_code_material import (
    CODE_REPOSITORY,
    OTHER_REVISION,
    REPOSITORY,
    REVISION,
    OwnCode,
    keep_in_hub_cache,
)
from ticketkin.core.errors import InputError, ModelUnavailableError, UnsafeArtifactError
from ticketkin.encoders.fresh_process import SavedModel, embed_freshly
from ticketkin.encoders.loading import LoadedEncoder, load_encoder, load_folder
from ticketkin.encoders.model_code import parse_model_code, trust_code
from ticketkin.encoders.saving import base_of, save_encoder
from ticketkin.encoders.settings import EncoderSettings

TEXTS = ["printer error", "mail not working"]


@pytest.fixture
def own_code(tiny_encoder_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> OwnCode:
    return keep_in_hub_cache(tiny_encoder_folder, tmp_path, monkeypatch)


def _load(name: str, *trusted: str) -> LoadedEncoder:
    settings = EncoderSettings(base_model=name, offline=True, device="cpu", trust_code=trusted)
    return load_encoder(settings)


@pytest.mark.parametrize(("name", "code"), [(REPOSITORY, REPOSITORY), ("desk/borrowed", CODE_REPOSITORY)])
def test_code_runs_only_where_its_repository_is_allowed_at_its_commit(
    own_code: OwnCode, tiny_encoder_folder: Path, name: str, code: str
) -> None:
    with pytest.raises(UnsafeArtifactError, match=f"--trust-code {code}@"):
        _load(name)
    with pytest.raises(UnsafeArtifactError, match=f"--trust-code {code}@"):
        _load(name, f"desk/another@{REVISION}")
    assert not own_code.ran

    encoder = _load(name, f"{code}@{REVISION}")

    assert own_code.ran
    assert str(encoder.code) == f"{code}@{REVISION}"
    plain = load_folder(tiny_encoder_folder, EncoderSettings(device="cpu"))
    np.testing.assert_allclose(encoder.embed(TEXTS), plain.embed(TEXTS), atol=1e-6)
    assert encoder.fingerprint != plain.fingerprint


@pytest.mark.parametrize(("name", "code"), [(REPOSITORY, REPOSITORY), ("desk/borrowed", CODE_REPOSITORY)])
def test_another_commit_is_refused_and_nothing_runs(own_code: OwnCode, name: str, code: str) -> None:
    with pytest.raises(ModelUnavailableError, match=OTHER_REVISION):
        _load(name, f"{code}@{OTHER_REVISION}")
    assert not own_code.ran


@pytest.mark.parametrize(
    "text",
    [REPOSITORY, f"{REPOSITORY}@main", f"{REPOSITORY}@{REVISION[:12]}", f"own-bert@{REVISION}", "@", ""],
)
def test_only_a_whole_commit_hash_allows_code(text: str) -> None:
    with pytest.raises(InputError, match="all 40 digits"):
        parse_model_code(text)
    with pytest.raises(ValueError, match="all 40 digits"):
        EncoderSettings(trust_code=(text,))


def test_one_repository_is_allowed_at_one_commit(own_code: OwnCode) -> None:
    with pytest.raises(InputError, match="name one commit"):
        trust_code([f"{REPOSITORY}@{REVISION}", f"{REPOSITORY}@{OTHER_REVISION}"])
    assert not own_code.ran


def test_a_folder_that_holds_code_is_refused_whatever_is_allowed(own_code: OwnCode, tmp_path: Path) -> None:
    copied = tmp_path / "models--desk--own-bert" / "snapshots" / REVISION
    shutil.copytree(own_code.snapshot, copied)
    with pytest.raises(UnsafeArtifactError, match="never run from a folder"):
        _load(str(copied), f"{REPOSITORY}@{REVISION}")
    assert not own_code.ran


@pytest.mark.parametrize(
    "classes",
    [
        {"AutoTokenizer": "modeling_own.OwnModel"},
        {"AutoModel": "../modeling_own.OwnModel"},
        {"AutoModel": ["modeling_own.OwnModel"]},
        {"AutoConfig": "modeling_own.OwnConfig", "AutoModel": "desk/own-code--modeling_own.OwnModel"},
        ["modeling_own.OwnModel"],
    ],
)
def test_other_code_than_configuration_and_model_is_refused(own_code: OwnCode, classes: object) -> None:
    path = own_code.snapshot / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text("utf-8")), "auto_map": classes}), "utf-8")
    with pytest.raises(UnsafeArtifactError):
        _load(REPOSITORY, f"{REPOSITORY}@{REVISION}")
    assert not own_code.ran


def test_a_saved_model_names_its_code_holds_none_and_needs_the_same_consent(
    own_code: OwnCode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    encoder = _load(REPOSITORY, f"{REPOSITORY}@{REVISION}")
    saved = tmp_path / "saved"
    save_encoder(encoder.model, saved, base_of(encoder))

    assert not list(saved.rglob("*.py"))
    config = (saved / "config.json").read_text("utf-8")
    assert f'"{REPOSITORY}--modeling_own.OwnModel"' in config
    assert REVISION in config
    for path in saved.rglob("*.json"):
        assert str(tmp_path) not in path.read_text("utf-8"), path
        assert "/tmp/tmp" not in path.read_text("utf-8"), path

    (fresh,) = embed_freshly([SavedModel(str(saved))], TEXTS)
    np.testing.assert_allclose(fresh, encoder.embed(TEXTS), atol=1e-6)
    assert own_code.ran
    for allowed in ("", f"{REPOSITORY}@{OTHER_REVISION}"):
        monkeypatch.setenv("TICKETKIN_TRUST_CODE", allowed)
        with pytest.raises(UnsafeArtifactError, match=f"{REPOSITORY} at {REVISION}"):
            load_folder(saved, EncoderSettings(device="cpu"))
    assert not own_code.ran
