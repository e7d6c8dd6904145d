"""A bundle that is incomplete, changed, of another version or unsafe: one plain message each."""

import json
import pickle
from collections.abc import Callable
from pathlib import Path

import pytest

from ticketkin.core.errors import InputError, UnreadableFileError, UnsafeArtifactError
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.serving.bundle import Bundle
from ticketkin.serving.manifest import write_manifest
from ticketkin.workflows.examination import examine

Damage = Callable[[Path], None]


def half_copied(folder: Path) -> None:
    (folder / "ranking/fusion.safetensors").unlink()


def one_byte(folder: Path) -> None:
    path = folder / "encoders/untouched/model.safetensors"
    content = bytearray(path.read_bytes())
    content[-5] ^= 1
    path.write_bytes(content)


def shorter(folder: Path) -> None:
    path = folder / "encoders/untouched/model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])


def one_more(folder: Path) -> None:
    (folder / "ranking/notes.txt").write_text("hello")


def a_pickle(folder: Path) -> None:
    (folder / "encoders/untouched/pytorch_model.bin").write_bytes(pickle.dumps([1]))


def a_link(folder: Path) -> None:
    (folder / "ranking/extra.json").symlink_to("/etc/hostname")


def other_version(folder: Path) -> None:
    path = folder / "bundle.json"
    path.write_text(json.dumps({"format_version": 99, "ticketkin": "9.9", "more": 1}))


def broken_manifest(folder: Path) -> None:
    (folder / "bundle.json").write_text('{"format_version": 1, "files":')


def other_hashes(folder: Path) -> None:
    path = folder / "bundle.json"
    record = json.loads(path.read_text())
    record["files"]["serving.json"]["sha256"] = "0" * 64
    path.write_text(json.dumps(record))


def remote_code(folder: Path) -> None:
    path = folder / "encoders/untouched/config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "auto_map": {"AutoModel": "evil.Model"}}))
    write_manifest(folder)


def a_class(folder: Path) -> None:
    path = folder / "encoders/untouched/modules.json"
    modules = json.loads(path.read_text())
    modules[0]["type"] = "os.system"
    path.write_text(json.dumps(modules))
    write_manifest(folder)


CASES: list[tuple[Damage, type[InputError], str]] = [
    (half_copied, UnreadableFileError, r"missing \(ranking/fusion.safetensors\)"),
    (one_byte, UnreadableFileError, r"changed \(encoders/untouched/model.safetensors\)"),
    (shorter, UnreadableFileError, r"changed \(encoders/untouched/model.safetensors\)"),
    (one_more, UnreadableFileError, r"not part of it \(ranking/notes.txt\)"),
    (a_pickle, UnsafeArtifactError, "could hold code"),
    (a_link, UnsafeArtifactError, "is a link"),
    (other_version, UnreadableFileError, "format 99, made by ticketkin 9.9"),
    (broken_manifest, UnreadableFileError, "is damaged"),
    (other_hashes, UnreadableFileError, "was changed"),
    (remote_code, UnsafeArtifactError, "needs code that lies beside it"),
    (a_class, UnsafeArtifactError, "os.system"),
]


@pytest.mark.parametrize(("damage", "kind", "message"), CASES, ids=[case[0].__name__ for case in CASES])
def test_a_damaged_bundle_is_refused_in_plain_words(
    bundle: Path, damage: Damage, kind: type[InputError], message: str
) -> None:
    damage(bundle)
    with pytest.raises(kind, match=message) as caught:
        Bundle.open(bundle)
    assert "\n" not in str(caught.value)


def test_no_bundle_at_all(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="is no bundle"):
        Bundle.open(tmp_path)


def test_the_doctor_finds_a_changed_byte_and_a_whole_bundle_sound(bundle: Path) -> None:
    examined = {one.name: one.checks for one in examine(bundle, EncoderSettings())}
    outcomes = {check.code: check.outcome.value for checks in examined.values() for check in checks}
    assert set(examined) == {"bundle", "encoders/untouched"}
    assert outcomes["bundle_parity"] == outcomes["bundle_files"] == outcomes["bundle_index"] == "passed"
    assert "failed" not in outcomes.values()
    one_byte(bundle)
    (damaged,) = examine(bundle, EncoderSettings())
    assert [check.outcome.value for check in damaged.checks] == ["failed"]


def test_the_doctor_tells_other_scores(bundle: Path) -> None:
    path = bundle / "parity.json"
    record = json.loads(path.read_text())
    place = next(n for n, value in enumerate(record["scores"][-1]) if value)
    record["scores"][-1][place] += 1e-3
    path.write_text(json.dumps(record))
    write_manifest(bundle)
    checks = {check.code: check for one in examine(bundle, EncoderSettings()) for check in one.checks}
    assert checks["bundle_parity"].outcome.value == "failed"
    assert "0.001" in checks["bundle_parity"].evidence
    # Its index belongs to the bundle as it was.
    assert checks["bundle_index"].outcome.value == "failed"
