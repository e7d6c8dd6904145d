"""Where a training did otherwise than was asked for, by its record."""

from collections.abc import Iterator
from math import isclose

import numpy as np

from ticketkin.core.checks import Check, failed, passed, warning
from ticketkin.core.tables import FloatArray
from ticketkin.training.record import TrainingRecord

_SHARE_COMPARED = 5
"""The loss of the last fifth of the steps is compared with that of the first fifth."""


def record_checks(record: TrainingRecord) -> list[Check]:
    """Return the checks of a training record (the content of training_metadata.json)."""
    return [*_rate(record), *_steps(record), *_phases(record), *_labels(record), *_loss(record)]


def _rate(record: TrainingRecord) -> Iterator[Check]:
    """Yield whether the optimiser used the rate that was asked for."""
    asked = float(record.settings["learning_rate"])
    peak = max(record.history.learning_rate, default=0.0)
    if isclose(peak, asked, rel_tol=1e-6):
        yield passed("learning_rate", f"the optimiser's rate peaked at {peak:g}, as asked")
    elif record.steps_done < record.steps_planned and peak < asked:
        yield passed("learning_rate", f"{peak:g} reached when training stopped; {asked:g} was asked for")
    else:
        yield failed(
            "learning_rate",
            f"{asked:g} was asked for, but the optimiser's rate peaked at {peak:g}",
            "the schedule or a hard-coded value overrides the setting; what the results show is not what "
            "was configured",
        )


def _steps(record: TrainingRecord) -> Iterator[Check]:
    done, planned, stopped = record.steps_done, record.steps_planned, record.stopped_early
    if done == planned:
        yield passed("steps", f"all {planned} steps were done")
    elif stopped and stopped.reason == "plateau":
        yield passed(
            "steps",
            f"{done} of {planned} steps: nothing better on the evaluation links after step "
            f"{stopped.kept_step}, whose weights are kept",
        )
    elif stopped:
        yield warning(
            "steps",
            f"{done} of {planned} steps: stopped at step {stopped.step} ({stopped.reason})",
            "lower the learning rate if the reason is a loss or gradient that is not finite",
        )
    else:
        yield failed("steps", f"{done} of {planned} steps were done, and nothing says why", "train again")


def _phases(record: TrainingRecord) -> Iterator[Check]:
    """Yield whether each phase asked for had examples of its own."""
    epochs = record.settings.get("epochs_per_phase")
    if epochs is None:
        return
    executed = {phase.phase for phase in record.phases}
    asked = [number for number, passes in enumerate(epochs, start=1) if passes]
    absent = [number for number in asked if number not in executed]
    own = record.positives_by_phase
    empty = [number for number in range(1, len(epochs) + 1) if own[number - 1] == 0]
    shown = ", ".join(f"phase {n + 1}: {count:,}" for n, count in enumerate(own))
    if absent or (empty and len(asked) > 1):
        what = (
            f"asked for but not executed: {absent}" if absent else f"without a positive of their own: {empty}"
        )
        yield failed(
            "phases",
            f"phases {what} ({shown}); the curriculum is not one",
            "check the phase column of the pairs; build them again with ticketkin pairs",
        )
    else:
        yield passed("phases", f"executed {sorted(executed)}; positives of their own: {shown}")


def _labels(record: TrainingRecord) -> Iterator[Check]:
    """Yield whether each loss saw the labels it can use."""
    for loss, seen in record.examples.items():
        shown = ", ".join(f"{count:,} {label.replace('_', ' ')}" for label, count in seen.items())
        if loss == "ranking" and seen.get("not_kin"):
            yield failed(
                "labels",
                f"the ranking loss saw {shown}: it reads no labels and takes every pair for kin",
                "give labelled negatives to a contrastive loss, or as hard negatives of a triplet",
            )
        elif not sum(seen.values()):
            yield warning("labels", f"the {loss} loss saw no example", "leave it out, or give it pairs")
        else:
            yield passed("labels", f"{loss} loss: {shown}")


def _loss(record: TrainingRecord) -> Iterator[Check]:
    losses = np.array(record.history.loss)
    norms = np.array(record.history.gradient_norm)
    if len(norms) and not np.isfinite(norms).all():
        yield failed("gradient", "a gradient was not finite", "lower the learning rate")
    elif len(norms) and not norms.any():
        yield failed("gradient", "every gradient was zero: nothing was trained", "check what is trainable")
    else:
        yield passed("gradient", f"gradient norm {np.median(norms):.2g} (median)")
    if record.objectives:
        phases = np.array(record.history.phase)
        for number, name in enumerate(record.objectives, start=1):
            yield from _fell(losses[phases == number], f"{name}: ")
    else:
        yield from _fell(losses)


def _fell(losses: FloatArray, of: str = "") -> Iterator[Check]:
    """Yield whether the loss fell from the first fifth of the steps to the last."""
    part = len(losses) // _SHARE_COMPARED
    if not part:
        return
    first, last = losses[:part].mean(), losses[-part:].mean()
    if last < first:
        yield passed("loss", f"{of}fell from {first:.3f} to {last:.3f}")
    else:
        yield warning(
            "loss",
            f"{of}did not fall: {first:.3f} in the first fifth of the steps, {last:.3f} in the last",
            "later phases are harder, which raises it; otherwise raise the learning rate or train longer",
        )
