"""Options that belong together reach a command as one record."""

import dataclasses
from collections.abc import Callable
from functools import wraps
from inspect import Parameter, signature
from typing import Any, get_type_hints


def takes_records(command: Callable[..., None]) -> Callable[..., None]:
    """Return `command` as typer calls it: each parameter of a dataclass's type stands for the fields of it.

    The fields are annotated as parameters of a command are, and show in its help as these do.
    """
    hints: dict[str, Any] = get_type_hints(command, include_extras=True)
    records: dict[str, Any] = {name: hint for name, hint in hints.items() if dataclasses.is_dataclass(hint)}
    parameters: list[Parameter] = []
    for parameter in signature(command).parameters.values():
        if parameter.name in records:
            parameters += _options_of(records[parameter.name])
        else:
            parameters.append(parameter.replace(kind=Parameter.KEYWORD_ONLY))

    @wraps(command)
    def called(**given: Any) -> None:
        for name, record in records.items():
            values = {field.name: given.pop(field.name) for field in dataclasses.fields(record)}
            # Nothing given for what has a default that is made anew each time: the record makes it.
            given[name] = record(**{key: value for key, value in values.items() if value is not None})
        command(**given)

    called.__signature__ = signature(command).replace(parameters=parameters)  # type: ignore[attr-defined]
    called.__annotations__ = {one.name: one.annotation for one in parameters}
    return called


def _options_of(record: Any) -> list[Parameter]:
    hints = get_type_hints(record, include_extras=True)
    return [
        Parameter(
            field.name, Parameter.KEYWORD_ONLY, default=_default_of(field), annotation=hints[field.name]
        )
        for field in dataclasses.fields(record)
    ]


def _default_of(field: dataclasses.Field[Any]) -> Any:
    if field.default is not dataclasses.MISSING:
        return field.default
    return Parameter.empty if field.default_factory is dataclasses.MISSING else None
