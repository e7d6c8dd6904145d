"""Where a training did otherwise than was asked for, by its record."""

from collections.abc import Iterator, Sequence
from math import isclose

import numpy as np

from ticketkin.core.checks import Check, failed, passed, warning
from ticketkin.core.tables import FloatArray
from ticketkin.core.wording import number_of
from ticketkin.training.record import TrainingRecord

_SHARE_COMPARED = 5
"""The loss of the last fifth of the steps is compared with that of the first fifth."""


def record_checks(record: TrainingRecord) -> list[Check]:
    """Return the checks of a training record (the content of training_metadata.json)."""
    return [
        *_rate(record),
        *_warm_up(record),
        *_steps(record),
        *_phases(record),
        *_labels(record),
        *_loss(record),
    ]


def _rate(record: TrainingRecord) -> Iterator[Check]:
    """Yield whether the optimiser used the rate that was asked for."""
    asked = record.settings["learning_rate"]
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


def _warm_up(record: TrainingRecord) -> Iterator[Check]:
    """Yield whether the warm-up fits into the training; one of a share of its steps always does."""
    asked = record.settings.get("warmup_steps", 0)
    if asked >= record.steps_planned > 0:
        yield warning(
            "warm_up",
            f"a warm-up of {number_of(asked, 'step')} was asked for, but the whole training has "
            f"{record.steps_planned:,}: it was cut short, and the rate asked for stood for a moment only",
            "give fewer warmup_steps, or a warmup_share of the steps there are",
        )
    elif asked:
        yield passed("warm_up", f"{asked:,} of {number_of(record.steps_planned, 'step')}")


def _steps(record: TrainingRecord) -> Iterator[Check]:
    done, planned, stopped = record.steps_done, record.steps_planned, record.stopped_early
    n_losses = len(record.history.loss)
    if n_losses != done:
        yield failed(
            "steps",
            f"{number_of(done, 'step is', 'steps are')} said to be done, but "
            f"{number_of(n_losses, 'loss is', 'losses are')} recorded: the record was edited, or is put "
            "together from two trainings",
            "train again",
        )
    elif done == planned:
        yield passed("steps", f"all {number_of(planned, 'step was', 'steps were')} done")
    elif stopped and stopped.reason == "plateau":
        yield passed(
            "steps",
            f"{done} of {number_of(planned, 'step')}: nothing better on the evaluation links after step "
            f"{stopped.kept_step}, whose weights are kept",
        )
    elif stopped:
        yield warning(
            "steps",
            f"{done} of {number_of(planned, 'step')}: stopped at step {stopped.step} ({stopped.reason})",
            "lower the learning rate if the reason is a loss or gradient that is not finite",
        )
    else:
        yield failed(
            "steps", f"{done} of {number_of(planned, 'step')} done, and nothing says why", "train again"
        )


def _phases(record: TrainingRecord) -> Iterator[Check]:
    """Yield whether each phase was executed as it is asked for, on the pairs that belong to it."""
    epochs = record.settings.get("epochs_per_phase")
    if epochs is not None:
        yield _phase_check(record, epochs)


def _phase_check(record: TrainingRecord, epochs: Sequence[int]) -> Check:
    by_labels = record.losses.get("ranking") == "none"
    what = "labelled pairs" if by_labels else "positives"
    own = dict(enumerate(record.labelled_by_phase if by_labels else record.positives_by_phase, start=1))
    shown = ", ".join(f"phase {number}: {count:,}" for number, count in own.items())
    asked = [number for number, passes in enumerate(epochs, start=1) if passes]
    executed = {phase.phase: phase for phase in record.phases}
    if record.phases_are_given:  # a file may have two phases
        asked = [number for number in asked if own.get(number) or record.is_cumulative]
    absent = [number for number in asked if number not in executed]
    empty = [number for number, count in own.items() if count == 0]
    foreign = {
        number: sorted(set(phase.of_phases) - set(range(number + 1) if record.is_cumulative else [number]))
        for number, phase in executed.items()
    }
    mixed = [f"phase {number} saw pairs of {others}" for number, others in foreign.items() if others]
    unused = [
        number
        for number, count in own.items()
        if count and not any(number in phase.of_phases for phase in executed.values())
    ]
    how = "each with the earlier ones' pairs" if record.is_cumulative else "each on its own pairs"
    if absent or mixed or (empty and len(asked) > 1 and not record.phases_are_given):
        fault = f"asked for but not executed: {absent}" if absent else "; ".join(mixed)
        fault = fault or f"without {what} of their own: {empty}"
        return failed(
            "phases",
            f"phases {fault} ({what} of their own: {shown}); the curriculum is not one",
            "check the phases of the pairs; build them again with ticketkin pairs",
        )
    if unused and record.stopped_early is None:
        return warning(
            "phases",
            f"executed {sorted(executed)}, {how}; pairs of phase {unused} were never trained on ({shown})",
            "give each phase its passes with epochs_per_phase, or set curriculum=cumulative",
        )
    return passed("phases", f"executed {sorted(executed)}, {how}; {what} of their own: {shown}")


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
    n_zero = int((losses == 0).sum())
    if 2 * n_zero > len(losses):
        yield failed(
            "loss_zero",
            f"the loss is exactly 0 in {n_zero} of {number_of(len(losses), 'step')}: there was nothing to "
            "learn, as where positives are their own anchors or a batch holds no stranger",
            "look at the pairs: ticketkin pairs check FILE; then train again",
        )
    phases = np.array(record.history.phase)
    if record.objectives:
        for number, name in enumerate(record.objectives, start=1):
            yield from _fell([losses[phases == number]], f"{name}: ")
    elif len(phases) != len(losses):  # which step belongs to which phase is not known
        yield from _fell([losses])
    else:
        yield from _fell([losses[phases == phase] for phase in np.unique(phases)])


def _fell(parts: Sequence[FloatArray], of: str = "") -> Iterator[Check]:
    """Yield whether the loss fell from the first fifth of the steps to the last, of each phase by itself.

    Later phases hold harder pairs, so the loss of all steps together rises where each phase falls. Phases
    count by their steps.
    """
    compared = [part for part in parts if len(part) >= _SHARE_COMPARED]
    if not compared:
        return
    shares = [(part, len(part) // _SHARE_COMPARED) for part in compared]
    means = [(part[:share].mean(), part[-share:].mean()) for part, share in shares]
    first, last = np.average(means, axis=0, weights=[len(part) for part in compared])
    each = ", the mean over phases" if len(compared) > 1 else ""
    if last < first:
        yield passed("loss", f"{of}fell from {first:.3f} to {last:.3f}{each}")
    else:
        yield warning(
            "loss",
            f"{of}did not fall: {first:.3f} in the first fifth of the steps, {last:.3f} in the last{each}",
            "raise the learning rate or train longer",
        )
