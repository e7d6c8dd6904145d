"""Where a user's own folders lie, by the XDG base directory specification."""

import os
from pathlib import Path


def user_folder(variable: str, usual: str) -> Path | None:
    """Return the folder that the environment's `variable` names, or `usual` in the user's home.

    A relative path in `variable` is ignored, as the specification asks. None where the user has no home.
    """
    named = Path(os.environ.get(variable, ""))
    if named.is_absolute():
        return named
    try:
        return Path.home() / usual
    except RuntimeError:
        return None
