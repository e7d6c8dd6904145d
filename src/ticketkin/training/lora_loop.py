"""The training loop of LoRA: steps, memory, checkpoints, and what was really done."""

from collections.abc import Iterator
from contextlib import contextmanager
from math import ceil, cos, isfinite, pi
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from ticketkin.core.config import TuningSettings
from ticketkin.core.errors import JobError
from ticketkin.core.progress import Progress
from ticketkin.core.tables import FloatArray, IntArray
from ticketkin.encoders.encoding import halved
from ticketkin.training.lora_checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from ticketkin.training.lora_data import LoraData, Step
from ticketkin.training.losses import Batch, batch_loss
from ticketkin.training.record import History

if TYPE_CHECKING:
    from torch import Tensor

_LARGEST_GRADIENT_NORM = 1.0
_TEXTS_A_FORWARD_ON_CPU = 16  # batches of 8-16 texts of like length are the fastest there


def scheduled_rate(step: int, n_steps: int, settings: TuningSettings) -> float:
    """Return the learning rate of `step` (from 0): linear warm-up to the peak, then the schedule.

    Decays reach `lowest_rate` (or the first step of zero) just after the last step.
    """
    peak, lowest = settings.learning_rate, min(settings.lowest_rate, settings.learning_rate)
    n_warmup = min(n_steps - 1, max(settings.warmup_steps, ceil(settings.warmup_share * n_steps)))
    if step < n_warmup:
        return max(lowest, peak * (step + 1) / n_warmup)
    n_hold = ceil(settings.hold_share * n_steps) if settings.schedule == "hold_cosine" else 0
    n_decay = max(1, n_steps - n_warmup - n_hold)
    gone = max(0.0, (step - n_warmup - n_hold) / n_decay)
    if settings.schedule == "constant":
        return peak
    left = 1 - gone if settings.schedule == "linear" else (1 + cos(pi * gone)) / 2
    return lowest + (peak - lowest) * left


