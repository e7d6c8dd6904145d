"""What shapes a result beside data and settings: versions."""

import platform
from importlib.metadata import version

_VERSIONED = ("ticketkin", "sentence-transformers", "transformers", "torch", "scikit-learn", "polars")


def versions() -> dict[str, str]:
    """Return the versions that shape a result."""
    return {"python": platform.python_version(), **{name: version(name) for name in _VERSIONED}}
