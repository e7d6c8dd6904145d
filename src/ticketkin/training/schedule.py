"""The learning rate of every step."""

from math import ceil, cos, pi

from ticketkin.training.settings import OptimiserSettings


def scheduled_rate(step: int, n_steps: int, settings: OptimiserSettings) -> float:
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
