"""Which links were opened to judge, when, and with which settings: kept where new runs find it.

A number on held-out links is a proof only at the first look: looking again with other settings and keeping
the best number means choosing on these links. So every opening is recorded beside its run and, as the next
run has another folder, in a file of this installation.
"""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.run_ownership import OPENINGS
from ticketkin.core.user_folders import user_folder
from ticketkin.core.wording import number_of


@dataclass(frozen=True)
class HoldoutOpening:
    """One time that a command looked at the links that judge."""

    opened_at: str
    """In UTC (ISO 8601)."""
    run: str
    """Name of the run folder."""
    command: str
    data_sha256: str
    """Of the ids of all tickets with kin, and who is whose kin."""
    holdout_sha256: str
    """The same of those that judge."""
    settings_sha256: str
    """Of what was tried: settings of a run, or models that were compared."""
    seed: int


@dataclass(frozen=True)
class Looks:
    """What is known of the openings of some links, including the one that gave a number."""

    number: int
    """Which look it was: openings with the same settings are one look."""
    n_looks: int
    """Different settings that were looked at."""
    n_openings: int
    seeds: tuple[int, ...]
    """Seeds tried on the same data, in the order of the first try."""

    @property
    def sentence(self) -> str:
        """How often the links were opened, and which look the number comes from."""
        times = "once" if self.n_openings == 1 else number_of(self.n_openings, "time")
        if self.n_looks == 1:
            again = "" if self.n_openings == 1 else ", each time with the same settings"
            return f"The links that judge were opened {times}{again}"
        return (
            f"The links that judge were opened {times} with {self.n_looks:,} different sets of settings; "
            f"this number is look {self.number:,} of {self.n_looks:,}"
        )


class HoldoutLedger:
    """Openings in files of one JSON object a line, each of which holds a part or all of them."""

    def __init__(self, files: Sequence[Path]) -> None:
        self.files = tuple(files)

    @classmethod
    def of_run(cls, folder: Path) -> "HoldoutLedger":
        """Return the ledger of a run: its own file, and the installation's where the user has a home."""
        state = user_folder("XDG_STATE_HOME", ".local/state")
        own = [folder / OPENINGS]
        return cls(own if state is None else [*own, state / "ticketkin" / "holdout_openings.jsonl"])

    def record(self, opening: HoldoutOpening, progress: Progress = SILENT) -> None:
        """Append an opening to every file; one that can't be written is named, and the others are."""
        for path in self.files:
            try:
                _append(path, json.dumps(asdict(opening), ensure_ascii=False))
            except OSError as error:
                progress.say(
                    f"  this look at the links that judge can't be noted in {path}: {error.strerror}"
                )

    def openings(self, progress: Progress = SILENT) -> list[HoldoutOpening]:
        """Return all openings, oldest first; lines that can't be read are counted and reported."""
        known: dict[HoldoutOpening, None] = {}
        for path in self.files:
            lines = _lines(path)
            read = [opening for opening in map(_parsed, lines) if opening is not None]
            known |= dict.fromkeys(read)
            if len(read) < len(lines):
                unread = number_of(len(lines) - len(read), "line does", "lines do")
                progress.say(f"  {unread} not count in {path}: not to be read")
        return sorted(known, key=lambda opening: opening.opened_at)

    def looks(self, opening: HoldoutOpening, progress: Progress = SILENT) -> Looks:
        """Return how often the links of `opening`, which is recorded, were opened so far."""
        every = self.openings(progress)
        every = every if opening in every else [*every, opening]
        same = [one for one in every if one.holdout_sha256 == opening.holdout_sha256]
        tried = list(dict.fromkeys(one.settings_sha256 for one in same))
        seeds = dict.fromkeys(one.seed for one in every if one.data_sha256 == opening.data_sha256)
        return Looks(tried.index(opening.settings_sha256) + 1, len(tried), len(same), tuple(seeds))


def now() -> str:
    """Return the time in UTC, to the microsecond: no two openings are one."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def _append(path: Path, line: str) -> None:
    """Append a line in one write, after one that a kill cut short."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as stream:
        is_cut_short = stream.tell() > 0 and not path.read_bytes().endswith(b"\n")
        stream.write(("\n" * is_cut_short + line + "\n").encode())


def _lines(path: Path) -> list[str]:
    try:
        return [line for line in path.read_text("utf-8", errors="replace").splitlines() if line.strip()]
    except OSError:
        return []


def _parsed(line: str) -> HoldoutOpening | None:
    try:
        opening = HoldoutOpening(**json.loads(line))
    except (ValueError, TypeError, RecursionError):
        return None
    values = asdict(opening)
    return opening if all(type(values[one.name]) is one.type for one in fields(opening)) else None
