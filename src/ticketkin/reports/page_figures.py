"""Which figures a report shows, and what stands in place of those that can't be drawn."""

from dataclasses import dataclass

from ticketkin.evaluation.metrics import IN_FIRST_TEN
from ticketkin.evaluation.schema import Report
from ticketkin.reports import figures
from ticketkin.reports.drawing import ReportFigure, inline_svg, is_drawing
from ticketkin.reports.kinds import kinds_figures
from ticketkin.reports.material import ReportMaterial
from ticketkin.reports.training_figures import epochs_figure, strengths_figure, training_figure
from ticketkin.reports.wording import judging_links


@dataclass(frozen=True)
class PageFigure:
    """A figure as SVG for the page, or the reason why there is none."""

    title: str
    explanation: str
    alt: str = ""
    name: str = ""
    svg: str = ""
    names_tickets: bool = False

    def __post_init__(self) -> None:
        """Raise ValueError for an SVG that is more than a drawing."""
        if self.svg and not is_drawing(self.svg):
            raise ValueError(f"the figure {self.name!r} is no mere drawing")


@dataclass(frozen=True)
class PageFigures:
    """The figures of a page by the section they stand in."""

    proof: list[PageFigure]
    others: list[PageFigure]


def draw_figures(report: Report, material: ReportMaterial) -> list[ReportFigure | PageFigure]:
    """Return the figures in reading order; one that lacks its values is a `PageFigure` with the reason.

    Where folds judged, what they leave nothing to draw of is left out: the table of choices tells it.
    """
    drawn = [_recall(report, material), *_pair_figures(material, report.verdict.champion)]
    drawn += _tuning_figures(material, explain=report.cross_fitting is None)
    drawn.append(
        figures.lengths_figure(material.lengths)
        if material.lengths is not None and len(material.lengths.tokens)
        else PageFigure(
            "Are tickets too long for the model?", "Text lengths were not measured, so none are drawn."
        )
    )
    return [*drawn, *kinds_figures(material)]


def _tuning_figures(material: ReportMaterial, *, explain: bool) -> list[ReportFigure | PageFigure]:
    """Return the figures of strength and training; what lacks its values is explained or left out."""
    trained = {name: record for name, record in material.training.items() if len(record.loss)}
    drawn: list[ReportFigure | PageFigure] = []
    if material.strengths:
        drawn.append(strengths_figure(material.strengths))
    elif explain:
        drawn.append(
            PageFigure(
                "How much tuning is good?",
                "No candidate was tuned in this run, so there is no strength to choose. "
                "Add head or lora to --candidates.",
            )
        )
    for name, record in trained.items():
        drawn.append(training_figure(name, record))
        if record.epochs is not None:
            drawn.append(epochs_figure(name, record.epochs))
    if not trained and explain:
        drawn.append(
            PageFigure(
                "Training",
                "No training was recorded in this run: LoRA was not among the candidates, or there were no "
                "kin to train on. Add it with --candidates lexical,base,head,lora,fusion.",
            )
        )
    return drawn


def _recall(report: Report, material: ReportMaterial) -> ReportFigure | PageFigure:
    champion = report.verdict.champion
    measured = report.candidates[champion].evaluation.metric(IN_FIRST_TEN.name)
    curves = {name: curve for name, curve in material.recall_curves.items() if len(curve.k)}
    if curves:
        return figures.recall_figure(curves, champion, judging_links(report))
    if measured.value is not None:
        why = (
            "The ranks behind this curve were not kept; recall at 1, 5, 10 and 20 stand in the tables above."
        )
    else:
        why = (
            "No evaluation ticket has kin that it may see, so retrieval could not be measured. More links, "
            "or an export over a longer time, would allow it."
        )
    return PageFigure("How far down must one look?", why)


def _pair_figures(material: ReportMaterial, champion: str) -> list[ReportFigure | PageFigure]:
    scored = {name: p for name, p in material.pair_similarities.items() if figures.has_both_classes(p)}
    if not scored:
        return [
            PageFigure(
                "Kin and strangers",
                "The test pairs lack kin, or lack strangers, so histograms, ROC, precision-recall and "
                "the confusion matrix can't be drawn. More links would allow it.",
            )
        ]
    # The baseline first, so that the reader sees what changed.
    ordered = sorted(scored, key=lambda name: name == champion)
    drawn: list[ReportFigure | PageFigure] = [figures.similarity_histogram(n, scored[n]) for n in ordered]
    drawn += [figures.roc_figure(scored), figures.precision_recall_figure(scored)]
    decided = [name for name in reversed(ordered) if scored[name].threshold is not None]
    drawn.append(
        figures.confusion_figure(decided[0], scored[decided[0]])
        if decided
        else PageFigure(
            "Right and wrong calls", "No threshold was chosen, so no pair was called kin or not kin."
        )
    )
    return drawn


def inlined(drawn: list[ReportFigure | PageFigure]) -> list[PageFigure]:
    """Return the figures as they stand in the page."""
    return [
        PageFigure(
            shown.title, shown.explanation, shown.alt, shown.name, inline_svg(shown), shown.names_tickets
        )
        if isinstance(shown, ReportFigure)
        else shown
        for shown in drawn
    ]
