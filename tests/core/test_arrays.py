"""Arrays and records on disk: what is damaged, oversized or of another kind is told, and nothing runs."""

import json
import os
import pickle
import struct
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.numpy import save_file

from ticketkin.core.arrays import load_array, load_arrays, save_array, save_arrays
from ticketkin.core.errors import TicketkinError, UnreadableFileError
from ticketkin.core.records import read_record

AGAIN = "Run again: ticketkin embed RUN"


class Payload:
    """Leaves a trace where it is unpickled."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.marker),)


def _npy(header: str, data: bytes = b"") -> bytes:
    text = header.encode("latin1").ljust(118) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


def _described(descr: object, shape: object) -> str:
    return f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape!r}, }}"


HOSTILE_NPY = {
    "empty": b"",
    "no array": b"PK\x03\x04 or something else",
    "truncated": _npy(_described("<f4", (2, 3)), b"\0" * 8),
    "a header that promises terabytes": _npy(_described("<f8", (10**6, 10**6)), b"\0" * 64),
    "a header longer than a number can be": _npy(_described("<f8", (10**30, 3)), b"\0" * 64),
    "a negative shape": _npy(_described("<f4", (-1, 3)), b"\0" * 24),
    "a header that is code": _npy("__import__('os').system('touch ran')"),
    "objects": _npy(_described("|O", (2, 3)), pickle.dumps([1])),
    "text": _npy(_described("<U1", (2, 3)), b"\0" * 24),
    "moments": _npy(_described("<M8[s]", (2, 3)), b"\0" * 48),
    "records": _npy(_described([("a", "<f4")], (2, 3)), b"\0" * 24),
    "complex numbers": _npy(_described("<c8", (2, 3)), b"\0" * 48),
    "too few rows": _npy(_described("<f4", (1, 3)), b"\0" * 12),
    "another dimension": _npy(_described("<f4", (6,)), b"\0" * 24),
    "not a number": _npy(_described("<f4", (2, 3)), np.full(6, np.nan, "<f4").tobytes()),
    "infinity": _npy(_described("<f4", (2, 3)), np.full(6, np.inf, "<f4").tobytes()),
}


@pytest.mark.parametrize("content", HOSTILE_NPY.values(), ids=HOSTILE_NPY)
def test_an_array_that_is_none_is_reported(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.npy").write_bytes(content)
    with pytest.raises(UnreadableFileError, match=r"a\.npy is damaged .*Run again: ticketkin embed RUN"):
        load_array(tmp_path / "a.npy", AGAIN, (2, None))


def test_a_pickle_in_an_array_file_is_never_opened(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    (tmp_path / "a.npy").write_bytes(pickle.dumps(Payload(marker)))
    with pytest.raises(UnreadableFileError):
        load_array(tmp_path / "a.npy", AGAIN, (2, None))
    np.save(tmp_path / "a.npy", np.array([[Payload(marker)] * 3] * 2, dtype=object), allow_pickle=True)
    with pytest.raises(UnreadableFileError):
        load_array(tmp_path / "a.npy", AGAIN, (2, None))
    assert not marker.exists()


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes here")
def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    for name in ("a.npy", "a.safetensors", "a.json"):
        os.mkfifo(tmp_path / name)
    with pytest.raises(UnreadableFileError, match="is missing"):
        load_array(tmp_path / "a.npy", AGAIN, (2, None))
    with pytest.raises(UnreadableFileError, match="is missing"):
        load_arrays(tmp_path / "a.safetensors", AGAIN)
    with pytest.raises(UnreadableFileError, match="is missing"):
        read_record(tmp_path / "a.json", dict, AGAIN)


def test_what_is_saved_is_read_back(tmp_path: Path) -> None:
    array = np.arange(6, dtype=np.float32).reshape(2, 3)
    save_array(tmp_path / "a.npy", array)
    np.testing.assert_array_equal(load_array(tmp_path / "a.npy", AGAIN, (2, 3)), array)
    save_arrays(tmp_path / "a.safetensors", {"x": array.T, "flags": np.array([True, False])})
    arrays = load_arrays(tmp_path / "a.safetensors", AGAIN)
    np.testing.assert_array_equal(arrays.get("x", np.float64, (3, None)), array.T)
    assert arrays.get("flags", np.bool_, (2,)).tolist() == [True, False]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 8,
        struct.pack("<Q", 1 << 60),
        struct.pack("<Q", 99_999_999) + b"{",
        struct.pack("<Q", 2) + b"{}x",
        struct.pack("<Q", 60_000) + b"[" * 60_000,
        pickle.dumps([1]),
        json.dumps({"x": 1}).encode(),
    ],
)
def test_a_damaged_file_of_arrays_is_reported(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.safetensors").write_bytes(content)
    with pytest.raises(UnreadableFileError, match="Run again"):
        load_arrays(tmp_path / "a.safetensors", AGAIN).get("x", np.float64, (None,))


def test_arrays_of_another_name_shape_type_or_without_a_value_are_reported(tmp_path: Path) -> None:
    save_file(
        {"x": np.zeros((2, 2)), "n": np.array([np.nan]), "b": np.array([True]), "f": np.array([0.5])},
        tmp_path / "a.safetensors",
    )
    arrays = load_arrays(tmp_path / "a.safetensors", AGAIN)
    for name, dtype, shape, fault in (
        ("y", np.float64, (2,), "lacks y"),
        ("x", np.float64, (2,), "has the shape"),
        ("x", np.float64, (2, 3), "has the shape"),
        ("n", np.float64, (1,), "holds NaN"),
        ("b", np.float64, (1,), "not numbers of its kind"),
        ("f", np.int32, (1,), "not numbers of its kind"),
        ("x", np.bool_, (2, 2), "not numbers of its kind"),
    ):
        with pytest.raises(UnreadableFileError, match=fault):
            arrays.get(name, dtype, shape)  # type: ignore[type-var]


@settings(max_examples=150, deadline=None)
@given(content=st.binary(max_size=300))
def test_no_bytes_raise_anything_but_a_plain_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    folder = tmp_path_factory.mktemp("bytes")
    for name in ("a.npy", "a.safetensors", "a.json"):
        (folder / name).write_bytes(content)
    for read in (
        lambda: load_array(folder / "a.npy", AGAIN, (2, None)),
        lambda: load_arrays(folder / "a.safetensors", AGAIN).get("x", np.float64, (1,)),
        lambda: read_record(folder / "a.json", dict[str, int], AGAIN),
    ):
        try:
            read()
        except TicketkinError:
            continue
