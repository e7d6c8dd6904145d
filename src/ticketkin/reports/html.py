"""report.html: one self-contained page that opens from disk without network, and its figures as PNG."""

from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from ticketkin.core.artifacts import atomic_path, write_json
from ticketkin.evaluation.metric_definitions import Place
from ticketkin.evaluation.metrics import METRICS
from ticketkin.evaluation.schema import Report
from ticketkin.reports import wording
from ticketkin.reports.borderline import borderline_section
from ticketkin.reports.candidate_tables import candidate_rows, metric_table
from ticketkin.reports.check_words import check_row, outcomes_in_words
from ticketkin.reports.data_tables import data_tables
from ticketkin.reports.drawing import ReportFigure, save_png
from ticketkin.reports.kinds import kinds_absent, kinds_section, largest_families
from ticketkin.reports.material import ReportMaterial
from ticketkin.reports.next_steps import next_steps
from ticketkin.reports.page import render_page
from ticketkin.reports.page_figures import PageFigure, PageFigures, draw_figures, inlined
from ticketkin.reports.proof import proof_figures, proof_section
from ticketkin.reports.readiness_table import readiness_rows

REPORT_HTML = "report.html"
FIGURES = "figures"
PAGE_FIGURES = "report_figures.json"

_FALSE_ALARMS = (
    "Worst false alarms",
    "Not linked by anyone, yet the winner finds them most alike. Some may be kin that nobody linked.",
    "There are none: no pair of strangers reached the threshold.",
)
_MISSES = (
    "Worst misses",
    "Linked as kin, yet the winner finds them least alike.",
    "There are none: every kin pair reached the threshold.",
)
_NOT_DECIDED = "No test pairs were decided in this run, so there are no mistakes to show."


@dataclass(frozen=True)
class DrawnFigures:
    """The figures of a report by the section they stand in."""

    proof: list[ReportFigure]
    others: list[ReportFigure | PageFigure]

    @classmethod
    def of(cls, report: Report, material: ReportMaterial) -> "DrawnFigures":
        """Draw them."""
        return cls(proof_figures(report), draw_figures(report, material))

    def on_page(self) -> PageFigures:
        """Return them as they stand in the page."""
        return PageFigures(inlined([*self.proof]), inlined(self.others))


def render_report(report: Report, material: ReportMaterial, figures: PageFigures) -> str:
    """Return the page as HTML text; every value from tickets is escaped by jinja2's autoescape."""
    comparisons = wording.comparison_rows(report)
    gain = wording.headline_gain(report, comparisons)
    is_synthetic = material.is_synthetic or report.synthetic
    is_decided = any(p.threshold is not None for p in material.pair_similarities.values())
    scored = material.pair_similarities.get(report.verdict.champion)
    n_examples = len(material.false_alarms) + len(material.misses)
    return render_page(
        "report.html",
        report=report,
        verdict=report.verdict,
        material=material,
        is_synthetic=is_synthetic,
        notices=wording.notices(report, material),
        words=wording.plain_words(report),
        gain=gain,
        gain_tickets=wording.gain_tickets(report, gain),
        about=wording.about(report.verdict.champion),
        too_few=wording.too_few(report),
        comparisons=comparisons,
        steps=next_steps(report, is_synthetic, n_examples, material.n_to_review),
        primary=METRICS.primary,
        columns=METRICS.shown_in(Place.REPORT),
        candidates=candidate_rows(report),
        tables={
            "evaluation": metric_table(report, "evaluation"),
            "holdout": metric_table(report, "holdout"),
        },
        in_folds=report.cross_fitting is not None,
        figures=figures.others,
        proof=proof_section(report),
        proof_figures=figures.proof,
        links=wording.judging_links(report),
        few_pairs=wording.few_pairs(report),
        few_test_pairs=wording.few_test_pairs(material),
        examples=[
            (title, meaning, pairs, absent if is_decided else _NOT_DECIDED)
            for title, meaning, pairs, absent in (
                (*_FALSE_ALARMS[:2], material.false_alarms, _FALSE_ALARMS[2]),
                (*_MISSES[:2], material.misses, _MISSES[2]),
                borderline_section(material),
            )
        ],
        masking=material.masking,
        masked_briefly=wording.masked_briefly(report, material),
        seed=report.seed,
        versions=report.versions,
        data_tables=data_tables(report, material),
        kinds=kinds_section(material),
        kinds_absent=kinds_absent(material),
        largest=largest_families(material),
        threshold=None if scored is None else scored.threshold,
        base_called=report.base_called,
        readiness=readiness_rows(report),
        checks=[check_row(check) for check in report.diagnostics],
        outcomes=outcomes_in_words(report.diagnostics),
    )


def write_report(report: Report, material: ReportMaterial, folder: Path) -> Path:
    """Write `folder/report.html` and its figures, and return the path of the page.

    `material` holds what `report` does not. The figures lie in `folder/figures` as PNG, and as they stand in
    the page in `folder/report_figures.json`, from which copies for others take them. Figures of an earlier
    report are replaced. The page names no web address and needs no other file.
    """
    drawn = DrawnFigures.of(report, material)
    with atomic_path(folder / FIGURES) as pictures:  # whole, so no picture need be written atomically
        pictures.mkdir()
        for shown in (*drawn.proof, *drawn.others):
            if isinstance(shown, ReportFigure):
                save_png(shown, pictures)
    figures = drawn.on_page()
    write_json(folder / PAGE_FIGURES, TypeAdapter(PageFigures).dump_python(figures, mode="json"))
    path = folder / REPORT_HTML
    write_page(path, report, material, figures)
    return path


def write_page(path: Path, report: Report, material: ReportMaterial, figures: PageFigures) -> None:
    """Write one page with all figures to `path`."""
    with atomic_path(path) as temporary:
        temporary.write_text(render_report(report, material, figures), "utf-8")
