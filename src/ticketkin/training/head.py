"""A linear head on frozen embeddings: most of LoRA's gain for a thousandth of its cost.

The head is a square matrix that starts at identity, so that it begins as the untouched model, and
is trained with an in-batch ranking loss (InfoNCE; van den Oord et al., 2018) in which kin groups
are never negatives of each other.
"""

import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.tables import FloatArray, IntArray
from ticketkin.core.threads import at_once, keep_to_one_thread
from ticketkin.encoders.dense import unit_length
from ticketkin.encoders.saving import base_of, extended, save_encoder
from ticketkin.encoders.token_limit import limit_tokens
from ticketkin.training.positives import PositivePairs
from ticketkin.training.record import History, TrainingRecord, training_versions
from ticketkin.training.settings import HeadSettings

if TYPE_CHECKING:
    from ticketkin.encoders.loading import LoadedEncoder

_SCALE = 20.0
_N_HARD = 3
_NO_FOLD = -1


@dataclass(frozen=True)
class Head:
    """A trained head; `weight` has shape (d, d), float32, applied as weight @ embedding."""

    weight: FloatArray
    record: TrainingRecord

    def at_strength(self, strength: float) -> FloatArray:
        """Return I + strength x (weight - I), shape (d, d)."""
        identity = np.eye(len(self.weight), dtype=np.float32)
        mixed: FloatArray = identity + np.float32(strength) * (self.weight - identity)
        return mixed

    def moves(self, embeddings: FloatArray) -> FloatArray:
        """Return what the head adds to each embedding at full strength, shape (n, d)."""
        moved: FloatArray = embeddings @ (self.weight - np.eye(len(self.weight), dtype=np.float32)).T
        return moved

    def apply(self, embeddings: FloatArray, strength: float) -> FloatArray:
        """Return the head's embeddings, shape (n, d), unit length; strength 0 is the untouched model."""
        return unit_length(embeddings @ self.at_strength(strength).T)


