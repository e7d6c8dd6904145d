"""Times of tickets as they go out: on the desk's clock, without a zone, as they come in."""

from datetime import datetime
from typing import Annotated

from pydantic import PlainSerializer


def _written(time: datetime) -> str:
    return time.isoformat(sep=" ", timespec="seconds")


DeskTime = Annotated[datetime, PlainSerializer(_written, return_type=str, when_used="json-unless-none")]
"""Written as 2026-12-31 14:30:00."""
