"""Training a cross-encoder: every class weighted by its rarity, symmetric pairs read both ways."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ticketkin.core.artifacts import atomic_path, hash_path, hash_value, write_json
from ticketkin.core.errors import MissingExtraError
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.tables import BoolArray, Float64Array, IntArray
from ticketkin.encoders.cross_encoder import (
    CrossBase,
    cut_pairs,
    head_digest,
    head_tensors,
    load_cross_encoder,
    merged_cross_encoder,
    pair_logits,
    save_cross_adapter,
    save_cross_model,
)
from ticketkin.encoders.settings_files import is_importable
from ticketkin.training.device_use import recorded_use
from ticketkin.training.loop import EpochScores, Judge, TrainingLoop, seeded
from ticketkin.training.objective import Objective
from ticketkin.training.plan import passes_over
from ticketkin.training.record import TrainingRecord, training_versions, utc_now
from ticketkin.training.settings import PairReaderSettings
from ticketkin.training.tuning_data import Step

if TYPE_CHECKING:
    from torch import Tensor

PairJudge = Callable[[Float64Array], float]
"""The metric of the validation pairs' logits, shape (n, n_labels); higher is better."""
_METHOD = 2  # raise when a change of the method must not continue older checkpoints


@dataclass(frozen=True)
class PairExamples:
    """Pairs of texts with a class; all of length n_pairs."""

    left: list[str]
    right: list[str]
    label: IntArray
    """Class of each pair, from 0; two classes are learned as one value, the chance of class 1."""
    both_ways: BoolArray
    """True where the order has no meaning, so that the pair is trained in both orders."""
    n_classes: int

    def part(self, places: IntArray) -> "PairExamples":
        """Return some of the pairs."""
        return PairExamples(
            [self.left[place] for place in places],
            [self.right[place] for place in places],
            self.label[places],
            self.both_ways[places],
            self.n_classes,
        )

    def unfolded(self) -> "PairExamples":
        """Return every pair in each order in which it is valid: symmetric pairs in both."""
        turned = np.flatnonzero(self.both_ways)
        return PairExamples(
            self.left + [self.right[place] for place in turned],
            self.right + [self.left[place] for place in turned],
            np.concatenate([self.label, self.label[turned]]),
            np.concatenate([self.both_ways, self.both_ways[turned]]),
            self.n_classes,
        )

    @property
    def n_labels(self) -> int:
        """Values the head gives: one for two classes."""
        return 1 if self.n_classes == 2 else self.n_classes

    def digest(self) -> str:
        """Return the sha256 of texts and labels."""
        digest = hashlib.sha256()
        for left, right, label in zip(self.left, self.right, self.label.tolist(), strict=True):
            digest.update(f"{left}\0{right}\0{label}\0".encode("utf-8", "surrogatepass"))
        return digest.hexdigest()


@dataclass(frozen=True)
class TrainedCrossEncoder:
    """The model in memory, and what was done to get it."""

    model: Any
    record: TrainingRecord


class _PairObjective(Objective):
    """Cross-entropy of the head's values, each class weighted by its rarity."""

    def __init__(self, model: Any, examples: PairExamples) -> None:
        import torch

        self.model, self.examples = model, examples
        counts = np.maximum(np.bincount(examples.label, minlength=examples.n_classes), 1)
        weights = len(examples.label) / (examples.n_classes * counts)
        self._weights = torch.tensor(weights, dtype=torch.float32, device=model.device)

    def loss(self, step: Step) -> "Tensor":
        import torch
        from torch.nn.functional import binary_cross_entropy_with_logits, cross_entropy

        rows = step.positives.tolist()
        pairs = [(self.examples.left[row], self.examples.right[row]) for row in rows]
        features = {
            name: value.to(self.model.device) if hasattr(value, "to") else value
            for name, value in self.model.preprocess(pairs).items()
        }
        scores = self.model(features)["scores"].float()
        labels = torch.from_numpy(self.examples.label[step.positives]).to(self.model.device)
        if self.examples.n_classes == 2:
            weights = self._weights[labels]
            return binary_cross_entropy_with_logits(scores.reshape(-1), labels.float(), weight=weights)
        return cross_entropy(scores, labels, weight=self._weights)


def check_pair_reader(settings: PairReaderSettings) -> None:
    """Raise MissingExtraError where LoRA is asked for without peft; imports nothing."""
    if settings.method == "lora" and not is_importable("peft"):
        raise MissingExtraError(
            "A cross-encoder with method=lora needs peft, which is not installed; install the extra with: "
            "pip install 'ticketkin[lora]', or use method=full"
        )


