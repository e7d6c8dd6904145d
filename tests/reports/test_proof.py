"""How a verdict was reached, as the page tells and draws it."""

import copy
from typing import Any

import numpy as np
import pytest
from folds_material import comparison, in_folds
from hypothesis import given
from hypothesis import strategies as st
from test_html import text_of

from ticketkin.cli.verdict_screens import power_words
from ticketkin.evaluation.proof_results import PowerResult
from ticketkin.evaluation.schema import Report
from ticketkin.reports.html import write_report
from ticketkin.reports.material import ReportMaterial
from ticketkin.reports.proof import proof_figures, proof_section
from ticketkin.reports.proof_figures import power_figure


@pytest.fixture
def folds(report: dict[str, Any]) -> dict[str, Any]:
    return in_folds(report)


def section(report: dict[str, Any]):
    return proof_section(Report.model_validate(report))


def test_a_page_of_folds_says_how_it_was_judged_and_names_no_holdout(folds, undrawn, tmp_path) -> None:
    page = write_report(Report.model_validate(folds), undrawn, tmp_path).read_text("utf-8")
    text = text_of(page)
    for sentence in (
        "The 63 groups of duplicates were dealt into 5 parts.",
        "This was done 2 times with other parts",
        "Over the untouched model it gained +0.170 [+0.090, +0.250] in MRR",
        "it was the procedure that was judged",
        "1 of 4 tries looked like a gain (at most 1 in 20 is expected by chance), and 1 came up to the gain",
        "Not judged: lora.",
        "fusion (2 of 3), hybrid (1 of 3)",
        "Of 100 tickets with known kin, 85 find kin in the top 10, before 77",
        "Gain of fusion over base in MRR on 66 tickets with known kin",
        "All were scored on the same links: all links, by folds",
        "ROC-AUC, F1 and thresholds rest on 10 pairs of kin",
    ):
        assert sentence in text, sentence
    for absent in ("holdout", "held-out", "evaluation tickets", "evaluation links", "No candidate was tuned"):
        assert absent not in text.lower(), absent
    figures = {path.name for path in (tmp_path / "figures").iterdir()}
    assert figures == {"shuffled_links.png", "power.png", "learning_curve.png"}


def test_the_figures_draw_the_numbers_of_the_report(folds) -> None:
    report = Report.model_validate(folds)
    shuffled, power, learning = proof_figures(report)
    dots = shuffled.figure.axes[0].lines[1]
    assert dots.get_xdata().tolist() == report.cross_fitting.shuffled.gains
    curve = power.figure.axes[0].lines[0]
    at = np.interp(63, curve.get_xdata(), curve.get_ydata())
    assert at == pytest.approx(0.11, rel=1e-3)
    over = {line.get_label(): line for line in learning.figure.axes[0].lines}
    assert over["over hybrid"].get_ydata() == pytest.approx([0.02, 0.04, 0.05, 0.09])
    assert over["over base"].get_xdata() == pytest.approx([6, 12, 25, 50])


@given(st.integers(2, 5_000), st.floats(0.001, 0.5), st.integers(0, 10_000))
def test_the_curve_of_power_falls_and_meets_the_gain_seen_where_it_would_be_proven(
    n: int, smallest: float, more: int
) -> None:
    seen = smallest * np.sqrt(n / (n + more))
    power = PowerResult.model_validate(
        {
            "n_kin_groups": n,
            "smallest_provable_gain": smallest,
            "n_more_kin_groups": more,
            "gain": comparison(seen, 0.1, "fusion", "base"),
        }
    )
    x, y = power_figure(power, smallest).figure.axes[0].lines[0].get_data()
    assert (np.diff(y) < 0).all()
    if n + more <= x[-1]:
        assert np.interp(n + more, x, y) == pytest.approx(seen, rel=0.05)


