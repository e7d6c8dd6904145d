"""Figures carry the data they are given, with words and without global state."""

import re
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import auc, confusion_matrix

from ticketkin.reports import drawing, figures, page
from ticketkin.reports.drawing import inline_svg
from ticketkin.reports.kin_figures import kinds_confusion_figure
from ticketkin.reports.material import (
    EpochCurve,
    PairSimilarities,
    RecallCurve,
    StrengthCurve,
    TokenLengths,
    TrainingCurve,
)
from ticketkin.reports.training_figures import (
    epochs_figure,
    smoothed,
    strengths_figure,
    training_figure,
)


def line(axes, label):
    return next(drawn for drawn in axes.lines if drawn.get_label().startswith(label))


def test_confusion_counts_agree_with_scikit_learn(material):
    pairs = material.pair_similarities["fusion"]
    expected = confusion_matrix(pairs.labels, pairs.similarities >= pairs.threshold, labels=[1, 0])
    assert figures.confusion_counts(pairs) == tuple(expected.ravel())
    shown = figures.confusion_figure("fusion", pairs)
    texts = [text.get_text() for text in shown.figure.axes[0].texts]
    assert texts[::2] == [f"{count:,}" for count in expected.ravel()]
    assert f"{expected[0, 0]} kin found" in shown.alt


def test_a_pair_at_the_threshold_is_called_kin():
    assert figures.confusion_counts(PairSimilarities(np.array([0.5, 0.5]), np.array([1, 0]), 0.5)) == (
        1,
        0,
        1,
        0,
    )


def test_roc_passes_through_the_threshold_and_states_its_area(material):
    shown = figures.roc_figure(material.pair_similarities)
    axes = shown.figure.axes[0]
    curve = line(axes, "fusion")
    area = auc(*curve.get_data())
    assert curve.get_label() == f"fusion {area:.3f}"
    hits, misses, false_alarms, rejections = figures.confusion_counts(material.pair_similarities["fusion"])
    dots = [tuple(np.ravel(drawn.get_data())) for drawn in axes.lines if drawn.get_marker() == "o"]
    assert (false_alarms / (false_alarms + rejections), hits / (hits + misses)) in dots


def test_precision_recall_marks_no_threshold_that_calls_nothing_kin():
    pairs = PairSimilarities(np.array([0.2, 0.4, 0.1]), np.array([1, 0, 0]), 0.99)
    axes = figures.precision_recall_figure({"base": pairs}).figure.axes[0]
    assert not [drawn for drawn in axes.lines if drawn.get_marker() == "o"]


def test_recall_figure_draws_each_candidate_and_thickens_the_champion(material):
    axes = figures.recall_figure(material.recall_curves, "fusion", "evaluation links").figure.axes[0]
    for name, curve in material.recall_curves.items():
        assert np.array_equal(line(axes, name).get_ydata(), curve.share)
    widths = {drawn.get_label(): drawn.get_linewidth() for drawn in axes.lines}
    assert max(widths, key=widths.get) == "fusion"
    looks = {(drawn.get_color(), str(drawn.get_linestyle()), drawn.get_marker()) for drawn in axes.lines}
    assert len(looks) == len(material.recall_curves)


def test_training_figure_shows_the_learning_rate_that_was_applied(material):
    record = material.training["lora"]
    shown = training_figure("lora", record)
    lower = shown.figure.axes[1]
    assert np.array_equal(lower.lines[0].get_ydata(), record.learning_rate)
    assert "240 steps" in shown.alt
    assert "0.0002" in shown.alt


def test_epochs_show_loss_and_what_the_model_was_worth_after_each():
    curve = EpochCurve(
        loss=np.array([0.9, 0.5, 0.3]),
        mrr=np.array([0.6, 0.7, 0.65]),
        spearman=np.array([0.3, 0.4, 0.5]),
        pearson=np.array([0.2, 0.3, 0.4]),
        kept_epoch=2,
    )
    shown = epochs_figure("lora", curve)
    upper, lower = shown.figure.axes
    assert np.array_equal(upper.lines[0].get_ydata(), curve.loss)
    for name, values in (("MRR", curve.mrr), ("Spearman", curve.spearman), ("Pearson", curve.pearson)):
        assert np.array_equal(line(lower, name).get_ydata(), values)
    assert line(lower, "kept").get_xdata()[0] == 2 and "Epoch 2 is kept" in shown.explanation
    without_pairs = replace(curve, spearman=np.array([]), pearson=np.array([]))
    assert "<svg" in inline_svg(epochs_figure("lora", without_pairs))


def test_one_training_step_can_be_drawn():
    shown = training_figure("head", TrainingCurve(np.array([1e-3]), np.array([0.7])))
    assert "<svg" in inline_svg(shown)


def test_lengths_count_what_the_model_does_not_read():
    shown = figures.lengths_figure(TokenLengths(np.array([10, 20, 256, 257, 900_000]), 256))
    assert "40.0 %" in shown.explanation
    axes = shown.figure.axes[0]
    assert sum(bar.get_height() for bar in axes.patches) == 5  # the longest are in the last bar, not lost
    assert line(axes, "the model reads 256").get_xdata()[0] == 256


