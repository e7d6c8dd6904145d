"""JSON files that are read back, checked against the types their reader needs."""

import json
import math
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from ticketkin.core.arrays import damaged
from ticketkin.core.errors import UnreadableFileError

Record = TypeVar("Record")


def read_record(path: Path, kind: type[Record] | TypeAdapter[Record], remedy: str) -> Record:
    """Return the content of a JSON file as `kind`: a dataclass, a pydantic model, a plain type, an adapter.

    Raises UnreadableFileError with `remedy`, what to do about it, where the file is missing, no JSON, or of
    other types; numbers must be finite.
    """
    if not path.is_file():  # a pipe or a device would be read for ever
        raise UnreadableFileError(f"{path} is missing. {remedy}")
    try:
        content = json.loads(path.read_bytes(), parse_constant=_finite, parse_float=_finite)
        adapter = kind if isinstance(kind, TypeAdapter) else TypeAdapter(kind)
        return adapter.validate_python(content)
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"]) or "its content"
        raise damaged(path, ValueError(f"{place}: {first['msg']}"), remedy) from error
    except RecursionError as error:
        raise damaged(path, ValueError("it is nested too deeply"), remedy) from error
    except (OSError, ValueError, MemoryError) as error:
        raise damaged(path, error, remedy) from error


def _finite(text: str) -> Any:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is no number")
    return value
