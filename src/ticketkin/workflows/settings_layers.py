"""Values of settings as each source gives them: a file, the environment, the command line."""

import tomllib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ticketkin.core.errors import ConfigurationError
from ticketkin.core.near_names import near_file
from ticketkin.core.wording import number_of
from ticketkin.encoders.model_code import TRUST_CODE
from ticketkin.tickets.pseudonyms import KEY_FILE, SECRET

ENVIRONMENT_PREFIX = "TICKETKIN_"
# Variables of Ticketkin that are no settings.
_NOT_SETTINGS = {"TICKETKIN_CACHE", SECRET, KEY_FILE, TRUST_CODE}
_LARGEST_TOML_BYTES = 1 << 22
_DEEPEST_KEY = 8


def from_toml(config: Path | None) -> Mapping[str, Any]:
    """Return what `config` or ./ticketkin.toml sets. Raises ConfigurationError where `config` is missing."""
    path = config or Path("ticketkin.toml")
    if not path.exists():
        if config is not None:
            raise ConfigurationError(f"--config {config}: no such file{near_file(config)}")
        return {}
    return read_toml(path)


def read_toml(path: Path) -> dict[str, Any]:
    """Return the content of a settings file.

    Raises ConfigurationError for a folder, for invalid TOML, and for a file too large to hold settings.
    """
    if not path.is_file():
        raise ConfigurationError(f"{path} is no file; settings are read from a file such as ticketkin.toml")
    if path.stat().st_size > _LARGEST_TOML_BYTES:
        raise ConfigurationError(
            f"{path} has {number_of(path.stat().st_size, 'byte')} and settings {_LARGEST_TOML_BYTES:,} at "
            "most; name a settings file"
        )
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except (ValueError, RecursionError) as error:  # no TOML, no text, a number of 5,000 digits
        raise ConfigurationError(f"{path} is not valid TOML: {error}; correct it or name another") from None


def from_environment(environment: Mapping[str, str]) -> Mapping[str, Any]:
    """Return what the variables of Ticketkin set."""
    values: dict[str, Any] = {}
    for name in sorted(environment):
        if name.startswith(ENVIRONMENT_PREFIX) and name not in _NOT_SETTINGS:
            key = name.removeprefix(ENVIRONMENT_PREFIX).lower().replace("__", ".")
            merge(values, _nested(key, environment[name], f"The environment variable {name}"))
    return values


def variable_of(location: Sequence[int | str]) -> str:
    """Return the variable that sets a key, given by its parts."""
    return ENVIRONMENT_PREFIX + "__".join(str(part) for part in location).upper()


def from_assignment(text: str) -> Mapping[str, Any]:
    """Return what a text of --set assigns. Raises ConfigurationError where it is no assignment."""
    key, equals, value = text.partition("=")
    if not equals:
        raise ConfigurationError(f"--set {text!r}: write it as section.name=value, e.g. lora.rank=8")
    return _nested(key.strip(), value.strip(), f"--set {text!r}")


def _nested(key: str, value: str, source: str) -> Mapping[str, Any]:
    """Return `value` under the parts of the dotted `key`; `source` names where it comes from."""
    parts = key.split(".")
    if not all(parts) or len(parts) > _DEEPEST_KEY:
        raise ConfigurationError(
            f"{source}: {key!r} names no setting; write it as section.name=value, e.g. lora.rank=8"
        )
    nested: dict[str, Any] = {parts[-1]: _parsed(value)}
    for part in reversed(parts[:-1]):
        nested = {part: nested}
    return nested


def _parsed(text: str) -> Any:
    """Read a value as TOML does; what is no TOML value is plain text, so quotes are optional."""
    try:
        parsed = tomllib.loads(f"value = {text}")
    except (ValueError, RecursionError):
        return text
    return parsed["value"] if len(parsed) == 1 else text  # a line break would begin another setting


def merge(into: dict[str, Any], layer: Mapping[str, Any]) -> None:
    """Put the values of a later layer over those of earlier ones."""
    for key, value in layer.items():
        if isinstance(value, Mapping) and key in into:
            if not isinstance(into[key], dict):  # a later section must not hide an earlier error
                raise ConfigurationError(f"{key}: got {into[key]!r}; it is a section: set its values")
            merge(into[key], value)
        else:
            into[key] = dict(value) if isinstance(value, Mapping) else value