def test_strengths_begin_at_one_model_and_ring_the_chosen_one():
    curves = {
        "head": StrengthCurve(np.array([0, 0.5, 1.0]), np.array([0.6, 0.64, 0.62]), 0.5),
        "lora": StrengthCurve(np.array([0, 0.5, 1.0]), np.array([0.601, 0.602, 0.6]), 0.0),
    }
    axes = strengths_figure(curves).figure.axes[0]
    assert [line(axes, name).get_ydata()[0] for name in curves] == [0, 0]
    ring = next(drawn for drawn in axes.lines if drawn.get_fillstyle() == "none")
    assert tuple(np.ravel(ring.get_data())) == pytest.approx((0.5, 0.04))
    low, high = strengths_figure({"lora": curves["lora"]}).figure.axes[0].get_ylim()
    assert low <= -0.02 and high >= 0.02, "a thousandth does not fill the axis"


@given(st.lists(st.floats(0, 50), min_size=1, max_size=80))
def test_a_smoothed_loss_stays_within_what_was_measured(loss):
    line = smoothed(np.array(loss))
    assert len(line) == len(loss)
    assert line.min() >= min(loss) - 1e-9 and line.max() <= max(loss) + 1e-9


def test_probabilities_are_drawn_where_their_threshold_means_something():
    random = np.random.default_rng(0)
    pairs = PairSimilarities(
        np.r_[np.geomspace(1e-9, 0.002, 40), random.uniform(0.6, 1.0, 40)],
        np.r_[np.zeros(40), np.ones(40)].astype(np.int64),
        0.004,
    )
    axes = figures.similarity_histogram("fusion", pairs).figure.axes[0]
    assert axes.get_xscale() == "logit"
    threshold = axes.transAxes.inverted().transform(axes.transData.transform((0.004, 0)))[0]
    assert 0.1 < threshold < 0.9, "between the hills, not on the axis"
    # 60 bars, then two outlines: each class adds up to 1, whatever lies beyond the ends of the scale.
    assert sum(bar.get_height() for bar in axes.patches if hasattr(bar, "get_height")) == pytest.approx(2)


def test_kinds_without_a_pair_are_left_out_of_the_matrix():
    confusion = [[54, 0, 0, 12], [0, 0, 0, 0], [0, 0, 0, 0], [17, 0, 0, 181]]
    n_pairs = {"duplicate": 66, "related": 0, "causal": 0, "none": 198}
    shown = kinds_confusion_figure(n_pairs, confusion)
    axes = shown.figure.axes[0]
    assert [label.get_text() for label in axes.get_xticklabels()] == ["duplicate", "none"]
    assert [text.get_text() for text in axes.texts] == ["54\n82 %", "12\n18 %", "17\n9 %", "181\n91 %"]


def test_a_single_point_recall_curve_can_be_drawn():
    shown = figures.recall_figure(
        {"base": RecallCurve(np.array([10]), np.array([0.0]))}, "base", "evaluation links"
    )
    assert "base 0 %" in shown.alt


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.tuples(st.floats(-1, 1, width=32), st.integers(0, 1)), min_size=2, max_size=30).filter(
        lambda rows: len({label for _, label in rows}) == 2
    ),
    st.floats(-1, 1),
)
def test_any_pairs_of_both_classes_can_be_drawn(rows, threshold):
    pairs = PairSimilarities(
        np.array([s for s, _ in rows]), np.array([label for _, label in rows]), threshold
    )
    assert sum(figures.confusion_counts(pairs)) == len(rows)
    histogram = figures.similarity_histogram("base", pairs).figure.axes[0]
    assert histogram.get_legend() is not None
    figures.roc_figure({"base": pairs})
    figures.precision_recall_figure({"base": pairs})


@pytest.mark.filterwarnings("error")
def test_inline_svg_is_named_repeatable_and_its_references_resolve(material):
    first = inline_svg(figures.roc_figure(material.pair_similarities))
    second = inline_svg(figures.roc_figure(material.pair_similarities))
    assert first == second
    assert 'role="img" aria-labelledby="roc-alt"' in first
    ids = re.findall(r'\bid="([^"]+)"', first)
    assert len(ids) == len(set(ids))
    assert set(re.findall(r'(?:href="#|url\(#)([^")]+)', first)) <= set(ids)
    assert "var(--blue)" in first


def test_drawing_leaves_pyplot_alone(material):
    figures.roc_figure(material.pair_similarities)
    pyplot = sys.modules.get("matplotlib.pyplot")
    assert pyplot is None or not pyplot.get_fignums()


def test_every_colour_of_a_figure_stands_in_the_style_of_the_page_in_light_and_dark() -> None:
    css = (Path(page.__file__).parent / "templates" / "report.css").read_text("utf-8")
    for variable in drawing._VARIABLES.values():
        assert css.count(f"--{variable}:") == 2, variable
