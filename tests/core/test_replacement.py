"""A folder is replaced whole or not at all: killed at every step, with and without exchange of names."""

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from ticketkin.core import replacement
from ticketkin.core.arrays import save_arrays
from ticketkin.core.artifacts import atomic_path, hash_path, inside
from ticketkin.core.replacement import sweep_leftovers

# Replaces sys.argv[1] once in each forked child, which kills itself at its n-th system event: Python reports
# opening, renaming, linking, removing and calls into C to an audit hook. Prints how many events there were.
_KILL_AT_EVERY_EVENT = """
import os, signal, shutil, sys
from pathlib import Path
from ticketkin.core import replacement
from ticketkin.core.artifacts import atomic_path
place, exchanges, before = Path(sys.argv[1]), sys.argv[2] == "exchange", sys.argv[3]
if not exchanges:
    replacement._exchange = lambda one, other: False
def write(content):
    with atomic_path(place) as temporary:
        (temporary / "deep").mkdir(parents=True)
        for name in ("a", "b", "deep/c"):
            (temporary / name).write_text(content)
def start(content):
    shutil.rmtree(place.parent)
    if before == "plain":
        (place / "deep").mkdir(parents=True)
        for name in ("a", "b", "deep/c"):
            (place / name).write_text(content)
    else:
        write("older"); write(content)
def content():
    return {name: (place / name).read_text() for name in ("a", "b", "deep/c")}
n, finished = 0, False
while not finished:
    n += 1
    place.parent.mkdir(exist_ok=True); start("old")
    child = os.fork()
    if child == 0:
        left = n
        def count(event, arguments):
            global left
            if event.startswith(("os.", "shutil.", "open", "ctypes.")):
                left -= 1
                if left == 0:
                    os.kill(os.getpid(), signal.SIGKILL)
        sys.addaudithook(count)
        write("new")
        os._exit(0)
    _, status = os.waitpid(child, 0)
    finished = status == 0
    assert finished or os.WTERMSIG(status) == signal.SIGKILL, status
    if sys.argv[4] == "swept":
        replacement.sweep_leftovers(place.parent)
    found = set(content().values())
    assert len(found) == 1 and found <= {"old", "new"}, (n, found)
    replacement.sweep_leftovers(place.parent)
    names = sorted(path.name for path in place.parent.iterdir())
    versions = [name for name in names if name.endswith(".version")]
    assert [name for name in names if name not in versions] == [place.name], (n, names)
    assert len(versions) == place.is_symlink(), (n, names)
    assert set(content().values()) == found, n
print(n)
"""


@pytest.mark.parametrize(
    ("exchanges", "before", "swept"),
    [
        ("exchange", "plain", "as it is"),
        ("exchange", "replaced", "as it is"),
        ("pointer", "replaced", "as it is"),
        # The one step that no system call makes whole is put right by the next start.
        ("pointer", "plain", "swept"),
    ],
)
def test_a_kill_at_any_step_leaves_the_old_or_the_new_folder_whole(
    tmp_path: Path, exchanges: str, before: str, swept: str
) -> None:
    place = tmp_path / "run" / "model"
    command = [sys.executable, "-c", _KILL_AT_EVERY_EVENT, str(place), exchanges, before, swept]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 15  # writing, flushing, moving and deleting were all interrupted


_WRITE_UNTIL_KILLED = """
import sys
import time
from itertools import count
from pathlib import Path
from ticketkin.core.artifacts import atomic_path
place = Path(sys.argv[1])
for number in count():
    with atomic_path(place) as temporary:
        temporary.mkdir()
        for name in range(20):
            (temporary / str(name)).write_text(f"{number} " * 500)
    print(number, flush=True)
"""


def test_a_kill_at_random_moments_leaves_one_version_whole(tmp_path: Path) -> None:
    place = tmp_path / "model"
    for moment in range(8):
        with subprocess.Popen(
            [sys.executable, "-c", _WRITE_UNTIL_KILLED, str(place)], stdout=subprocess.PIPE
        ) as writer:
            assert writer.stdout is not None
            for _ in range(3 + moment):
                assert writer.stdout.readline()
            writer.kill()
        texts = {(place / str(name)).read_text() for name in range(20)}
        assert len(texts) == 1, moment
        assert len(texts.pop().split()) == 500


