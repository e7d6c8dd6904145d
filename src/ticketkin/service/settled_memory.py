"""Python's search for garbage leaves out what stays: the model and its index."""

import gc

_OFTEN = (700, 10, 10)
"""As Python does by itself: a command line looks for garbage more seldom, and then for longer."""


def settle_memory() -> None:
    """Collect what nobody uses any more, and exempt what is left from later searches for garbage.

    A search through all objects of a model takes tens of milliseconds, which one answer of some hundred waits
    for. To be called again where a model was opened or closed: what was exempt is searched anew.
    """
    gc.set_threshold(*_OFTEN)
    gc.unfreeze()
    gc.collect()
    gc.freeze()
