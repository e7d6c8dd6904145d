"""Numbers as the report writes them: `0.644 [0.61, 0.68]`, counts with separators, durations."""

from typing import Any, Protocol

from ticketkin.core.wording import measured_seconds
from ticketkin.evaluation.metrics import METRICS

ABSENT = "\N{EN DASH}"


class Measured(Protocol):
    """A value with its 95 % interval; None where it could not be computed."""

    @property
    def value(self) -> float | None:
        """The value."""

    @property
    def low(self) -> float | None:
        """Its lower end."""

    @property
    def high(self) -> float | None:
        """Its upper end."""


def format_name(name: str) -> str:
    """Return a key of report.json as people write it: `Recall@10`, `MRR`, `Kin groups`."""
    metric = METRICS.get(name)
    if metric is not None:
        return metric.title
    text = name.removeprefix("n_").replace("_at_", "@").replace("_", " ")
    return text[:1].upper() + text[1:]


def format_share(value: float | None, digits: int = 3) -> str:
    """Return a value with so many digits, `0.644`; a dash where it is None."""
    if value is None:
        return ABSENT
    text = f"{value:,.{digits}f}"
    if not text.strip("-0."):  # a minus before nothing but zeros says nothing
        text = text.removeprefix("-")
    return text


def format_interval(metric: Measured | None) -> str:
    """Return the 95 % interval of a metric, `[0.61, 0.68]`, or "" where it has none."""
    if metric is None or metric.low is None or metric.high is None:
        return ""
    return f"[{format_share(metric.low, 2)}, {format_share(metric.high, 2)}]"


def format_metric(metric: Measured | None) -> str:
    """Return a metric with its interval, `0.644 [0.61, 0.68]`, or a dash where it has no value."""
    if metric is None or metric.value is None:
        return ABSENT
    return f"{format_share(metric.value)} {format_interval(metric)}".strip()


def format_gain(gain: Measured | None) -> str:
    """Return a signed gain with its signed interval, `+0.031 [+0.012, +0.050]`, or a dash."""
    if gain is None or gain.value is None:
        return ABSENT

    def signed(value: float) -> str:
        text = format_share(value)
        return text if value < 0 else f"+{text}"

    text = signed(gain.value)
    if gain.low is None or gain.high is None:
        return text
    return f"{text} [{signed(gain.low)}, {signed(gain.high)}]"


def format_count(value: Any) -> str:
    """Return an integer with thousands separators, a float short, anything else as text."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return f"{value:,}"
    if isinstance(value, float):
        return f"{value:,.0f}" if value.is_integer() else f"{value:,.3g}"
    return ABSENT if value is None else str(value)


def format_seconds(value: float | None) -> str:
    """Return a measured duration, `12 s` or `3 min 20 s`; a dash where it is None."""
    return ABSENT if value is None else measured_seconds(value)