@pytest.fixture
def no_exchange(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file system that can't exchange names, such as NFS."""
    monkeypatch.setattr(replacement, "_exchange", lambda one, other: False)


def _write(place: Path, text: str) -> None:
    with atomic_path(place) as temporary:
        temporary.mkdir()
        (temporary / "weights").write_text(text)


def test_plain_folders_stay_plain_where_names_can_be_exchanged(tmp_path: Path) -> None:
    for text in ("1", "2", "3"):
        _write(tmp_path / "model", text)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert not (tmp_path / "model").is_symlink()
    assert (tmp_path / "model" / "weights").read_text() == "3"


@pytest.mark.usefixtures("no_exchange")
def test_readers_see_through_the_pointer(tmp_path: Path) -> None:
    for text in ("1", "2", "3"):
        _write(tmp_path / "run" / "candidates" / "model", text)
    place = tmp_path / "run" / "candidates" / "model"
    assert place.is_symlink()
    assert not place.readlink().is_absolute()
    assert len(list(place.parent.iterdir())) == 2  # the link and the one version
    assert inside(tmp_path / "run", "candidates/model/weights").read_text() == "3"
    _write(tmp_path / "plain" / "candidates" / "model", "3")
    assert hash_path(place) == hash_path(tmp_path / "plain" / "candidates" / "model")
    assert hash_path(tmp_path / "run") == hash_path(tmp_path / "plain")
    assert sweep_leftovers(tmp_path) == []
    (tmp_path / "run").rename(tmp_path / "moved")
    assert (tmp_path / "moved" / "candidates" / "model" / "weights").read_text() == "3"


@pytest.mark.usefixtures("no_exchange")
def test_a_file_system_without_links_too_keeps_one_version(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EPERM, "no links here")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    for text in ("1", "2"):
        _write(tmp_path / "model", text)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]
    assert (tmp_path / "model" / "weights").read_text() == "2"


def test_a_link_of_the_user_is_replaced_and_what_it_points_to_stays(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir()
    (tmp_path / "theirs" / "weights").write_text("theirs")
    (tmp_path / "model").symlink_to("theirs")
    _write(tmp_path / "model", "ours")
    assert (tmp_path / "model" / "weights").read_text() == "ours"
    assert (tmp_path / "theirs" / "weights").read_text() == "theirs"


def test_a_folder_does_not_replace_a_file_nor_a_file_a_folder(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("theirs")
    with pytest.raises(NotADirectoryError):
        _write(tmp_path / "file", "ours")
    (tmp_path / "folder").mkdir()
    with pytest.raises(IsADirectoryError), atomic_path(tmp_path / "folder") as temporary:
        temporary.write_text("ours")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "folder"]


def test_only_leftovers_of_ours_are_swept_and_runs_below_are_left_alone(tmp_path: Path) -> None:
    theirs = [".hidden", "a.part", ".x.part", ".x.1234567.part", ".x.12345678.part.txt", ".git"]
    for name in theirs:
        (tmp_path / name).write_text("theirs")
    other = tmp_path / "repeats" / "seed-1"
    other.mkdir(parents=True)
    (other / ".lock").touch()
    (other / ".a.0123abcd.part").touch()
    (tmp_path / "candidates" / ".model.0123abcd.part" / "deep").mkdir(parents=True)
    (tmp_path / ".tickets.parquet.89abcdef.part").touch()
    lines = sweep_leftovers(tmp_path)
    assert lines == [
        "deleted .tickets.parquet.89abcdef.part, left by a killed run",
        "deleted candidates/.model.0123abcd.part, left by a killed run",
    ]
    assert all((tmp_path / name).exists() for name in theirs)
    assert (other / ".a.0123abcd.part").exists()


def test_a_folder_that_others_write_to_is_swept_of_what_lay_long(tmp_path: Path) -> None:
    for name, age in ((".old.npz.0123abcd.part", 100_000), (".new.npz.0123abcd.part", 10)):
        (tmp_path / name).touch()
        os.utime(tmp_path / name, (time.time() - age,) * 2)
    assert len(sweep_leftovers(tmp_path, idle_seconds=86_400)) == 1
    assert [path.name for path in tmp_path.iterdir()] == [".new.npz.0123abcd.part"]


def test_what_is_written_reaches_the_disk_before_its_name_does(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    events: list[str] = []
    flushed = os.fsync

    def fsync(descriptor: int) -> None:
        events.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        flushed(descriptor)

    exchanged = replacement._exchange
    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(
        replacement, "_exchange", lambda a, b: events.append("moved") is None and exchanged(a, b)
    )
    _write(tmp_path / "run" / "model", "1")
    _write(tmp_path / "run" / "model", "2")
    first, second = events[: events.index("run") + 1], events[events.index("run") + 1 :]
    assert first[0] == "weights"
    assert first[1].startswith(".model.")
    assert second[0] == "weights"
    assert second[2:4] == ["moved", "run"]


def test_a_long_name_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("ä" * 120)
    with atomic_path(path) as temporary:
        temporary.write_text("new")
    assert path.read_text() == "new"


@pytest.mark.skipif(os.name == "nt", reason="modes of files are those of POSIX")
def test_arrays_can_be_read_by_whoever_may_read_the_other_files(tmp_path: Path) -> None:
    def mode(path: Path) -> int:
        return path.stat().st_mode & 0o777

    (tmp_path / "any").touch()
    save_arrays(tmp_path / "alone.safetensors", {"numbers": np.zeros(3)})
    with atomic_path(tmp_path / "model") as folder:
        folder.mkdir()
        save_arrays(folder / "model.safetensors", {"numbers": np.zeros(3)})
        (folder / "model.safetensors").chmod(0o600)
        (folder / "secret.key").touch(mode=0o600)
    with atomic_path(tmp_path / "secret.key") as key:
        key.touch(mode=0o600)
    ordinary = mode(tmp_path / "any")
    assert mode(tmp_path / "alone.safetensors") == mode(tmp_path / "model" / "model.safetensors") == ordinary
    assert mode(tmp_path / "model" / "secret.key") == mode(tmp_path / "secret.key") == 0o600
