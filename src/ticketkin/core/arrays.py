"""Arrays on disk that can hold nothing but numbers: safetensors for several, .npy for one.

Neither format names code. A file is still checked before it is believed: what it says it holds must be what
lies in it, and what is read from it must have the shape, the type and the finite values its reader needs.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

from ticketkin.core.artifacts import atomic_path
from ticketkin.core.errors import UnreadableFileError

AnyArray = npt.NDArray[Any]
Number = TypeVar("Number", bound=np.generic)


def save_arrays(path: Path, arrays: Mapping[str, AnyArray]) -> None:
    """Write named arrays as one safetensors file, atomically."""
    from safetensors.numpy import save_file

    with atomic_path(path) as temporary:
        save_file({name: np.ascontiguousarray(array) for name, array in arrays.items()}, temporary)


def load_arrays(path: Path, remedy: str) -> "SavedArrays":
    """Return the arrays of a safetensors file.

    Raises UnreadableFileError with `remedy`, the command that makes the file again, where it is missing,
    damaged or holds something else.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    _regular(path, remedy)
    try:
        return SavedArrays(path, remedy, load_file(path))
    except (SafetensorError, OSError, ValueError, TypeError, KeyError, MemoryError) as error:
        raise damaged(path, error, remedy) from error


def save_array(path: Path, array: AnyArray) -> None:
    """Write one array as .npy, atomically."""
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.save(stream, array, allow_pickle=False)


def load_array(path: Path, remedy: str, shape: Sequence[int | None]) -> AnyArray:
    """Return the numbers of a .npy file, of `shape`; None leaves a length open.

    Raises UnreadableFileError with `remedy` where the file is missing, damaged, of another shape, or holds
    anything but finite numbers.
    """
    _regular(path, remedy)
    try:
        # Mapped first: a header that promises more than the file holds is refused before memory is taken.
        mapped = np.lib.format.open_memmap(path, mode="r")
        array: AnyArray = np.array(mapped)
    except (OSError, ValueError, TypeError, EOFError, MemoryError, SyntaxError, OverflowError) as error:
        raise damaged(path, error, remedy) from error
    fault = _fault(array, "biuf", shape)
    if fault:
        raise damaged(path, ValueError(fault), remedy)
    return array


def check_shape(path: Path, array: AnyArray, shape: Sequence[int | None], remedy: str) -> None:
    """Raise UnreadableFileError with `remedy` where an array read from `path` is not of `shape`."""
    fault = _fault(array, array.dtype.kind, shape)
    if fault:
        raise damaged(path, ValueError(fault), remedy)


class SavedArrays:
    """Named arrays of a file, each checked as it is asked for."""

    def __init__(self, path: Path, remedy: str, arrays: Mapping[str, AnyArray]) -> None:
        self._path, self._remedy, self._arrays = path, remedy, arrays

    def get(self, name: str, dtype: type[Number], shape: Sequence[int | None]) -> npt.NDArray[Number]:
        """Return the array `name` as `dtype` and of `shape`, where None leaves a length open.

        Raises UnreadableFileError where it is absent, of another kind or shape, or not finite.
        """
        array = self._arrays.get(name)
        if array is None:
            raise self.damaged(f"it lacks {name}")
        kinds = {"f": "fiu", "i": "iu", "u": "u", "b": "b"}[np.dtype(dtype).kind]
        fault = _fault(array, kinds, shape)
        if fault:
            raise self.damaged(f"{name} {fault}")
        return array.astype(dtype)

    def damaged(self, fault: str) -> UnreadableFileError:
        """Return the error for a fault of this file."""
        return damaged(self._path, ValueError(fault), self._remedy)


def damaged(path: Path, error: Exception, remedy: str) -> UnreadableFileError:
    """Return the error that tells that a file is damaged, and the way out."""
    what = str(error) if type(error) is ValueError else f"{type(error).__name__}: {error}"
    return UnreadableFileError(f"{path} is damaged ({what}). {remedy}")


def _regular(path: Path, remedy: str) -> None:
    if not path.is_file():  # a pipe or a device would be read for ever
        raise UnreadableFileError(f"{path} is missing. {remedy}")


def _fault(array: AnyArray, kinds: str, shape: Sequence[int | None]) -> str:
    """Return what is wrong with an array, "" where nothing is."""
    if array.dtype.kind not in kinds:
        return f"holds {array.dtype}, not numbers of its kind"
    fits = array.ndim == len(shape) and all(
        wanted is None or wanted == length for wanted, length in zip(shape, array.shape, strict=True)
    )
    if not fits:
        wanted = " by ".join("any" if length is None else str(length) for length in shape)
        return f"has the shape {array.shape}, not {wanted}"
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        return "holds NaN or infinity"
    return ""
