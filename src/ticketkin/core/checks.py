"""The result of a check: its outcome, its evidence, and what to do."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """What a check found."""

    PASSED = "passed"
    WARNING = "warning"
    FAILED = "failed"
    SKIPPED = "skipped"
    """It could not be made; the evidence says why."""


@dataclass(frozen=True)
class Check:
    """One thing looked at."""

    code: str
    """Stable name, for example `adapter_level`."""
    outcome: Outcome
    evidence: str
    """What was found, with its numbers."""
    advice: str = ""
    """What to do about it; empty if it passed."""


def passed(code: str, evidence: str) -> Check:
    """Return a check that found nothing wrong."""
    return Check(code, Outcome.PASSED, evidence)


def skipped(code: str, reason: str) -> Check:
    """Return a check that could not be made."""
    return Check(code, Outcome.SKIPPED, reason)


def failed(code: str, evidence: str, advice: str) -> Check:
    """Return a check that found a fault."""
    return Check(code, Outcome.FAILED, evidence, advice)


def warning(code: str, evidence: str, advice: str) -> Check:
    """Return a check that found something a person should know."""
    return Check(code, Outcome.WARNING, evidence, advice)


def any_failed(checks: Iterable[Check]) -> bool:
    """Return True if at least one check failed."""
    return any(check.outcome is Outcome.FAILED for check in checks)