def train_cross_encoder(
    base: CrossBase,
    examples: PairExamples,
    settings: PairReaderSettings,
    folder: Path,
    seed: int,
    progress: Progress = SILENT,
    validation: tuple[PairExamples, PairJudge] | None = None,
) -> TrainedCrossEncoder:
    """Train on `examples`, a killed training going on from `folder/checkpoint`. Deterministic by `seed`.

    The token limit holds for both texts together: the longer one is cut first (longest first), so that
    neither crowds the other out. The epoch that is best on the validation pairs is kept, and with
    `settings.patience` a plateau ends the training.
    Raises JobError as `TrainingLoop`, MissingExtraError where LoRA is asked for without peft.
    """
    both = examples.unfolded()
    identity = hash_value({
        "method": _METHOD,
        "settings": settings.shaping(),
        "seed": seed,
        "data": both.digest(),
        "base": {path.name: hash_path(path) for path in sorted(base.folder.glob("*.safetensors"))},
        "classes": both.n_classes,
    })  # fmt: skip
    with seeded(seed):
        model = load_cross_encoder(base.folder, base.device, both.n_labels)
        model.max_seq_length = settings.max_length_tokens
        before = head_tensors(model)
        if settings.method == "lora":
            _attach_adapter(model, settings)
        judge = None if validation is None else _judge(model, *validation)
        left, right = cut_pairs(model, both.left, both.right)
        lengths = np.array([len(a) + len(b) for a, b in zip(left, right, strict=True)])
        steps = passes_over(lengths, settings.epochs, settings.batch_size, seed)
        objective = _PairObjective(model, replace(both, left=left, right=right))
        loop = TrainingLoop("Cross-encoder", model, objective, steps, settings, judge)
        loop.run(folder / "checkpoint", identity, progress)
    if settings.method == "lora":
        _keep_adapter(model, folder / "adapter")
        model = merged_cross_encoder(base, model)
    record = _record(base, loop, both, settings)
    change = _relative_change(before, head_tensors(model))
    about_head = {"head_change": change, "head_digest": head_digest(model), "seed": seed}
    return TrainedCrossEncoder(model, record.model_copy(update=about_head))


def _relative_change(before: dict[str, "Tensor"], after: dict[str, "Tensor"]) -> float:
    """Return ||W after - W before|| / ||W before|| over all weights together."""
    change = sum(float((after[name] - weight).norm()) ** 2 for name, weight in before.items())
    size = sum(float(weight.norm()) ** 2 for weight in before.values())
    return float((change / max(size, 1e-24)) ** 0.5)


def save_cross_encoder(trained: TrainedCrossEncoder, folder: Path) -> None:
    """Write a plain sentence-transformers CrossEncoder folder and its training record."""
    save_cross_model(trained.model, folder)
    record = trained.record.model_copy(update={"made_at": utc_now()})
    write_json(folder / "training_metadata.json", record)


def _attach_adapter(model: Any, settings: PairReaderSettings) -> None:
    """Add LoRA to all linear layers; the head learns whole and is saved beside it."""
    check_pair_reader(settings)
    from peft import LoraConfig, TaskType

    heads = sorted({name.split(".")[0] for name in head_tensors(model)})
    model.add_adapter(
        LoraConfig(
            task_type=TaskType.SEQ_CLS,
            target_modules="all-linear",
            exclude_modules=rf".*\b({'|'.join(heads)})\b.*",
            r=settings.rank,
            lora_alpha=settings.alpha,
            lora_dropout=settings.dropout,
            modules_to_save=heads,
        )
    )


def _keep_adapter(model: Any, folder: Path) -> None:
    with atomic_path(folder) as temporary:
        save_cross_adapter(model, temporary)


def _judge(model: Any, pairs: PairExamples, metric: PairJudge) -> Judge:
    return lambda: EpochScores(metric(pair_logits(model, pairs.left, pairs.right)))


def _record(
    base: CrossBase,
    loop: TrainingLoop,
    examples: PairExamples,
    settings: PairReaderSettings,
) -> TrainingRecord:
    classes = np.bincount(examples.label, minlength=examples.n_classes)
    return TrainingRecord(
        method=f"cross-encoder, {settings.method}",
        base=base.name,
        fresh_head=base.n_labels != examples.n_labels,
        settings=settings.model_dump(mode="json"),
        examples={"cross_entropy": {f"class_{number}": int(n) for number, n in enumerate(classes)}},
        steps_planned=len(loop.steps),
        steps_done=len(loop.history.loss),
        stopped_early=loop.stopped_early,
        evaluations=loop.evaluations,
        history=loop.history,
        parameters_trained=sum(weight.numel() for weight in loop.weights.values()),
        batch_size=max(2, settings.batch_size // loop.pieces),
        device=base.device,
        **recorded_use([loop.meter]),
        precision=loop.precision.name,
        seconds=round(loop.seconds_before, 3),
        data_sha256=examples.digest(),
        versions=training_versions(),
    )
