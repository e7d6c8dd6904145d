"""The values of a run folder, each read and derived once, and only where a stage declares it."""

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from ticketkin.runs.artifacts import Artifact, Place

T = TypeVar("T")


class UndeclaredError(RuntimeError):
    """A stage reads what it does not declare: a fault of Ticketkin, as its results could go stale unseen."""


@dataclass
class _Memory:
    read: dict[Place, Any] = field(default_factory=dict)
    derived: dict[Hashable, tuple[tuple[Place, ...], Any]] = field(default_factory=dict)


class RunValues:
    """Typed values of a run folder. What is read once is kept until it is written anew."""

    def __init__(
        self, folder: Path, declared: frozenset[Place] | None = None, stage: str = "", memory: Any = None
    ) -> None:
        """Only `declared` places may be read, all of them where it is None."""
        self._folder, self._declared, self._stage = folder, declared, stage
        self._memory: _Memory = memory or _Memory()

    def limited_to(self, declared: Iterable[Place], stage: str) -> "RunValues":
        """Return the same values, limited to those in `declared`, which `stage` may read."""
        return RunValues(self._folder, frozenset(declared), stage, self._memory)

    def read(self, artifact: Artifact[T]) -> T:
        """Return the value of an artifact. Raises as its reader does, and UndeclaredError."""
        self._check(artifact)
        place = Place(artifact.name)
        if place not in self._memory.read:
            self._memory.read[place] = artifact.read(self._folder / artifact)
        value: T = self._memory.read[place]
        return value

    def path(self, place: Place) -> Path:
        """Return where a file or folder lies. Raises UndeclaredError."""
        self._check(place)
        return self._folder / place

    def derive(self, key: Hashable, sources: tuple[Place, ...], compute: Callable[[], T]) -> T:
        """Return what `compute` makes of artifacts, computed once a `key`. Raises UndeclaredError."""
        for place in sources:
            self._check(place)
        if key not in self._memory.derived:
            self._memory.derived[key] = sources, compute()
        value: T = self._memory.derived[key][1]
        return value

    def forget(self, place: Place) -> None:
        """Drop what was read or derived of a file or folder: it is written anew."""
        for within in [kept for kept in self._memory.read if kept.lies_in(place)]:
            del self._memory.read[within]
        stale = [
            key
            for key, (sources, _) in self._memory.derived.items()
            if any(source.lies_in(place) for source in sources)
        ]
        for key in stale:
            del self._memory.derived[key]

    def _check(self, place: Place) -> None:
        if self._declared is not None and not any(place.lies_in(declared) for declared in self._declared):
            raise UndeclaredError(f"The stage {self._stage!r} reads {place}, which it does not declare")