@pytest.mark.parametrize(
    ("more", "sentence"),
    [
        (0, "The gain of 0.17 that was seen is larger than that."),
        (30, "about 30 more groups of duplicates would prove it, which takes about 32 links."),
        (None, "No gain was seen"),
    ],
)
def test_what_so_many_links_can_prove_is_stated(folds, more, sentence) -> None:
    folds["power"]["n_more_kin_groups"] = more
    folds["power"]["gain"]["p_value"] = 0.2
    words = " ".join(section(folds).power)
    assert "63 groups of duplicates judged. So many prove a gain of 0.11 or more in MRR" in words
    assert sentence in words


def test_a_gain_that_is_proven_asks_for_no_more_links(folds) -> None:
    folds["power"]["n_more_kin_groups"] = 8
    words = " ".join(section(folds).power)
    assert "was proven all the same" in words and "would prove it" not in words
    screen = power_words(PowerResult.model_validate(folds["power"]))
    assert screen is not None and "To prove the gain" not in screen


@pytest.mark.parametrize(
    ("value", "half", "sentence"),
    [
        (0.04, 0.01, "more links should make it better"),
        (0.02, 0.05, "can't be told yet"),
        (-0.001, 0.01, "most of what links of this kind can teach"),
        (-0.05, 0.01, "more links made it worse"),
    ],
)
def test_what_the_last_doubling_says_of_more_links(folds, value, half, sentence) -> None:
    folds["learning_curve"]["last_doubling"] = comparison(value, half, "fusion", "half of the links")
    words = " ".join(section(folds).learning)
    assert "+0.020 [-0.010, +0.050] in MRR when it learned from 6 groups of duplicates" in words
    assert sentence in words


def test_a_split_is_reported_with_its_parts_and_both_gains(report, undrawn, tmp_path) -> None:
    counts = {"n_with_kin": 40, "n_kin_groups": 20, "n_queries": 20}
    sizes = {"train": 2104, "evaluation": 372, "holdout": 275}
    report["splits"] = {name: {"n_tickets": n, **counts} for name, n in sizes.items()}
    text = " ".join(section(report).judged)
    assert "2,104 were learned from (40 with known kin), 372 were compared on" in text
    assert "+0.077 [+0.052, +0.101] on 412 evaluation tickets" in text
    assert "+0.060 [+0.031, +0.089] on 301 held-out tickets" in text


def test_without_links_of_people_nothing_is_called_judged(report) -> None:
    report["verdict"] |= {"answer": "unproven", "champion": "hybrid"}
    proof = section(report)
    assert proof.judged[0].startswith("Nothing was judged: nobody linked these tickets.")
    assert "nothing can be proven" in proof.power[0] and proof.choices == [] and proof.learning == []


def test_a_kept_baseline_is_not_called_fitted(folds) -> None:
    folds["verdict"] |= {"champion": "base", "kept_baseline": True}
    assert any("“base”, learns nothing from links." in sentence for sentence in section(folds).judged)


def test_a_report_from_before_the_proof_was_recorded_is_still_a_page(folds, tmp_path) -> None:
    earlier = copy.deepcopy(folds)
    del earlier["cross_fitting"]["retrieval"], earlier["power"]["gain"], earlier["learning_curve"]
    page = write_report(Report.model_validate(earlier), ReportMaterial(title="earlier"), tmp_path)
    assert "How this was judged" in text_of(page.read_text("utf-8"))


@pytest.mark.parametrize(
    ("p_value", "more", "sentence"),
    [(0.2, 40, "Not proven keep"), (0.2, 9_000, "No keep"), (0.001, 40, "No keep")],
)
def test_a_gain_that_a_few_more_links_would_prove_is_called_not_proven(
    folds, undrawn, tmp_path, p_value, more, sentence
) -> None:
    folds["verdict"] |= {"champion": "base", "kept_baseline": True}
    folds["power"]["gain"]["p_value"] = p_value
    folds["power"]["n_more_kin_groups"] = more
    text = text_of(write_report(Report.model_validate(folds), undrawn, tmp_path).read_text("utf-8"))
    assert sentence in text
    assert ("To find out whether the gain is real" in text) is (more == 40)  # 9,000 groups nobody can link
