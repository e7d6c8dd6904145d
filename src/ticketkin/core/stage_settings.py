"""The base of every part of the configuration: what all refuse, and how a shell's values are read."""

import types
from collections.abc import Iterator, Mapping
from typing import Any, Union, get_args, get_origin

from pydantic import BaseModel, ConfigDict, ValidationInfo, field_validator

LARGEST_SEED = 2**32 - 1
"""What every generator of random numbers takes."""


class StageSettings(BaseModel):
    """Base of all parts: frozen, unknown keys rejected, field docstrings become descriptions.

    No number is infinite or not a number, no truth value stands for a number, and no text holds what
    config.toml can't.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", use_attribute_docstrings=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _as_meant(cls, value: Any, info: ValidationInfo) -> Any:
        """Read lists as a shell gives them; refuse values that pydantic would bend into shape."""
        annotation = cls.model_fields[info.field_name or ""].annotation
        if isinstance(value, str) and get_origin(annotation) is tuple:
            value = _split(value)
        for item in _plain_values(value):
            if isinstance(item, bool) and _plain_types(annotation) & {int, float}:
                raise ValueError(f"{str(item).lower()} is a truth value; write a number")
            if isinstance(item, str) and ("\0" in item or not _is_text(item)):
                raise ValueError("it holds bytes that are no text; write it anew")
        return value


def _split(text: str) -> list[str]:
    """Read `a,b` and `[a,b]` without quotes as a list: quotes rarely survive a shell."""
    inner = text.strip().removeprefix("[").removesuffix("]")
    return [part.strip().strip("'\"") for part in inner.split(",") if part.strip()]


def _plain_types(annotation: Any) -> set[Any]:
    """Return the types that an annotation is made of."""
    if get_origin(annotation) in (Union, types.UnionType, tuple):
        return {part for inner in get_args(annotation) for part in _plain_types(inner)}
    return {getattr(annotation, "__origin__", annotation)}  # Annotated[int, ...] is an int


def _plain_values(value: Any) -> Iterator[Any]:
    """Yield the values of nested lists, and the keys and values of a mapping."""
    if isinstance(value, list | tuple):
        for item in value:
            yield from _plain_values(item)
    elif isinstance(value, Mapping):
        yield from value
        yield from _plain_values(list(value.values()))
    else:
        yield value


def _is_text(text: str) -> bool:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True
