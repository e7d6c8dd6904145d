"""What leaves with a report: what was masked is said, and a shared copy holds nothing of a ticket."""

import dataclasses

import pytest
from pydantic import TypeAdapter, ValidationError

from relations_material import LEARNED
from ticketkin.core.checks import failed, warning
from ticketkin.evaluation.schema import Report
from ticketkin.relations.families import FamiliesRecord, FamilyRecord, TieRecord
from ticketkin.relations.record import KindsLearned, KindsNotLearned
from ticketkin.reports.html import DrawnFigures, render_report, write_report
from ticketkin.reports.material import MaskedKind, Masking
from ticketkin.reports.page_figures import PageFigure, PageFigures
from ticketkin.reports.sharing import shareable

NO_FIGURES = PageFigures([], [])

MASKING = Masking(True, (MaskedKind("[EMAIL]", "Addresses of mail."),), ("Names of people.",))


def test_what_was_looked_for_and_what_was_not_is_listed(report, undrawn, tmp_path):
    page = write_report(
        Report.model_validate(report), dataclasses.replace(undrawn, masking=MASKING), tmp_path
    ).read_text("utf-8")
    for phrase in (
        "[EMAIL]",
        "Addresses of mail.",
        "Not looked for",
        "Names of people.",
        "Patterns find most",
    ):
        assert phrase in page
    assert "switched off" not in page


def test_redaction_that_was_off_is_stated_before_anything_else(report, undrawn, tmp_path):
    material = dataclasses.replace(undrawn, masking=Masking(is_on=False))
    page = write_report(Report.model_validate(report), material, tmp_path).read_text("utf-8")
    assert "Redaction was switched off for this run" in page[: page.index("<h1>")]
    assert "nothing was replaced" in page
    assert "[EMAIL]" not in page[page.index('id="masked"') :]


def test_a_report_of_an_earlier_version_claims_nothing(report, undrawn, tmp_path):
    page = write_report(Report.model_validate(report), undrawn, tmp_path).read_text("utf-8")
    assert "treat them as personal data" in page and "treat all texts as personal data" in page


FAMILY = FamilyRecord(
    family=1,
    tickets=["CANARY-1", "CANARY-2", "7003"],
    duplicate_of={"CANARY-2": "CANARY-1"},
    causal=[TieRecord("CANARY-1", "7003", "people", 1.0)],
    related=[],
    longest_chain=["CANARY-1", "7003"],
    title="Canary printer prints nothing",
)


@pytest.fixture
def private(report, undrawn):
    """Report and material in which everything from tickets and files is a canary."""
    report["warnings"] = [{"code": "odd", "message": "the caller Jane Canary wrote most; 1,234 tickets"}]
    report["diagnostics"][0]["evidence"] = "as in “Canary printer down”, 3 times"
    report["tickets"] = {
        "n_tickets": 9, "system": "canary", "mapping": {"title": "canary"}, "notes": ["canary"],
        "unknown": {"canary": 3}, "redactions": {"email": 4},
    }  # fmt: skip
    report["links"] = {
        "n_links": 5, "labels_from": "person", "by_kind": {"duplicate": 5, "canary": 1},
        "by_origin": {"parent": 5, "canary": 1}, "cycles": [["canary"]], "ignored_kinds": {"canary": 2},
        "left_out_kinds": [{"kind": "canary", "n_links": 2, "why": "unknown", "option": "--set canary"}],
    }  # fmt: skip
    report["profile"] = {
        "n_tickets": 9, "categories": {"Canary": 7}, "templates": [["canary", 3]],
        "first_opened": "2024-01-08 06:31:19",
    }  # fmt: skip
    report["encoder"] = {"name": "all-MiniLM-L6-v2", "source": "/home/canary", "template": "{title} canary"}
    learned = KindsLearned.model_validate(LEARNED)
    gates = [
        warning("relation_contradictions", "2 pairs were given two kinds: 7003 and CANARY-2: x", "review"),
        failed("relation_support", "too few of Jane Canary", "add links"),
    ]
    material = dataclasses.replace(
        undrawn, title="canary.csv", command="ticketkin run canary.csv", masking=MASKING,
        relations=learned.model_copy(update={
            "gates": gates, "contradictions": [("7003", "CANARY-2", "x")], "notes": ["of Jane Canary"],
        }),
        families=FamiliesRecord(1, 3, [("7003", "canary")], [FAMILY]),
    )  # fmt: skip
    return Report.model_validate(report), material


