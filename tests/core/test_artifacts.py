"""Files survive what can happen while they are written; hashes tell contents apart."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from ticketkin.core.artifacts import atomic_path, hash_path, hash_value, inside, read_json, write_json
from ticketkin.core.errors import OutputRefusedError, RunLockedError, UnsafeArtifactError
from ticketkin.core.locks import is_locked, run_lock


def leftovers(folder: Path) -> list[str]:
    return [path.name for path in folder.iterdir() if path.name.endswith(".part")]


def test_a_failing_writer_leaves_the_old_file_and_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("old")
    with pytest.raises(RuntimeError, match="disk full"), atomic_path(path) as temporary:
        temporary.write_text("new, but only ha")
        assert path.read_text() == "old"
        raise RuntimeError("disk full")
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["a.txt"]


def test_a_folder_replaces_the_old_one_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "model"
    path.mkdir()
    (path / "old.txt").write_text("old")

    def write(fails: bool) -> None:
        with atomic_path(path) as temporary:
            temporary.mkdir()
            (temporary / "new.txt").write_text("new")
            if fails:
                raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(fails=True)
    assert [p.name for p in path.iterdir()] == ["old.txt"]
    write(fails=False)
    assert [p.name for p in path.iterdir()] == ["new.txt"]
    assert not leftovers(tmp_path)


def test_missing_parents_are_made_and_what_is_written_arrives(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "a.txt"
    with atomic_path(path) as temporary:
        assert temporary.parent == path.parent  # a rename across file systems would not be atomic
        temporary.write_text("new")
    assert path.read_text() == "new"
    assert not leftovers(path.parent)


def test_a_process_killed_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"version": "old"})
    code = (
        "import os, signal, sys; from pathlib import Path; from ticketkin.core.artifacts import atomic_path\n"
        "with atomic_path(Path(sys.argv[1])) as t:\n"
        '    t.write_text(\'{"version": "ne\'); os.kill(os.getpid(), signal.SIGKILL)'
    )
    done = subprocess.run([sys.executable, "-c", code, str(path)], check=False)
    assert done.returncode == -signal.SIGKILL
    assert read_json(path) == {"version": "old"}
    assert len(leftovers(tmp_path)) == 1


@pytest.mark.parametrize("value", [float("nan"), float("inf"), object()])
def test_what_json_can_not_hold_is_refused_and_the_old_file_kept(tmp_path: Path, value: object) -> None:
    path = tmp_path / "a.json"
    write_json(path, [1])
    with pytest.raises((ValueError, TypeError)):
        write_json(path, {"metric": value})
    assert read_json(path) == [1]
    assert not leftovers(tmp_path)


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(blacklist_categories=("Cs",))),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("aä\n\"'"), inner, max_size=3),
    max_leaves=8,
)


@given(json_values)
@settings(max_examples=60, deadline=None)
def test_json_round_trip(tmp_path_factory: pytest.TempPathFactory, value: object) -> None:
    path = tmp_path_factory.mktemp("json") / "a.json"
    write_json(path, value)
    assert read_json(path) == value == json.loads(path.read_text("utf-8"))


class Size(BaseModel):
    n: int = 3


@dataclass(frozen=True)
class Box:
    sizes: list[Size]
    by_name: dict[str, Size]


def test_records_are_written_as_their_fields_however_deep_they_lie(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_json(path, {"boxes": [Box([Size()], {"small": Size(n=1)})]})
    assert read_json(path) == {"boxes": [{"sizes": [{"n": 3}], "by_name": {"small": {"n": 1}}}]}
    with pytest.raises(TypeError, match="type can't be written as JSON: give plain values"):
        write_json(path, Box)


@given(st.dictionaries(st.text(), st.integers(), min_size=2, max_size=5), st.integers())
@settings(max_examples=60, deadline=None)
def test_a_value_hash_knows_values_and_not_their_order(value: dict[str, int], other: int) -> None:
    key = next(iter(value))
    assert hash_value(dict(reversed(value.items()))) == hash_value(value)
    assert (hash_value({**value, key: other}) == hash_value(value)) == (value[key] == other)
    assert hash_value({name: v for name, v in value.items() if name != key}) != hash_value(value)


def test_a_file_hash_is_the_sha256_sha256sum_prints(tmp_path: Path) -> None:
    path = tmp_path / "a.bin"
    path.write_bytes(b"abc")
    assert hash_path(path) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    path.write_bytes(b"x" * (1 << 20) + b"y")
    long = hash_path(path)
    path.write_bytes(b"x" * (1 << 20) + b"z")
    assert hash_path(path) != long  # what lies beyond the first block counts


def test_a_folder_hash_knows_names_and_contents_and_not_when_they_were_written(tmp_path: Path) -> None:
    def folder(name: str, files: dict[str, str]) -> str:
        for path, text in files.items():
            (tmp_path / name / path).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / name / path).write_text(text)
        return hash_path(tmp_path / name)

    plain = folder("a", {"x.txt": "one", "sub/y.txt": "two"})
    assert folder("b", {"sub/y.txt": "two", "x.txt": "one"}) == plain
    others = [
        {"x.txt": "one", "sub/y.txt": "Two"},
        {"x.txt": "one", "sub/z.txt": "two"},
        {"x.txt": "one", "y.txt": "two"},
        {"x.txt": "one"},
        {"x.txt": "two", "sub/y.txt": "one"},
    ]
    hashes = {folder(f"other{n}", files) for n, files in enumerate(others)}
    assert len(hashes) == len(others)
    assert plain not in hashes


@pytest.mark.parametrize("name", ["../a", "x/../../a", "/etc/passwd", "link/a"])
def test_paths_out_of_the_folder_are_refused(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path)
    with pytest.raises(UnsafeArtifactError, match="only paths inside it are allowed"):
        inside(folder, name)


@pytest.mark.parametrize("name", ["a", "x/y", "x/../a", "", "."])
def test_paths_in_the_folder_are_allowed(tmp_path: Path, name: str) -> None:
    assert inside(tmp_path, name) == (tmp_path / name).resolve()


def test_the_lock_is_given_back_after_an_error_and_names_its_owner(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="mine"), run_lock(tmp_path / "run"):
        assert (tmp_path / "run" / ".owner").read_text() == str(os.getpid())
        with (
            pytest.raises(RunLockedError, match=f"process {os.getpid()}.*choose another --out"),
            run_lock(tmp_path / "run"),
        ):
            raise AssertionError("owned twice")
        raise RuntimeError("mine")
    with run_lock(tmp_path / "run"):
        pass


def test_a_folder_that_can_not_be_locked_is_reported_plainly(tmp_path: Path) -> None:
    (tmp_path / "run" / ".lock").mkdir(parents=True)
    (tmp_path / "file").touch()
    for folder in (tmp_path / "run", tmp_path / "file", tmp_path / "file" / "run", tmp_path / ("x" * 300)):
        with pytest.raises(OutputRefusedError, match="can't be used as a run folder"), run_lock(folder):
            raise AssertionError("owned")


def test_an_owner_that_can_not_be_read_or_written_is_left_out(tmp_path: Path) -> None:
    (tmp_path / ".owner").mkdir()
    with run_lock(tmp_path):
        assert is_locked(tmp_path)
        with pytest.raises(RunLockedError, match="another run; wait"), run_lock(tmp_path):
            raise AssertionError("owned twice")
    assert not is_locked(tmp_path)
    assert not is_locked(tmp_path / "nowhere")
