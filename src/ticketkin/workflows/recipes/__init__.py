"""Recipes: named, complete training configurations, one file each beside this one."""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from ticketkin.core.errors import ConfigurationError
from ticketkin.core.stage_settings import StageSettings
from ticketkin.workflows.settings import Settings

_FOLDER = Path(__file__).parent
DEFAULT = "recommended"


@dataclass(frozen=True)
class Recipe:
    """A recipe by name: what it is, and the settings that differ from the defaults."""

    name: str
    about: str
    settings: Mapping[str, Any]


@cache
def recipes() -> dict[str, Recipe]:
    """Return all recipes by name, the default first."""
    by_name = {}
    for path in sorted(_FOLDER.glob("*.toml"), key=lambda path: (path.stem != DEFAULT, path.stem)):
        content = tomllib.loads(path.read_text("utf-8"))
        about = content.pop("about")
        by_name[path.stem] = Recipe(path.stem, about, content)
    return by_name


def recipe_settings(name: str) -> Mapping[str, Any]:
    """Return the settings of a recipe, its name among them. Raises ConfigurationError for an unknown one."""
    known = recipes()
    if name not in known:
        raise ConfigurationError(
            f"--recipe {name!r} is not known; choose one of {', '.join(known)} (see: ticketkin recipes)"
        )
    return {**known[name].settings, "recipe": name}


def recipe_section(name: str, candidate: str) -> StageSettings:
    """Return a recipe's section of settings of one candidate.

    Raises ConfigurationError for an unknown recipe, or one that does not train the candidate.
    """
    chosen = recipe_settings(name)
    trained = chosen.get("candidates", Settings().candidates)
    if candidate not in trained:
        raise ConfigurationError(
            f"The recipe {name!r} does not train {candidate!r}; it tries {', '.join(trained)}"
        )
    defaults: StageSettings = getattr(Settings(), candidate)
    return defaults.model_validate({**defaults.model_dump(mode="json"), **chosen.get(candidate, {})})
