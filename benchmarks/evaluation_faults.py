"""Faults of labels, splits and figures of labelled pairs, as notebooks make them."""

from collections.abc import Sequence

import numpy as np
import polars as pl
from sklearn.metrics import f1_score, roc_auc_score

from fault_bench import N_TICKETS, SEED, Bench, Fault
from ticketkin.core.checks import Check
from ticketkin.core.tables import IntArray
from ticketkin.evaluation.diagnostics.labels import LabelledPairs, circular_labels, class_support
from ticketkin.evaluation.diagnostics.leakage import leakage_checks
from ticketkin.evaluation.diagnostics.redundancy import metric_redundancy
from ticketkin.evaluation.diagnostics.similarities import split_mismatch, trivial_threshold
from ticketkin.evaluation.pair_decisions import PairScores
from ticketkin.tickets.templates import template_groups


def _labelled(bench: Bench, labels: IntArray, splits: Sequence[str] | None = None) -> LabelledPairs:
    left, right, _ = bench.pairs
    cosines = (bench.embeddings[left] * bench.embeddings[right]).sum(axis=1)
    frame = pl.DataFrame({
        "label": labels, "split": splits or ["train"] * len(left), "origin": ["file"] * len(left),
        "lexical_similarity": np.random.default_rng(0).random(len(left)), "base_similarity": cosines,
    })  # fmt: skip
    return LabelledPairs(frame, left, right, bench.texts, bench.groups)


def _labels_by_the_baseline(bench: Bench) -> tuple[str, Sequence[Check]]:
    left, right, _ = bench.pairs
    cosines = (bench.embeddings[left] * bench.embeddings[right]).sum(axis=1)
    labels = (cosines > np.median(cosines)).astype(np.int64)
    area = roc_auc_score(labels, cosines)
    return f"baseline AUC {area:.4f}", [circular_labels(_labelled(bench, labels))]


def _leakage_of(bench: Bench, splits: dict[str, IntArray], texts: list[str] | None = None) -> list[Check]:
    read = texts or bench.texts
    templates = template_groups(read, 0.9)
    return leakage_checks(bench.tickets, read, "{title}", bench.groups, templates, splits)


def _tickets_in_both(bench: Bench) -> tuple[str, Sequence[Check]]:
    rows = np.random.default_rng(SEED).permutation(N_TICKETS)
    splits = {"train": rows[:300], "holdout": rows[250:]}
    return f"{len(splits['train'])} train, {len(splits['holdout'])} test", _leakage_of(bench, splits)


def _by_kin_group(bench: Bench) -> dict[str, IntArray]:
    half = bench.groups % 2 == 0
    return {"train": np.flatnonzero(half), "holdout": np.flatnonzero(~half)}


def _near_repeats_across(bench: Bench) -> tuple[str, Sequence[Check]]:
    splits = _by_kin_group(bench)
    texts = list(bench.texts)
    for one, other in zip(splits["train"][:20], splits["holdout"][:20], strict=True):
        texts[other] = f"{texts[one]} (call 4711)"
    printed = f"{len(splits['train'])} train, {len(splits['holdout'])} test, no id in both"
    return printed, _leakage_of(bench, splits, texts)


def _resolution_in_text(bench: Bench) -> tuple[str, Sequence[Check]]:
    notes = bench.tickets.frame["close_notes"].to_list()
    texts = [f"{text}\n{note}" for text, note in zip(bench.texts, notes, strict=True)]
    model = bench.base()
    left, right, labels = bench.pairs
    a, b = (model.encode([texts[row] for row in side], normalize_embeddings=True) for side in (left, right))
    area = roc_auc_score(labels, (a * b).sum(axis=1))
    return f"AUC {area:.4f}", _leakage_of(bench, _by_kin_group(bench), texts)


def _easy_training_hard_test(bench: Bench) -> tuple[str, Sequence[Check]]:
    left, right, labels = bench.pairs
    easy = (bench.embeddings[left] * bench.embeddings[right]).sum(axis=1)
    kin, rest = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
    easy_pairs = np.r_[kin[np.argsort(-easy[kin])[:30]], rest[np.argsort(easy[rest])[:30]]]
    hard_pairs = np.setdiff1d(np.arange(len(labels)), easy_pairs)
    check = split_mismatch(
        {"train": easy[easy_pairs], "holdout": easy[hard_pairs]},
        {"train": labels[easy_pairs], "holdout": labels[hard_pairs]},
    )
    return f"training AUC {roc_auc_score(labels[easy_pairs], easy[easy_pairs]):.4f}", list(check)


def _f1_on_balanced_pairs(bench: Bench) -> tuple[str, Sequence[Check]]:
    left, right, labels = bench.pairs
    # Notebooks balance kin against lookalikes: the nearest strangers of each.
    hard = bench.embeddings[left] @ bench.embeddings.T
    hard[bench.groups[left][:, None] == bench.groups[None, :]] = -1
    cosines = np.r_[
        (bench.embeddings[left] * bench.embeddings[right]).sum(axis=1)[labels == 1], hard[labels == 1].max(1)
    ]
    truth = np.repeat([1, 0], 60)
    thresholds = np.unique(cosines)
    scores = [f1_score(truth, cosines >= t) for t in thresholds]
    best = float(thresholds[int(np.argmax(scores))])
    check = trivial_threshold("base", PairScores(cosines, truth, np.arange(120)), best)
    return f"F1 {max(scores):.4f}", [check]


def _class_absent(bench: Bench) -> tuple[str, Sequence[Check]]:
    _, _, labels = bench.pairs
    splits = np.array(["train", "evaluation", "holdout"])[np.arange(len(labels)) % 3]
    splits[(splits == "evaluation") & (labels == 1)] = "train"
    accuracy = float((labels[splits == "evaluation"] == 0).mean())
    check = class_support(_labelled(bench, labels, splits.tolist()))
    return f"validation accuracy {accuracy:.4f}", list(check)


def _one_metric_twice(bench: Bench) -> tuple[str, Sequence[Check]]:
    left, right, labels = bench.pairs
    cosines = (bench.embeddings[left] * bench.embeddings[right]).sum(axis=1)
    areas = {
        "base": float(roc_auc_score(labels, cosines)),
        "head": float(roc_auc_score(labels, cosines**3 + cosines)),
    }
    areas["head"] -= 0.01
    values = {name: {"roc_auc": area, "separation": area} for name, area in areas.items()}
    return f"roc_auc {areas['base']:.4f}, separation {areas['base']:.4f}", [metric_redundancy(values)]


EVALUATION_FAULTS = (
    Fault("labels by the baseline's own threshold", _labels_by_the_baseline, "circular_labels"),
    Fault("test tickets in training", _tickets_in_both, "leakage"),
    Fault("near-repeats across the border", _near_repeats_across, "leakage"),
    Fault("resolution notes in the text", _resolution_in_text, "resolution_in_text"),
    Fault("training pairs easy, test pairs hard", _easy_training_hard_test, "split_mismatch"),
    Fault("threshold by F1 on balanced pairs", _f1_on_balanced_pairs, "trivial_threshold"),
    Fault("a class absent from validation", _class_absent, "class_support"),
    Fault("one metric under two names", _one_metric_twice, "metric_redundancy"),
)
