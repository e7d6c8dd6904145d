"""Nothing of the user's is replaced unasked, and no source ever, however its name is written."""

import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from ticketkin.core.errors import InputError, OutputRefusedError
from ticketkin.core.outputs import check_file_output, check_folder_output, output_path


@pytest.mark.parametrize("text", ["", " ", "\t"])
def test_an_empty_path_is_refused(text: str) -> None:
    with pytest.raises(InputError, match="variable is not set"):
        output_path(text)


def test_an_existing_file_is_replaced_with_force_alone(tmp_path: Path) -> None:
    path = tmp_path / "o.parquet"
    check_file_output(path)
    path.touch()
    with pytest.raises(OutputRefusedError, match=r"o\.parquet exists.*--force"):
        check_file_output(path)
    check_file_output(path, force=True)


@pytest.mark.parametrize(
    "name", ["s.csv", "./s.csv", "deep/../s.csv", "symlink", "hardlink", "up/s.csv", "in/s.csv"]
)
def test_a_source_is_never_an_output_by_whatever_name(
    tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("s.csv").write_text("source")
    Path("deep").mkdir()
    Path("symlink").symlink_to("s.csv")
    os.link("s.csv", "hardlink")
    Path("up").symlink_to("../" + tmp_path.name)
    Path("in").symlink_to(tmp_path)
    for source in (Path("s.csv"), tmp_path / "s.csv"):
        with pytest.raises(OutputRefusedError, match="can't be written too"):
            check_file_output(Path(name), [source], force=True)


def test_a_dangling_link_is_something_of_the_users(tmp_path: Path) -> None:
    (tmp_path / "out").symlink_to("nowhere")
    with pytest.raises(OutputRefusedError, match="exists"):
        check_file_output(tmp_path / "out")


def test_a_place_where_nothing_can_be_written_is_reported_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "o.parquet", tmp_path / "file" / "deep" / "o.parquet"):
        with pytest.raises(OutputRefusedError, match="file is a file"):
            check_file_output(path)
    with pytest.raises(OutputRefusedError, match="is a folder"):
        check_file_output(tmp_path, force=True)


_AS_AN_ORDINARY_USER = """
import os, sys
from pathlib import Path
from ticketkin.core.locks import run_lock
from ticketkin.core.errors import OutputRefusedError
from ticketkin.core.outputs import check_file_output
if os.geteuid() == 0:
    os.setuid(65534)
folder = Path(sys.argv[1])
for path in (folder / "o.parquet", folder / "deep" / "o.parquet"):
    try:
        check_file_output(path)
    except OutputRefusedError as error:
        print(error)
for run in (folder, folder / "run"):
    try:
        run_lock(run).__enter__()
    except OutputRefusedError as error:
        print(error)
"""


def test_a_read_only_place_is_reported_before_the_work() -> None:
    with TemporaryDirectory() as place:
        Path(place).chmod(0o755)
        folder = Path(place) / "read-only"
        folder.mkdir(mode=0o555)
        command = [sys.executable, "-c", _AS_AN_ORDINARY_USER, str(folder)]
        lines = subprocess.run(command, capture_output=True, text=True, check=True).stdout.splitlines()
    assert ["read-only for this user" in line for line in lines] == [True, True, False, False]
    assert ["Permission denied" in line for line in lines] == [False, False, True, True]


def test_a_path_too_long_is_reported(tmp_path: Path) -> None:
    for check in (check_file_output, lambda path: check_folder_output(path, [], bool)):
        with pytest.raises(OutputRefusedError, match="File name too long"):
            check(tmp_path / ("x" * 300))


def test_a_folder_of_another_kind_is_not_replaced_even_with_force(tmp_path: Path) -> None:
    def is_model(folder: Path) -> bool:
        return (folder / "modules.json").exists()

    out = tmp_path / "out"
    check_folder_output(out, [], is_model)
    out.mkdir()
    check_folder_output(out, [], is_model)
    (out / "thesis.doc").touch()
    for force in (False, True):
        with pytest.raises(OutputRefusedError, match="not even with --force"):
            check_folder_output(out, [], is_model, force=force)
    (out / "modules.json").touch()
    with pytest.raises(OutputRefusedError, match="give --force"):
        check_folder_output(out, [], is_model)
    check_folder_output(out, [], is_model, force=True)


def test_a_folder_that_holds_a_source_is_never_replaced(tmp_path: Path) -> None:
    adapter = tmp_path / "out" / "adapter"
    adapter.mkdir(parents=True)
    (tmp_path / "link").symlink_to("out")
    for out in (tmp_path / "out", adapter, tmp_path / "link", tmp_path):
        with pytest.raises(OutputRefusedError, match="which is read, lies there"):
            check_folder_output(out, [adapter], lambda _: True, force=True)
