"""What a mistyped name was meant to be, as the end of a message."""

import difflib
from collections.abc import Sequence
from pathlib import Path

# A folder of more files is not searched: a message should not wait for a network drive.
_MOST_FILES = 2_000


def near_name(name: str, names: Sequence[str]) -> str:
    """Return ` (did you mean 'title'?)` with the nearest of `names`, "" where none is near."""
    folded = {other.casefold(): other for other in names}
    close = difflib.get_close_matches(name.casefold(), list(folded), n=1)
    return f" (did you mean {folded[close[0]]!r}?)" if close else ""


def near_file(path: Path) -> str:
    """Return ` (did you mean 'incidents.csv'?)` for the nearest file of the folder, "" where none is near."""
    try:
        beside = [other.name for other, _ in zip(path.parent.iterdir(), range(_MOST_FILES), strict=False)]
    except OSError:
        return ""
    return near_name(path.name, sorted(beside))
