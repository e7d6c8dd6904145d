"""How many threads may compute at once."""

import os


def n_threads() -> int:
    """Return how many threads work at once: the cores this process may use, or OMP_NUM_THREADS if fewer."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    asked = os.environ.get("OMP_NUM_THREADS", "")
    return max(1, min(cores, int(asked))) if asked.isdigit() else cores
