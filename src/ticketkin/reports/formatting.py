"""Numbers as the report writes them: `.644 [.61, .68]`, counts with separators, durations."""

from collections.abc import Mapping
from typing import Any

ABSENT = "\N{EN DASH}"
_METRIC_NAMES = {
    "mrr": "MRR", "map": "MAP", "ndcg_at_10": "nDCG@10", "roc_auc": "ROC-AUC", "pr_auc": "PR-AUC", "f1": "F1",
}  # fmt: skip


def format_name(name: str) -> str:
    """Return a key of report.json as people write it: `Recall@10`, `MRR`, `Kin groups`."""
    if name in _METRIC_NAMES:
        return _METRIC_NAMES[name]
    text = name.removeprefix("n_").replace("_at_", "@").replace("_", " ")
    return text[:1].upper() + text[1:]


def format_share(value: float | None, digits: int = 3) -> str:
    """Return a value in [-1, 1] without its leading zero, `.644`; a dash where it is None."""
    if value is None:
        return ABSENT
    text = f"{value:.{digits}f}"
    if float(text) == 0:  # a minus before nothing but zeros says nothing
        text = text.removeprefix("-")
    return text.replace("0.", ".", 1) if abs(float(text)) < 1 else text


def format_interval(metric: Mapping[str, Any] | None) -> str:
    """Return the 95 % interval of a metric, `[.61, .68]`, or "" where it has none."""
    if not metric or metric.get("low") is None or metric.get("high") is None:
        return ""
    return f"[{format_share(metric['low'], 2)}, {format_share(metric['high'], 2)}]"


def format_metric(metric: Mapping[str, Any] | None) -> str:
    """Return a metric with its interval, `.644 [.61, .68]`, or a dash where it has no value."""
    if not metric or metric.get("value") is None:
        return ABSENT
    return f"{format_share(metric['value'])} {format_interval(metric)}".strip()


def format_gain(gain: Mapping[str, Any] | None) -> str:
    """Return a signed gain with its signed interval, `+.031 [+.012, +.050]`, or a dash."""
    if not gain or gain.get("value") is None:
        return ABSENT

    def signed(value: float) -> str:
        text = format_share(value)
        return text if value < 0 else f"+{text}"

    text = signed(gain["value"])
    if gain.get("low") is None or gain.get("high") is None:
        return text
    return f"{text} [{signed(gain['low'])}, {signed(gain['high'])}]"


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
    """Return a duration as `12 s`, `3 min 20 s` or `1 h 05 min`."""
    if value is None:
        return ABSENT
    if value < 9.95:
        return f"{value:.1f} s"
    seconds = round(value)
    if seconds < 60:
        return f"{seconds} s"
    minutes, seconds = divmod(seconds, 60)
    if minutes < 60:
        return f"{minutes} min {seconds:02d} s"
    return f"{minutes // 60} h {minutes % 60:02d} min"
