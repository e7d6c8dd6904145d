"""What a gain rests on: the champion without fields, without filing times, without text."""

from dataclasses import dataclass

from ticketkin.core.checks import Check, passed, skipped, warning
from ticketkin.core.wording import number_of, percent
from ticketkin.evaluation.metrics import METRICS

_CODE = "gain_sources"
_LEAST_OF_TEXT = 1 / 3
_MOST_OF_FIELDS = 0.8


@dataclass(frozen=True)
class GainSources:
    """The learned ranking fitted anew on parts of what it compares; each a mean of the primary metric."""

    n_queries: int
    baseline: float
    """Of the untouched model, on the same tickets."""
    whole: float
    without_fields: float
    without_times: float
    without_text: float
    """All visible tickets ranked by fields and filing times alone."""
    fields: tuple[str, ...]
    """Names of those that are compared."""

    @property
    def share_of_text(self) -> float | None:
        """Which part of the gain text brings beyond fields and times; None where nothing was gained."""
        gain = self.whole - self.baseline
        return (self.whole - self.without_text) / gain if gain > 0 else None

    @property
    def sentence(self) -> str:
        """What there is to know beside a verdict."""
        return (
            f"Fitted anew without fields it would gain {self.without_fields - self.baseline:+.3f}, without "
            f"filing times {self.without_times - self.baseline:+.3f}, and without reading any text "
            f"{self.without_text - self.baseline:+.3f}"
        )


def gain_sources(sources: GainSources | None) -> Check:
    """Warn where fields and filing times alone bring most of a gain; None where text alone is compared."""
    if sources is None:
        return passed(_CODE, "the champion compares texts alone, neither fields nor filing times")
    share = sources.share_of_text
    evidence = (
        f"{METRICS.primary.title} {sources.whole:.3f} with everything, {sources.baseline:.3f} by the "
        f"untouched model ({number_of(sources.n_queries, 'ticket')}). {sources.sentence}"
    )
    if share is None:
        return skipped(_CODE, f"nothing was gained. {evidence}")
    if share < _LEAST_OF_TEXT:
        return warning(
            _CODE,
            f"text brings {percent(max(0.0, share))} of the gain, fields and filing times alone the rest. "
            f"{evidence}",
            "make sure that the fields are filled in when a ticket opens, not once it is linked; among "
            "tickets of one day or one service this ranking is hardly better than before",
        )
    return passed(_CODE, evidence)


def fields_of_ranking(sources: GainSources) -> Check:
    """Judge how much of a learned ranking's quality goes with the fields that it compares."""
    evidence = (
        f"{METRICS.primary.title} {sources.whole:.3f} where {', '.join(sources.fields)} are compared, "
        f"{sources.without_fields:.3f} without ({number_of(sources.n_queries, 'ticket')})"
    )
    if sources.without_fields < _MOST_OF_FIELDS * sources.whole:
        return warning(
            "context_ablation",
            evidence,
            "most of the quality is the fields': make sure that they are filled in when a ticket opens",
        )
    return passed("context_ablation", evidence)
