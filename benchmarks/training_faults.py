"""Faults of trainings and of labelled pair files: records, schedules, positives, phases, frozen tests."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import polars as pl
from sklearn.metrics import roc_auc_score

from fault_bench import LORA, SEED, Bench, Fault, adapter_of
from ticketkin.core.checks import Check, failed
from ticketkin.core.errors import MappingError
from ticketkin.core.tables import FloatArray, IntArray
from ticketkin.doctor.adapters import Subject, examine_adapter
from ticketkin.encoders.loading import load_float32
from ticketkin.evaluation.diagnostics.breadth import too_good
from ticketkin.evaluation.diagnostics.copies import equal_positives
from ticketkin.evaluation.diagnostics.labels import LabelledPairs
from ticketkin.evaluation.diagnostics.link_quality import inverted_labels
from ticketkin.evaluation.diagnostics.openings import holdout_openings
from ticketkin.evaluation.diagnostics.pair_files import (
    GivenLabels,
    circular_labels_as_given,
    mismatch_with_frozen_test,
    phases_get_harder,
)
from ticketkin.evaluation.pair_decisions import PairScores
from ticketkin.lexical.neighbours import paired_cosines, tfidf_matrix
from ticketkin.runs.holdout_ledger import HoldoutLedger, HoldoutOpening, now
from ticketkin.tickets.settings import LinkSettings
from ticketkin.training.head import Head, train_head
from ticketkin.training.record_checks import record_checks
from ticketkin.training.settings import HeadSettings
from ticketkin.workflows.link_checks import check_pair_file

_SHORT = HeadSettings(epochs=3)


def _loss(head: Head) -> str:
    return f"final loss {head.record.history.loss[-1]:.4f}"


def _hard_coded_rate(bench: Bench) -> tuple[str, Sequence[Check]]:
    configured = HeadSettings(learning_rate=3e-4, epochs=3)
    ignored = configured.model_copy(update={"learning_rate": 2e-6})
    head = train_head(bench.embeddings, bench.positives, ignored, SEED)
    record = head.record.model_copy(update={"settings": configured.model_dump()})
    return f"final loss {head.record.history.loss[-1]:.4f}", record_checks(record)


def _rate_too_low(bench: Bench) -> tuple[str, Sequence[Check]]:
    result = bench.train("slow", LORA.model_copy(update={"learning_rate": 5e-6}))
    model = load_float32(str(result.folder), "cpu")
    model.max_seq_length = 64
    printed = f"final loss {result.record.history.loss[-1]:.4f}, tuned AUC {bench.area(model):.4f}"
    return printed, examine_adapter(Subject(adapter_of(result), bench.encoder.source))


def _phases_ignored(bench: Bench) -> tuple[str, Sequence[Check]]:
    data = replace(bench.tuning_data, phase=np.full(len(bench.tuning_data.left), 3))
    record = bench.train("phases", LORA, data).record
    return f"3 phases, final loss {record.history.loss[-1]:.4f}", record_checks(record)


def _negatives_into_mnrl(bench: Bench) -> tuple[str, Sequence[Check]]:
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    left, right, labels = bench.pairs
    model = bench.base()
    loss = MultipleNegativesRankingLoss(model)
    sides = [model.preprocess([bench.texts[row] for row in side[-16:]]) for side in (left, right)]
    value = float(loss(sides, None).detach())
    seen = {"kin": int(labels.sum()), "not_kin": int((labels == 0).sum())}
    record = bench.trained.record.model_copy(update={"examples": {"ranking": seen}})
    return f"loss {value:.4f} (on pairs labelled not kin)", record_checks(record)


def _warm_up_cut_short(bench: Bench) -> tuple[str, Sequence[Check]]:
    record = bench.train("warm_up", LORA.model_copy(update={"warmup_steps": 500})).record
    return f"final loss {record.history.loss[-1]:.4f}", record_checks(record)


def _batches_without_a_stranger(bench: Bench) -> tuple[str, Sequence[Check]]:
    everything = np.zeros_like(bench.positives.group)
    head = train_head(bench.embeddings, replace(bench.positives, group=everything), _SHORT, SEED)
    return _loss(head), record_checks(head.record)


def _record_of_two_trainings(bench: Bench) -> tuple[str, Sequence[Check]]:
    one, other = (
        train_head(bench.embeddings, bench.positives, _SHORT.model_copy(update={"epochs": n}), SEED).record
        for n in (3, 5)
    )
    return _loss(Head(np.empty(0, dtype=np.float32), one)), record_checks(
        one.model_copy(update={"history": other.history})
    )


def _positives_of_one_text(bench: Bench) -> tuple[str, Sequence[Check]]:
    texts = [bench.texts[row] for row in bench.tuning_data.left]
    same = replace(bench.positives, right=bench.positives.left)
    head = train_head(bench.embeddings, same, _SHORT, SEED)
    return _loss(head), [equal_positives(list(zip(texts, texts, strict=True)))]


def _positives_shuffled(bench: Bench) -> tuple[str, Sequence[Check]]:
    left, right = bench.tuning_data.left, np.roll(bench.tuning_data.right, 7)
    head = train_head(bench.embeddings, replace(bench.positives, right=right), _SHORT, SEED)
    ids = bench.tickets.ids
    given = pl.DataFrame(
        {"left": [ids[row] for row in left], "right": [ids[row] for row in right], "kind": "duplicate"}
    ).with_columns(label=pl.lit(1, pl.Int8))
    try:
        check_pair_file(bench.place("pairs.json"), given, bench.tickets, LinkSettings())
    except MappingError as error:
        return _loss(head), [failed("refused", str(error), "")]
    return _loss(head), []


def _given(bench: Bench, labels: IntArray, is_test: IntArray) -> GivenLabels:
    left, right, _ = bench.pairs
    words = paired_cosines(tfidf_matrix(bench.texts), left, right)
    return GivenLabels(labels, is_test == 1, {"base": bench.cosines, "words": words}, "person")


def _labels_cut_by_words(bench: Bench) -> tuple[str, Sequence[Check]]:
    left, right, labels = bench.pairs
    words = paired_cosines(tfidf_matrix(bench.texts), left, right)
    cut = (words > np.median(words)).astype(np.int64)
    given = _given(bench, cut, np.zeros_like(labels))
    return f"AUC {roc_auc_score(cut, bench.cosines):.4f}", [circular_labels_as_given(given)]


def _by_ease(bench: Bench) -> tuple[IntArray, FloatArray, IntArray]:
    """Return labels, cosines, and which half of each class is the harder one."""
    _, _, labels = bench.pairs
    ease = np.where(labels == 1, bench.cosines, -bench.cosines)
    hard = np.zeros_like(labels)
    for label in (0, 1):
        rows = np.flatnonzero(labels == label)
        hard[rows[np.argsort(ease[rows])[: len(rows) // 2]]] = 1
    return labels, bench.cosines, hard


def _first_phase_only(bench: Bench) -> tuple[str, Sequence[Check]]:
    labels, cosines, hard = _by_ease(bench)
    area = roc_auc_score(labels[hard == 0], cosines[hard == 0])
    check = mismatch_with_frozen_test(_given(bench, labels, hard))
    return f"training AUC {area:.4f}", [] if check is None else [check]


def _phases_backwards(bench: Bench) -> tuple[str, Sequence[Check]]:
    left, right, labels = bench.pairs
    _, cosines, hard = _by_ease(bench)
    frame = pl.DataFrame({
        "label": labels, "phase": 2 - hard, "split": ["train"] * len(left), "origin": ["file"] * len(left),
        "lexical_similarity": cosines, "base_similarity": cosines,
    })  # fmt: skip
    pairs = LabelledPairs(frame, left, right, bench.texts, bench.groups)
    return f"{len(left)} pairs in 2 phases", [phases_get_harder(pairs)]


def _test_labels_inverted(bench: Bench) -> tuple[str, Sequence[Check]]:
    _, _, labels = bench.pairs
    test = np.arange(len(labels)) % 3 == 0
    similarities = {"train": bench.cosines[~test], "holdout": bench.cosines[test]}
    check = inverted_labels(similarities, {"train": labels[~test], "holdout": 1 - labels[test]})
    return f"test AUC {roc_auc_score(1 - labels[test], bench.cosines[test]):.4f}", [check]


def _label_among_the_features(bench: Bench) -> tuple[str, Sequence[Check]]:
    _, _, labels = bench.pairs
    scores = PairScores((bench.cosines + labels).astype(np.float32), labels, np.arange(len(labels)))
    return f"AUC {roc_auc_score(labels, scores.similarities):.4f}", [too_good("fusion", scores)]


def _third_look(bench: Bench) -> tuple[str, Sequence[Check]]:
    ledger = HoldoutLedger([bench.place("openings.jsonl")])
    best = 0.0
    for dimensions in (64, 128, 256):
        left, right, labels = bench.pairs
        cut = bench.embeddings[:, :dimensions]
        best = max(best, float(roc_auc_score(labels, (cut[left] * cut[right]).sum(axis=1))))
        opening = HoldoutOpening(now(), "june", "ticketkin evaluate", "data", "links", str(dimensions), SEED)
        ledger.record(opening)
    return f"best AUC {best:.4f}", [holdout_openings(ledger.looks(opening))]


TRAINING_FAULTS = (
    Fault("learning rate hard-coded", _hard_coded_rate, "learning_rate"),
    Fault("learning rate too low to move anything", _rate_too_low, "adapter_change"),
    Fault("phases ignored, two are empty", _phases_ignored, "phases"),
    Fault("labelled negatives into MNRL", _negatives_into_mnrl, "labels"),
    Fault("a warm-up longer than the training", _warm_up_cut_short, "warm_up"),
    Fault("batches without a stranger: a loss of 0.000", _batches_without_a_stranger, "loss_zero"),
    Fault("steps done are not the losses recorded", _record_of_two_trainings, "steps", "losses are recorded"),
    Fault("positives that are their anchors", _positives_of_one_text, "equal_positives"),
    Fault("positives shuffled", _positives_shuffled, "refused", "no nearer than chance"),
    Fault("labels of a file cut by TF-IDF", _labels_cut_by_words, "circular_labels", "words"),
    Fault("trained on the first phase alone", _first_phase_only, "split_mismatch", "easier than the frozen"),
    Fault("phases numbered from hard to easy", _phases_backwards, "phase_order", "runs backwards"),
    Fault("test labels inverted", _test_labels_inverted, "inverted_labels"),
    Fault("the label among the features", _label_among_the_features, "too_good"),
    Fault("the best of three looks at the holdout", _third_look, "holdout_openings", "look 3 of 3"),
)
