"""The training loop: steps, memory, checkpoints, early stopping, and what was really done."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from statistics import fmean
from time import perf_counter
from typing import TYPE_CHECKING, Any

from ticketkin.core.errors import JobError
from ticketkin.core.progress import Progress
from ticketkin.encoders.encoding import halved
from ticketkin.training.checkpoint import Checkpoint, TrainingState, load_checkpoint, save_checkpoint
from ticketkin.training.device_use import Accelerator, DeviceMeter, accelerator_of
from ticketkin.training.objective import Objective
from ticketkin.training.precision import Precision, chosen_precision
from ticketkin.training.record import EarlyStop, Evaluation, History
from ticketkin.training.schedule import scheduled_rate
from ticketkin.training.settings import OptimiserSettings
from ticketkin.training.tuning_data import Step

if TYPE_CHECKING:
    from torch import Tensor

_LARGEST_GRADIENT_NORM = 1.0
_MOST_SKIPPED = 10
"""Most float16 steps in a row that may overflow while the loss scale adapts; more are an error."""


@dataclass(frozen=True)
class EpochScores:
    """How good a model is on links that it was not trained on."""

    value: float
    """What the best epoch is chosen by; higher is better."""
    pearson: float | None = None
    """Of similarity and label over pairs, where there are some."""
    spearman: float | None = None


Judge = Callable[[], EpochScores]
"""Scores the model as it is now."""


class TrainingLoop:
    """A training in progress; the trainable weights of `model` are changed in place."""

    def __init__(
        self,
        name: str,
        model: Any,
        objective: Objective,
        steps: list[Step],
        settings: OptimiserSettings,
        judge: Judge | None = None,
        accelerator: Accelerator | None = None,
    ) -> None:
        import torch

        self.name, self.model, self.objective, self.steps, self.settings = (
            name, model, objective, steps, settings,
        )  # fmt: skip
        self.judge = judge if settings.keep_best or settings.patience else None
        self.device = model.device
        self.meter = DeviceMeter(accelerator or accelerator_of(self.device))
        self.weights = {n: p for n, p in model.named_parameters() if p.requires_grad}
        self.weights |= objective.own_weights()
        self.optimizer = torch.optim.AdamW(
            self.weights.values(), lr=settings.learning_rate, weight_decay=settings.weight_decay
        )
        self.precision = Precision(chosen_precision(settings.precision, str(self.device)), self.device)
        self.history = History()
        self.evaluations: list[Evaluation] = []
        """After each epoch, where there is a judge."""
        self.pieces = 1
        """Parts a batch is computed in, doubled each time memory runs out."""
        self.seconds_before = 0.0
        self.stopped_early: EarlyStop | None = None
        self._best: dict[str, Tensor] = {}
        self._n_skipped = 0

    @property
    def best_step(self) -> int | None:
        """Steps done at the best evaluation, whose weights are kept; None without a judge."""
        best = max(self.evaluations, key=lambda evaluation: evaluation.value, default=None)
        return None if best is None else best.step

    def run(self, folder: Path, identity: str, progress: Progress) -> None:
        """Train to the end, from the last checkpoint in `folder` if there is one of `identity`.

        Loss or gradient that is not finite stops the training at the last good checkpoint; raises
        JobError if there is none yet, or if the smallest batch does not fit into memory. With a judge, the
        weights of the best epoch are kept, and with `patience` a plateau stops it, too.
        """
        started = saved_at = perf_counter()
        first = self._restore(load_checkpoint(folder, identity))
        if first:
            progress.say(f"  continuing {self.name} training at step {first} of {len(self.steps)}")
        with self._training_mode(), progress.task(f"{self.name} training", len(self.steps)) as task:
            task.advance(first)
            self.meter.begin()
            for number in range(first, len(self.steps)):
                if self._plateaued(progress):
                    break
                if not self._step(number, progress):
                    self._stop(number, load_checkpoint(folder, identity), progress)
                    break
                done = number + 1
                self.meter.read(done)
                task.advance()
                task.describe(
                    f"phase {self.steps[number].phase}, loss {self.history.loss[-1]:.3f}, "
                    f"learning rate {self.history.learning_rate[-1]:.1e}"
                )
                judged = self.judge is not None and self._ends_epoch(number)
                if judged:
                    self._evaluate(done, progress)
                if self._checkpoint_is_due(done, judged=judged, seconds=perf_counter() - saved_at):
                    save_checkpoint(folder, identity, self._checkpoint(done, perf_counter() - started))
                    saved_at = perf_counter()
        self._take_best()
        self.seconds_before += perf_counter() - started

    def _checkpoint_is_due(self, done: int, *, judged: bool, seconds: float) -> bool:
        """Return whether to write one after `done` steps, `seconds` after the one before."""
        if done == len(self.steps):
            return True
        at_step = judged or done % self.settings.checkpoint_steps == 0
        return at_step and seconds >= self.settings.checkpoint_seconds

    @contextmanager
    def _training_mode(self) -> Iterator[None]:
        """Let dropout act, and recompute activations instead of keeping them where that is asked for."""
        transformer = self.model.transformers_model
        recomputes = self.settings.gradient_checkpointing and transformer is not None
        if recomputes:
            transformer.activation_checkpointing_enable()
        self.model.train()
        try:
            yield
        finally:
            self.model.eval()
            if recomputes:
                transformer.activation_checkpointing_disable()

    def _step(self, number: int, progress: Progress) -> bool:
        """Do one optimiser step; return False, with the weights untouched, if it is not finite."""
        import torch

        loss = self._gradients(self.steps[number], progress)
        scaler = self.precision.scaler
        scaler.unscale_(self.optimizer)
        norm = float(torch.nn.utils.clip_grad_norm_(self.weights.values(), _LARGEST_GRADIENT_NORM))
        overflowed = isfinite(loss) and not isfinite(norm) and scaler.is_enabled()
        self._n_skipped = self._n_skipped + 1 if overflowed else 0
        if not isfinite(loss) or (not isfinite(norm) and not overflowed) or self._n_skipped > _MOST_SKIPPED:
            return False
        for group in self.optimizer.param_groups:
            group["lr"] = scheduled_rate(number, len(self.steps), self.settings)
        scaler.step(self.optimizer)
        scaler.update()
        self.history.loss.append(loss)
        self.history.gradient_norm.append(0.0 if overflowed else norm)
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
                    share = part.n_examples / step.n_examples
                    total += share * self.objective.backward(part, share, self.precision)
            except (RuntimeError, MemoryError) as error:
                self._use_less_memory(error, progress)
            else:
                return total

    def _use_less_memory(self, error: Exception, progress: Progress) -> None:
        size = max(2, self.settings.batch_size // self.pieces)
        size = halved(size, error, smallest=2)
        if self.objective.shrink():
            progress.say("  memory ran out; holding half as many texts at a time from here")
            return
        self.pieces *= 2
        progress.say(f"  memory ran out; training on {size} positives at a time from here")

    def _ends_epoch(self, number: int) -> bool:
        return number + 1 == len(self.steps) or self.steps[number].epoch != self.steps[number + 1].epoch

    def _evaluate(self, done: int, progress: Progress) -> None:
        """Judge the model as it is and keep a copy of its weights if it is the best so far."""
        assert self.judge is not None  # noqa: S101 - the caller asked
        self.model.eval()
        scores = self.judge()
        self.model.train()
        before = self.evaluations[-1].step if self.evaluations else 0
        loss = fmean(self.history.loss[before:done])
        self.evaluations.append(Evaluation(done, scores.value, scores.pearson, scores.spearman, loss))
        if self.best_step == done:
            self._best = {name: weight.detach().clone() for name, weight in self.weights.items()}
        further = "" if scores.spearman is None else f", Spearman {scores.spearman:.3f} of pairs"
        progress.say(
            f"  after step {done} of {len(self.steps)}: {scores.value:.4f} on the evaluation links{further}, "
            f"mean loss {loss:.3f}"
        )

    def _plateaued(self, progress: Progress) -> bool:
        """Return True, and note it, if the last `patience` evaluations brought nothing better."""
        best = self.best_step
        if best is None or not self.settings.patience:
            return False
        since = sum(evaluation.step > best for evaluation in self.evaluations)
        if since < self.settings.patience:
            return False
        done = self.evaluations[-1].step
        self.stopped_early = EarlyStop(done, best, "plateau")
        progress.say(f"  no better evaluation for {since} epochs: stopping with the weights of step {best}")
        return True

    def _take_best(self) -> None:
        import torch

        with torch.no_grad():
            for name, weight in self._best.items():
                self.weights[name].copy_(weight)

    def _stop(self, number: int, last_good: Checkpoint | None, progress: Progress) -> None:
        if last_good is None:
            raise JobError(
                f"{self.name} training failed at step {number + 1} of {len(self.steps)}: loss or gradient is "
                f"not a finite number, and there is no checkpoint yet. Lower {self.name.lower()}."
                f"learning_rate (it is {self.settings.learning_rate:g}), or leave it out of --candidates"
            )
        self.history = History()
        self._restore(last_good)
        self.stopped_early = EarlyStop(number + 1, last_good.step, "not finite")
        progress.say(
            f"  warning: loss or gradient is not finite at step {number + 1}; training stops with the "
            f"weights of step {last_good.step}. A lower {self.name.lower()}.learning_rate avoids this"
        )

    def _checkpoint(self, done: int, seconds: float) -> Checkpoint:
        import torch

        tensors = {f"weights.{name}": weight for name, weight in self.weights.items()}
        tensors |= {f"best.{name}": weight for name, weight in self._best.items()}
        for index, moments in self.optimizer.state_dict()["state"].items():
            tensors |= {f"optimizer.{index}.{name}": value for name, value in moments.items()}
        tensors["random.cpu"] = torch.get_rng_state()
        if self.device.type == "cuda":
            tensors["random.cuda"] = torch.cuda.get_rng_state(self.device)
        state = TrainingState(
            self.history, self.evaluations, self.pieces, self.precision.state(), self.seconds_before + seconds
        )
        return Checkpoint(done, tensors, state)

    def _restore(self, checkpoint: Checkpoint | None) -> int:
        """Take over a checkpoint; return the number of steps it has done, 0 for None."""
        import torch

        if checkpoint is None:
            return 0
        tensors = checkpoint.tensors
        with torch.no_grad():
            for name, weight in self.weights.items():
                weight.copy_(tensors[f"weights.{name}"])
        self._best = {n.removeprefix("best."): t for n, t in tensors.items() if n.startswith("best.")}
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
        state = checkpoint.state
        self.history, self.evaluations = state.history, state.evaluations
        self.pieces, self.seconds_before = state.pieces, state.seconds
        self.precision.restore(state.precision)
        return checkpoint.step


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Fix torch's random numbers by `seed` in the block and give the caller's state back after it."""
    import torch

    with torch.random.fork_rng():
        torch.manual_seed(seed)
        yield