def train_head(
    embeddings: FloatArray,
    positives: PositivePairs,
    settings: HeadSettings,
    seed: int,
    progress: Progress = SILENT,
) -> Head:
    """Return a head trained on `positives`; `embeddings` have shape (n_tickets, d), unit length.

    Deterministic by `seed` on one device. Seconds on a CPU.
    """
    started = time.perf_counter()
    trained, history, n_hard = _trained_weight(embeddings, positives, settings, seed, progress)
    dimension = len(trained)
    identity = np.eye(dimension, dtype=np.float32)
    change = float(np.linalg.norm(trained - identity) / np.linalg.norm(identity))
    n_batches = -(-len(positives) // settings.batch_size)
    record = TrainingRecord(
        method="linear head on frozen embeddings",
        losses={"ranking": "InfoNCE"},
        settings=settings.model_dump(mode="json"),
        n_positives=len(positives),
        examples={"ranking": {"kin": settings.epochs * len(positives), "hard_negatives": n_hard}},
        steps_planned=settings.epochs * n_batches,
        steps_done=len(history.loss),
        stopped_early=None,
        history=history,
        parameters_trained=dimension * dimension,
        parameters_total=dimension * dimension,
        relative_change={"head": change},
        batch_size=settings.batch_size,
        device="cpu",
        precision="float32",
        seed=seed,
        seconds=round(time.perf_counter() - started, 3),
        versions=training_versions(),
    )
    return Head(trained, record)


def _trained_weight(
    embeddings: FloatArray, positives: PositivePairs, settings: HeadSettings, seed: int, progress: Progress
) -> tuple[FloatArray, History, int]:
    """Return the trained matrix, what each step was like, and how many mined negatives were met."""
    import torch

    keep_to_one_thread()
    generator = torch.Generator().manual_seed(seed)
    frozen = torch.tensor(embeddings)
    weight = torch.eye(frozen.shape[1], requires_grad=True)
    optimizer = torch.optim.AdamW([weight], lr=settings.learning_rate, weight_decay=0.0)
    left, right = torch.from_numpy(positives.left), torch.from_numpy(positives.right)
    group = torch.from_numpy(positives.group)
    negatives = torch.from_numpy(np.ascontiguousarray(positives.negatives[:, :_N_HARD]))
    history = History()
    n_hard = 0
    n_batches = -(-len(positives) // settings.batch_size)
    with progress.task("head", settings.epochs * n_batches) as task:
        for _ in range(settings.epochs):
            order = torch.randperm(len(positives), generator=generator)
            for batch in torch.split(order, settings.batch_size):
                # A random choice swaps the sides of each pair, so that both directions are learned.
                flip = torch.rand(len(batch), generator=generator) < 0.5
                anchors = torch.where(flip, right[batch], left[batch])
                answers = torch.where(flip, left[batch], right[batch])
                loss = _ranking_loss(frozen, weight, anchors, answers, group[batch], negatives[batch])
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                history.loss.append(float(loss.detach()))
                history.learning_rate.append(float(optimizer.param_groups[0]["lr"]))
                history.gradient_norm.append(float(weight.grad.norm()) if weight.grad is not None else 0.0)
                n_hard += int((negatives[batch] >= 0).sum())
                task.advance()
    return weight.detach().numpy().astype(np.float32), history, n_hard


def _ranking_loss(frozen: Any, weight: Any, anchors: Any, answers: Any, group: Any, negatives: Any) -> Any:
    """Cross-entropy of each anchor's answer among the batch's answers and mined negatives.

    Only the rows that the batch names are moved, each once: all others would get no gradient.
    """
    import torch
    from torch.nn.functional import cross_entropy, normalize

    n, present = len(group), negatives >= 0
    named = torch.cat([anchors, answers, negatives.clamp(min=0).flatten()])
    rows, place = torch.unique(named, return_inverse=True)
    moved = normalize(frozen[rows] @ weight.T, dim=1)
    queries, documents = moved.index_select(0, place[:n]), moved.index_select(0, place[n : 2 * n])
    logits = queries @ documents.T * _SCALE
    same_kin = (group[:, None] == group[None, :]) & ~torch.eye(n, dtype=torch.bool)
    logits = logits.masked_fill(same_kin, float("-inf"))
    if negatives.shape[1]:
        hard = moved.index_select(0, place[2 * n :]).view(*negatives.shape, -1)
        similarity = torch.einsum("bd,bhd->bh", queries, hard) * _SCALE
        logits = torch.cat([logits, similarity.masked_fill(~present, float("-inf"))], dim=1)
    return cross_entropy(logits, torch.arange(n))


def cross_fit_heads(
    embeddings: FloatArray,
    positives: PositivePairs,
    settings: HeadSettings,
    n_folds: int,
    seed: int,
    group_of_row: IntArray,
    progress: Progress = SILENT,
) -> list[Head]:
    """Return one head for each fold of kin groups, then the one that was trained on all `positives`.

    Head f was trained without the kin groups of fold f (`fold_of_group`), so that a learned ranking
    can be fitted on training links with embeddings that never saw them.
    """
    folds = fold_of_group(group_of_row, n_folds, seed)[positives.group]

    def head(fold: int) -> Head:
        return train_head(embeddings, positives.take(folds != fold), settings, seed)

    return at_once(head, [*range(n_folds), _NO_FOLD], progress, "heads")


def fold_of_group(group_of_row: IntArray, n_folds: int, seed: int) -> IntArray:
    """Return the fold of every kin group, shape (n_groups,), balanced and deterministic by `seed`."""
    n_groups = int(group_of_row.max()) + 1 if len(group_of_row) else 0
    folds: IntArray = np.random.default_rng(seed).permutation(n_groups) % n_folds
    return folds


def save_head_model(
    encoder: "LoadedEncoder", head: Head, strength: float, folder: Path, template: str
) -> None:
    """Write a plain sentence-transformers folder: the encoder, the head as a Dense module, Normalize.

    `SentenceTransformer(folder).encode` gives what `Head.apply` gives, within 1e-5. The text template
    is recorded beside it in ticketkin.json, since serving must compose as training did.
    """
    import torch
    from sentence_transformers.sentence_transformer.modules import Dense, Normalize

    dimension = len(head.weight)
    dense = Dense(dimension, dimension, bias=False, activation_function=torch.nn.Identity())
    with torch.no_grad():
        dense.linear.weight.copy_(torch.from_numpy(head.at_strength(strength)))
    model = extended(encoder.model, dense, Normalize())
    limit_tokens(model, encoder.max_length_tokens)
    save_encoder(model, folder, base_of(encoder), template)