class LoraTraining:
    """A training in progress. `model` carries a fresh adapter and is changed in place."""

    def __init__(
        self,
        model: Any,
        data: LoraData,
        lengths: IntArray,
        steps: list[Step],
        settings: TuningSettings,
        guide: FloatArray | None = None,
    ) -> None:
        import torch

        self.model, self.data, self.lengths, self.steps, self.settings = model, data, lengths, steps, settings
        self.guide = guide
        """Untouched embeddings of all texts, unit length, for a guided loss."""
        self.device = model.device
        self.weights = {n: p for n, p in model.named_parameters() if p.requires_grad}
        self.optimizer = torch.optim.AdamW(
            self.weights.values(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.history = History()
        self.pieces = 1
        """Parts a batch is computed in, doubled each time memory runs out."""
        self.seconds_before = 0.0
        self.stopped_early: dict[str, Any] | None = None

    def run(self, folder: Path, identity: str, progress: Progress) -> None:
        """Train to the end, from the last checkpoint in `folder` if there is one of `identity`.

        Loss or gradient that is not finite stops the training at the last good checkpoint; raises
        JobError if there is none yet, or if the smallest batch does not fit into memory.
        """
        started = perf_counter()
        first = self._restore(load_checkpoint(folder, identity))
        if first:
            progress.say(f"  continuing LoRA training at step {first} of {len(self.steps)}")
        self.model.train()
        with progress.task("LoRA training", len(self.steps)) as task:
            task.advance(first)
            for number in range(first, len(self.steps)):
                if not self._step(number, progress):
                    self._stop(number, load_checkpoint(folder, identity), progress)
                    break
                done = number + 1
                task.advance()
                task.describe(
                    f"phase {self.steps[number].phase}, loss {self.history.loss[-1]:.3f}, "
                    f"learning rate {self.history.learning_rate[-1]:.1e}"
                )
                if done % self.settings.checkpoint_steps == 0 or done == len(self.steps):
                    save_checkpoint(folder, identity, self._checkpoint(done, perf_counter() - started))
        self.seconds_before += perf_counter() - started
        self.model.eval()

    def _step(self, number: int, progress: Progress) -> bool:
        """Do one optimiser step; return False, with the weights untouched, if it is not finite."""
        import torch

        loss = self._gradients(self.steps[number], progress)
        norm = float(torch.nn.utils.clip_grad_norm_(self.weights.values(), _LARGEST_GRADIENT_NORM))
        if not (isfinite(loss) and isfinite(norm)):
            return False
        for group in self.optimizer.param_groups:
            group["lr"] = scheduled_rate(number, len(self.steps), self.settings)
        self.optimizer.step()
        self.history.loss.append(loss)
        self.history.gradient_norm.append(norm)
        self.history.learning_rate.append(float(self.optimizer.param_groups[0]["lr"]))
        self.history.phase.append(self.steps[number].phase)
        return True

    def _gradients(self, step: Step, progress: Progress) -> float:
        """Leave the step's gradients on the weights and return its loss, in as many parts as fit."""
        while True:
            self.optimizer.zero_grad(set_to_none=True)
            try:
                total = 0.0
                for part in step.split(self.pieces):
                    loss = self.loss(part) * (part.n_examples / step.n_examples)
                    loss.backward()  # type: ignore[no-untyped-call]
                    total += loss.item()
            except (RuntimeError, MemoryError) as error:
                size = max(2, self.settings.batch_size // self.pieces)
                size = halved(size, error, smallest=2)
                self.pieces *= 2
                progress.say(f"  memory ran out; training on {size} positives at a time from here")
            else:
                return total

    def loss(self, step: Step) -> "Tensor":
        """Return the loss of one batch, the mean over the Matryoshka dimensions if there are any."""
        import torch

        data = self.data
        left, right = data.left[step.positives], data.right[step.positives]
        has_negative = step.negatives >= 0
        negatives = step.negatives[has_negative]
        pair_left, pair_right = data.labelled_left[step.labelled], data.labelled_right[step.labelled]
        rows = [left, right, negatives, pair_left, pair_right]
        unique, inverse = np.unique(np.concatenate(rows), return_inverse=True)
        places = torch.from_numpy(inverse).to(self.device)
        embedded = self.embed(unique)[places]
        groups = data.group_of_row
        candidates = np.concatenate([right, negatives])
        masked = groups[left][:, None] == groups[candidates][None, :]
        masked[np.arange(len(left)), np.arange(len(left))] = False
        labels = np.concatenate([np.ones(len(left)), np.zeros(len(negatives)), data.labels[step.labelled]])
        batch = Batch(
            sizes=[len(part) for part in rows],
            masked=torch.from_numpy(masked).to(self.device),
            with_negative=torch.from_numpy(has_negative).to(self.device),
            labels=torch.from_numpy(labels).to(self.device),
            guide=None
            if self.guide is None
            else torch.from_numpy(self.guide[unique]).to(self.device)[places],
        )
        sizes = (embedded.shape[1], *self.settings.matryoshka_dimensions)
        parts = [batch_loss(embedded[:, :size], batch, self.settings, self.model) for size in sizes]
        return torch.stack(parts).mean()

    def embed(self, rows: IntArray) -> "Tensor":
        """Return unit-length embeddings of text rows with gradients, shape (len(rows), d)."""
        import torch
        from torch.nn.functional import normalize

        by_length = np.argsort(self.lengths[rows], kind="stable")
        size = _TEXTS_A_FORWARD_ON_CPU if self.device.type == "cpu" else len(rows)
        prompt = self.model.prompts.get(self.model.default_prompt_name) or ""
        parts = []
        for start in range(0, len(rows), size):
            texts = [prompt + self.data.texts[row] for row in rows[by_length[start : start + size]]]
            features = {
                name: value.to(self.device) if hasattr(value, "to") else value
                for name, value in self.model.preprocess(texts).items()
            }
            parts.append(self.model(features)["sentence_embedding"])
        back = torch.from_numpy(np.argsort(by_length, kind="stable")).to(self.device)
        return normalize(torch.cat(parts), dim=1)[back]

    def _stop(self, number: int, last_good: Checkpoint | None, progress: Progress) -> None:
        if last_good is None:
            raise JobError(
                f"LoRA training failed at step {number + 1} of {len(self.steps)}: loss or gradient is not a "
                f"finite number, and there is no checkpoint yet. Lower lora.learning_rate (it is "
                f"{self.settings.learning_rate:g}), or leave lora out of --candidates"
            )
        self.history = History()
        self._restore(last_good)
        self.stopped_early = {"step": number + 1, "kept_step": last_good.step, "reason": "not finite"}
        progress.say(
            f"  warning: loss or gradient is not finite at step {number + 1}; training stops with the "
            f"weights of step {last_good.step}. A lower lora.learning_rate avoids this"
        )

    def _checkpoint(self, done: int, seconds: float) -> Checkpoint:
        import torch

        tensors = {f"adapter.{name}": weight for name, weight in self.weights.items()}
        for index, moments in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{name}": value for name, value in moments.items()}
        tensors["random.cpu"] = torch.get_rng_state()
        if self.device.type == "cuda":
            tensors["random.cuda"] = torch.cuda.get_rng_state(self.device)
        state = {
            "history": vars(self.history),
            "pieces": self.pieces,
            "seconds": self.seconds_before + seconds,
        }
        return Checkpoint(done, tensors, state)

    def _restore(self, checkpoint: Checkpoint | None) -> int:
        """Take over a checkpoint; return the number of steps it has done, 0 for None."""
        import torch

        if checkpoint is None:
            return 0
        tensors = checkpoint.tensors
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(tensors[f"adapter.{name}"])
        moments: dict[int, dict[str, Tensor]] = {}
        for key, value in tensors.items():
            if key.startswith("optimizer."):
                _, index, name = key.split(".")
                moments.setdefault(int(index), {})[name] = value
        groups = self.optimizer.state_dict()["param_groups"]
        self.optimizer.load_state_dict({"state": moments, "param_groups": groups})
        torch.set_rng_state(tensors["random.cpu"])
        if "random.cuda" in tensors and self.device.type == "cuda":
            torch.cuda.set_rng_state(tensors["random.cuda"], self.device)
        self.history = History(**checkpoint.state["history"])
        self.pieces = int(checkpoint.state["pieces"])
        self.seconds_before = float(checkpoint.state["seconds"])
        return checkpoint.step


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Fix torch's random numbers by `seed` in the block and give the caller's state back after it."""
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield
