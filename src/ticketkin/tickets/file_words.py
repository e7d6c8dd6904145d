"""Words of a user's file as they may stand on the screen, in a log and in a report."""

from dataclasses import dataclass, field

from ticketkin.core.printing import printable_line
from ticketkin.tickets.redaction import Redactor

# A header may be a page long; of the part that is read, only the part that is shown is sure to be redacted.
_LONGEST_READ, _LONGEST_SHOWN = 2_000, 300


@dataclass(frozen=True)
class FileWords:
    """Column names, link types and the like: masked, on one line, without control characters, and cut."""

    redactor: Redactor | None
    """None where masking is switched off."""
    _shown: dict[str, str] = field(default_factory=dict)

    def shown(self, text: str) -> str:
        """Return `text` as it may be shown."""
        if text not in self._shown:
            beginning = text[:_LONGEST_READ]
            shown = printable_line(self.redactor.redact(beginning) if self.redactor else beginning)
            self._shown[text] = shown if len(shown) <= _LONGEST_SHOWN else shown[:_LONGEST_SHOWN] + "…"
        return self._shown[text]
