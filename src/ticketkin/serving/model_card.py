"""MODEL_CARD.md: what a bundle is, how it was judged, what it costs, and where it ends."""

from collections.abc import Iterator

from ticketkin.core.wording import number_of
from ticketkin.evaluation.metric_definitions import Place
from ticketkin.evaluation.metric_results import Metric
from ticketkin.evaluation.metrics import METRICS
from ticketkin.evaluation.schema import Report
from ticketkin.serving.record import ServingRecord
from ticketkin.tickets.settings import TicketSettings


def model_card(report: Report, record: ServingRecord, licence: str) -> str:
    """Return the card as Markdown. `report` is the copy that may be passed on; it quotes no ticket."""
    return "\n".join(
        [
            "# Model card",
            "",
            *_verdict(report),
            *_labels(report),
            *_cost(record),
            *_base(record, report, licence),
            *_limits(report, record),
        ]
    )


def _verdict(report: Report) -> Iterator[str]:
    verdict = report.verdict
    yield "## Verdict"
    yield ""
    yield f"{verdict.reason}"
    yield ""
    yield (
        f"- Ranking that won: **{verdict.champion}**; best encoder alone: {verdict.encoder}; "
        f"baseline: {verdict.baseline}, {report.base_called}"
    )
    yield f"- Readiness: {report.readiness.tier}"
    if report.synthetic:
        yield "- The tickets are the built-in synthetic sample: these numbers say nothing of a real desk"
    yield ""
    yield (
        "| ranking | links | queries | "
        + " | ".join(m.title for m in METRICS.shown_in(Place.TERMINAL))
        + " |"
    )
    yield "|---|---|---|" + "---|" * len(METRICS.shown_in(Place.TERMINAL))
    judging = ("all, by folds" if report.cross_fitting else "evaluation", "holdout")
    for name in dict.fromkeys([verdict.champion, verdict.baseline]):
        candidate = report.candidates[name]
        for result, links in zip((candidate.evaluation, candidate.holdout), judging, strict=True):
            if result is not None:
                shown = " | ".join(_shown(result.metric(m.name)) for m in METRICS.shown_in(Place.TERMINAL))
                yield f"| {name} | {links} | {result.retrieval.n_queries:,} | {shown} |"
    yield ""
    yield "Values stand with their 95 % intervals, which resample kin groups."
    yield ""
    yield from _how_judged(report)


def _how_judged(report: Report) -> Iterator[str]:
    """Tell how folds judged, where they did."""
    folds = report.cross_fitting
    if folds is None:
        return
    shuffled = folds.shuffled
    kept = "what is in this bundle learns nothing from links"
    if report.verdict.champion in folds.final.options:
        kept = "what is in this bundle was then fitted on all links, and no link was left to judge it by"
    yield (
        f"Judged by {number_of(folds.n_folds, 'fold')} over all {number_of(folds.n_kin_groups, 'group')} of "
        f"duplicates, {folds.n_repeats} times: whatever ranked a ticket had not seen its links. It was the "
        f"procedure that was judged; {kept}."
    )
    if shuffled.gains:
        yield (
            f"On links put on tickets at random, {shuffled.n_yes} of {number_of(len(shuffled.gains), 'try')} "
            "looked like a gain."
        )
    yield ""


def _shown(metric: Metric) -> str:
    if metric.value is None:
        return "-"
    if metric.low is None or metric.high is None:
        return f"{metric.value:.3f}"
    return f"{metric.value:.3f} [{metric.low:.3f}, {metric.high:.3f}]"


def _labels(report: Report) -> Iterator[str]:
    links = report.links
    yield "## Labels"
    yield ""
    yield f"- Links: {links.get('n_links', 0):,}, from {links.get('labels_from', 'unknown')}"
    for counted, what in ((links.get("by_kind"), "By kind"), (links.get("by_origin"), "By origin")):
        counts = ", ".join(f"{name} {n:,}" for name, n in (counted or {}).items())
        if counts:
            yield f"- {what}: {counts}"
    sizes = ", ".join(f"{name} {part.n_tickets:,}" for name, part in report.splits.items())
    what = "Tickets by split, for thresholds and kinds alone" if report.cross_fitting else "Tickets by split"
    yield f"- {what}: {sizes}"
    yield ""


def _cost(record: ServingRecord) -> Iterator[str]:
    n_passes = record.n_forward_passes
    yield "## What a new ticket costs"
    yield ""
    yield (
        f"{number_of(n_passes, 'forward pass')} through a model:"
        if n_passes
        else "No forward pass: words alone are compared."
    )
    yield ""
    for source in record.embeddings:
        yield f"- `{source.name}`: its text, by `{source.folder}`"
    if record.n_pairs_read:
        yield (
            "- `reranker`: its text together with that of each of the first "
            f"{number_of(record.n_pairs_read, 'ticket')} of its list, by `ranking/reranker/cross_encoder`"
        )
    yield ""


def _base(record: ServingRecord, report: Report, licence: str) -> Iterator[str]:
    yield "## Base model"
    yield ""
    judged, served = (
        {getattr(source, name) for source in record.embeddings} for name in ("judged_by", "runtime")
    )
    if served:
        by, now = (", ".join(sorted(names)) for names in (judged, served))
        yield (
            f"- Judged with {by}; answers are computed with {now}, whose fidelity was measured."
            if by != now
            else f"- Judged and answered with {by}."
        )
    yield f"- {record.base_model}, {report.encoder.get('max_length_tokens', '?')} tokens"
    if record.code:
        yield (
            f"- It runs code of its own, of {record.code}, which lies in no bundle: whoever opens this one "
            f"reads it and allows it with --trust-code {record.code}"
        )
    yield f"- Licence: {licence or 'not known here; see the model card of the base model'}"
    yield ""


def _limits(report: Report, record: ServingRecord) -> Iterator[str]:
    yield "## Limits"
    yield ""
    yield "- Judged on the links of one desk; for another desk's tickets its numbers do not hold."
    yield (
        f"- Statistics of words, crowding and calibration are frozen at the {_frozen_at(report)} tickets; "
        "only a new run renews them."
    )
    yield f"- {_masking(record.tickets)} (redaction version {record.redaction_version})."
    if record.masks_words:
        yield (
            "- Its run masked a list of names, which is not in here: whoever serves it gives the list again."
        )
    if record.kinds.is_learned:
        yield (
            "- Kinds of kin hold frequent categories, priorities and projects by name; no other "
            "word of a ticket is in here."
        )
    else:
        yield f"- No kinds of kin: {record.kinds.reason}"
    for warning in report.warnings:
        yield f"- {warning.message}"
    for check in report.diagnostics:
        if check.outcome in ("failed", "warning"):
            yield f"- {check.evidence}. {check.advice}"
    yield ""


def _frozen_at(report: Report) -> str:
    return "run's" if report.cross_fitting else "training"


def _masking(settings: TicketSettings) -> str:
    if not settings.redact:
        return "Personal data is NOT masked, as in its run"
    return "Personal data and secrets in new tickets are masked as in its run, before anything is kept"
