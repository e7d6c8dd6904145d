"""Half precision where the device is faster with it, float32 elsewhere."""

from contextlib import AbstractContextManager, nullcontext
from typing import Any

from ticketkin.core.errors import ConfigurationError

_HALF = ("bfloat16", "float16")
ScalerState = dict[str, int | float]
"""The state of the loss scaling, as torch names it; empty where nothing is scaled. Counts stay integers."""


def chosen_precision(wanted: str, device: str) -> str:
    """Return 'float32', 'bfloat16' or 'float16' for `wanted`, which may be 'auto'.

    'auto' takes bfloat16 on a CUDA device that has it, else float16 there, and float32 anywhere else: half
    precision is three to eight times slower on a CPU. Raises ConfigurationError for half precision on MPS.
    """
    import torch

    kind = device.split(":", maxsplit=1)[0]
    if wanted == "auto":
        if kind != "cuda":
            return "float32"
        return "bfloat16" if torch.cuda.is_bf16_supported() else "float16"
    if wanted in _HALF and kind == "mps":
        raise ConfigurationError(f"precision {wanted!r} is not for the device {device!r}; use 'auto'")
    return wanted


class Precision:
    """Autocast around the loss; for float16 the loss is scaled, so that small gradients survive.

    Source: Micikevicius et al. 2018, arXiv:1710.03740.
    """

    def __init__(self, name: str, device: Any) -> None:
        import torch

        self.name = name
        self._device = device.type
        self.scaler = torch.amp.GradScaler(self._device, enabled=name == "float16")

    def autocast(self) -> AbstractContextManager[Any]:
        """Return the context in which the loss is computed."""
        import torch

        if self.name == "float32":
            return nullcontext()
        return torch.autocast(self._device, dtype=getattr(torch, self.name))

    def state(self) -> ScalerState:
        """Return what a checkpoint must keep."""
        return dict(self.scaler.state_dict())

    def restore(self, state: ScalerState) -> None:
        """Take over what a checkpoint kept."""
        if state:
            self.scaler.load_state_dict(state)