VALUES = ["Jane Canary", "Canary printer down", "CANARY-1", "person", "yes", "1,234x", "7003"]


def test_a_shared_copy_keeps_numbers_and_nothing_else(private):
    shared = shareable(*private, DrawnFigures.of(*private).on_page(), VALUES)
    material = shared.material
    page = render_report(shared.report, material, shared.figures)
    assert "canary" not in page.lower()
    assert "7003" not in page
    assert "the caller … wrote most; 1,234 tickets" in page
    for kept in ("2024-01-08", "all-MiniLM-L6-v2", "category 1: 7", "no text", "too few of …"):
        assert kept in page
    assert "06:31" not in page
    assert material.families.families[0].longest_chain == ["1", "3"] and not material.families.left_out
    first, second = material.relations.gates
    assert first.evidence == "2 pairs were given two kinds" and first.advice == "review"
    assert second.evidence == "too few of …" and second.advice == "add links"
    assert material.relations.notes == ["of …"] and not material.relations.contradictions


def test_why_kinds_were_not_learned_is_shared_without_values(private):
    report, material = private
    lonely = dataclasses.replace(material, relations=KindsNotLearned(reason="too few of Jane Canary"))
    shared = shareable(report, lonely, NO_FIGURES, VALUES)
    assert shared.material.relations == KindsNotLearned(reason="too few of …")
    unlearned = dataclasses.replace(material, relations=None, families=None)
    nothing = shareable(report, unlearned, NO_FIGURES, VALUES).material
    assert nothing.relations is None and nothing.families is None


def test_only_the_figure_that_names_tickets_is_drawn_anew(private):
    drawn = DrawnFigures.of(*private).on_page()
    figures = shareable(*private, drawn, VALUES).figures
    whole, bare = ({figure.name: figure for figure in shown.others} for shown in (drawn, figures))
    assert "CANARY-1" in whole["family"].svg and "7003" in whole["family"].svg
    assert "<svg" in bare["family"].svg
    assert "canary" not in bare["family"].svg.lower() and "7003" not in bare["family"].svg
    assert whole.keys() == bare.keys() and figures.proof == drawn.proof
    assert all(bare[name] == whole[name] for name in whole.keys() - {"family"})


@pytest.mark.parametrize(
    "svg",
    [
        "<svg><script>alert(1)</script></svg>",
        '<svg onload="alert(1)"></svg>',
        '<svg><a href="https://elsewhere.example">x</a></svg>',
        '<svg><use href="https://elsewhere.example/x.svg#a"/></svg>',
        "<svg><foreignObject><iframe/></foreignObject></svg>",
        "<svg></svg><script>alert(1)</script>",
        "<svg>",
        '<!DOCTYPE svg [<!ENTITY x "y">]><svg>&x;</svg>',
    ],
)
def test_a_figure_that_is_read_may_only_draw(svg):
    with pytest.raises(ValidationError, match="no mere drawing"):
        TypeAdapter(PageFigure).validate_python({"title": "t", "explanation": "e", "name": "roc", "svg": svg})


def test_every_figure_of_a_report_is_a_drawing(private):
    shown = DrawnFigures.of(*private).on_page()
    assert TypeAdapter(PageFigures).validate_python(dataclasses.asdict(shown)) == shown


def test_a_value_of_a_ticket_in_the_words_of_a_figure_is_left_out(private):
    named = PageFigure("Of Jane Canary", "As Jane Canary says", "Jane Canary's line", "roc", "<svg></svg>")
    (shown,) = shareable(*private, PageFigures([named], []), VALUES).figures.proof
    assert shown == PageFigure("Of …", "As … says", "…'s line", "roc", "<svg></svg>")


def test_the_whole_report_is_left_as_it_is(private):
    report, material = private
    shareable(report, material, NO_FIGURES, VALUES)
    assert report.tickets["mapping"] == {"title": "canary"}
    assert material.false_alarms
