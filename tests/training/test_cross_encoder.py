"""Cross-encoders: fair token limits, both orders, a head that is trained, merged and saved, resume."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ticketkin.core.checks import Outcome, any_failed
from ticketkin.core.errors import ModelUnavailableError
from ticketkin.encoders.cross_encoder import (
    CrossBase,
    head_check,
    head_tensors,
    load_cross_encoder,
    locate_cross_base,
    pair_logits,
)
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.training.cross_encoder import (
    PairExamples,
    TrainedCrossEncoder,
    save_cross_encoder,
    train_cross_encoder,
)
from ticketkin.training.loop import TrainingLoop
from ticketkin.training.record_checks import record_checks
from ticketkin.training.settings import CrossEncoderSettings
from tiny_model import WORDS

QUICK = CrossEncoderSettings(
    epochs=12, learning_rate=3e-3, max_length_tokens=32, checkpoint_steps=5, checkpoint_seconds=0
)


@pytest.fixture(scope="module")
def base(tiny_encoder_folder: Path) -> CrossBase:
    return CrossBase(tiny_encoder_folder, "tiny", 0, "cpu")


def _examples(n: int = 60, n_classes: int = 4) -> PairExamples:
    """Class 0: the same word; 1: one says 'reset'; 2: 'failed' before 'timeout'; 3: nothing."""
    generator = random.Random(0)
    left, right, label = [], [], []
    for place in range(n):
        kind = place % n_classes
        a, b = generator.sample(WORDS[:20], 2)
        one, other = {0: (a, a), 1: (f"{a} reset", b), 2: (f"{a} failed", f"{b} timeout"), 3: (a, b)}[kind]
        left.append(one)
        right.append(other)
        label.append(kind)
    kinds = np.array(label)
    return PairExamples(left, right, kinds, kinds != 2, n_classes)


def test_symmetric_pairs_are_read_both_ways_and_causes_in_their_own() -> None:
    examples = _examples(8)
    both = examples.unfolded()
    assert len(both.left) == 14
    seen = list(zip(both.left, both.right, both.label.tolist(), strict=True))
    for one, other, kind in zip(examples.left, examples.right, examples.label.tolist(), strict=True):
        assert (one, other, kind) in seen and ((other, one, kind) in seen) == (kind != 2)


def test_the_limit_is_shared_fairly(base: CrossBase) -> None:
    model = load_cross_encoder(base.folder, "cpu", 4)
    model.max_seq_length = 33  # three marks and 30 words
    long, short = " ".join(["printer"] * 50), "vpn mail"
    features = model.preprocess([(long, long), (long, short), (short, long)])
    second = features["token_type_ids"] * features["attention_mask"]
    n_second, n_all = second.sum(1).tolist(), features["attention_mask"].sum(1).tolist()
    assert n_all == [33, 33, 33]
    assert n_second[0] - 1 == 15, "two long texts get half each"
    assert n_second[1] - 1 == 2 and n_second[2] - 1 == 28, "a short one stays whole"


@pytest.mark.parametrize("method", ["full", "lora"])
def test_kinds_are_learned_and_the_saved_model_says_the_same(
    base: CrossBase, tmp_path: Path, method: Any
) -> None:
    examples = _examples()
    settings = QUICK.model_copy(update={"method": method, "dropout": 0.0})
    trained = train_cross_encoder(base, examples, settings, tmp_path, 0)
    logits = pair_logits(trained.model, examples.left, examples.right)
    assert (logits.argmax(axis=1) == examples.label).mean() > 0.4, "a quarter would be chance"
    assert trained.record.fresh_head and trained.record.head_change > 0.01
    assert list(trained.record.examples["cross_entropy"].values()) == [30, 30, 15, 30]
    assert not any_failed(record_checks(trained.record))
    save_cross_encoder(trained, tmp_path / "kept")
    again = load_cross_encoder(tmp_path / "kept", "cpu")
    np.testing.assert_allclose(pair_logits(again, examples.left, examples.right), logits, atol=1e-5)
    assert head_check(again, trained.record.head_change, trained.record.head_digest).outcome is Outcome.PASSED
    if method == "lora":
        saved = (tmp_path / "adapter" / "adapter_model.safetensors").read_bytes()
        assert b"classifier" in saved, "the head is saved beside the adapter"


def test_the_doctor_sees_a_head_that_was_not_trained_or_not_saved(base: CrossBase, tmp_path: Path) -> None:
    trained = train_cross_encoder(base, _examples(), QUICK, tmp_path, 0)
    fresh = load_cross_encoder(base.folder, "cpu", 4)
    lost = head_check(fresh, trained.record.head_change, trained.record.head_digest)
    assert lost.outcome is Outcome.FAILED and "not the one that training ended with" in lost.evidence
    frozen = head_check(trained.model, 0.0, trained.record.head_digest)
    assert frozen.outcome is Outcome.FAILED and "frozen" in frozen.evidence


def test_two_classes_are_one_value(base: CrossBase, tmp_path: Path) -> None:
    examples = _examples(n_classes=2)
    trained = train_cross_encoder(base, examples, QUICK, tmp_path, 0)
    logits = pair_logits(trained.model, examples.left, examples.right)
    assert logits.shape == (60, 1)
    assert ((logits[:, 0] > 0) == (examples.label == 1)).mean() > 0.8
    assert pair_logits(trained.model, [], []).shape == (0, 1)


def test_a_killed_training_ends_as_an_unbroken_one(
    base: CrossBase, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    examples = _examples(40)
    settings = QUICK.model_copy(update={"epochs": 3})
    whole = train_cross_encoder(base, examples, settings, tmp_path / "whole", 0)
    step = TrainingLoop._step
    done = 0

    def killed(self: TrainingLoop, number: int, progress: Any) -> bool:
        nonlocal done
        done += 1
        if done > 7:
            raise KeyboardInterrupt
        return step(self, number, progress)

    monkeypatch.setattr(TrainingLoop, "_step", killed)
    with pytest.raises(KeyboardInterrupt):
        train_cross_encoder(base, examples, settings, tmp_path / "killed", 0)
    monkeypatch.setattr(TrainingLoop, "_step", step)
    again = train_cross_encoder(base, examples, settings, tmp_path / "killed", 0)
    assert again.record.history.loss == whole.record.history.loss
    for name, weight in head_tensors(whole.model).items():
        np.testing.assert_array_equal(weight.numpy(), head_tensors(again.model)[name].numpy())


def test_validation_pairs_end_a_training_at_a_plateau(base: CrossBase, tmp_path: Path) -> None:
    examples = _examples(40)
    settings = QUICK.model_copy(update={"patience": 2})
    values = iter([0.5, 0.9, 0.4, 0.3, 0.2])
    trained = train_cross_encoder(
        base,
        examples,
        settings,
        tmp_path,
        0,
        validation=(examples.part(np.arange(8)), lambda _: next(values)),
    )
    stopped = trained.record.stopped_early
    assert stopped is not None and stopped.reason == "plateau"
    assert trained.record.steps_done < trained.record.steps_planned


def test_a_trained_head_is_kept_and_another_size_begins_anew(base: CrossBase, tmp_path: Path) -> None:
    trained = train_cross_encoder(base, _examples(), QUICK, tmp_path, 0)
    save_cross_encoder(TrainedCrossEncoder(trained.model, trained.record), tmp_path / "kept")
    settings = QUICK.model_copy(update={"base_model": str(tmp_path / "kept")})
    once = settings.model_copy(update={"epochs": 1})
    located = locate_cross_base(settings.base_model, EncoderSettings(offline=True, device="cpu"))
    assert located.n_labels == 4 and located.folder == tmp_path / "kept"
    again = train_cross_encoder(located, _examples(8), once, tmp_path / "more", 0)
    assert not again.record.fresh_head
    two = train_cross_encoder(located, _examples(8, 2), once, tmp_path / "two", 0)
    assert two.record.fresh_head
    with pytest.raises(ModelUnavailableError):
        locate_cross_base("no/such", EncoderSettings(offline=True))
