"""Where an encoder computes."""

from ticketkin.core.errors import (
    InputError,
)
from ticketkin.encoders.settings import EncoderSettings


def pick_device(settings: EncoderSettings) -> str:
    """Return 'cuda', 'mps' or 'cpu'; 'auto' takes the first that works."""
    import torch

    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if settings.device == "auto":
        return next(name for name, works in available.items() if works)
    if not available[settings.device]:
        works = ", ".join(name for name, there in available.items() if there)
        raise InputError(f"encoder.device={settings.device} is not available here; available: {works}, auto")
    return settings.device
