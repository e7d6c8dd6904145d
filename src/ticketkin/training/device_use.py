"""How much of a GPU a training used: its memory at the most, and the share of time that it was at work."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import fmean
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    import torch

_STEPS_A_READING = 10
"""A reading asks the driver, and tells of the last second at most."""


@dataclass(frozen=True)
class DeviceUse:
    """What one training used of the device it ran on."""

    name: str
    peak_memory_bytes: int
    """Most that the training's tensors took at once, since it began or last went on from a checkpoint."""
    memory_bytes: int
    """That the device has."""
    utilisation_percent: float | None = None
    """Mean share of time in which the device computed; None where the driver can't be asked (pynvml)."""
    n_readings: int = 0
    """Readings that this is the mean of."""


class Accelerator(Protocol):
    """A device with memory of its own that can be asked how it is used."""

    name: str
    memory_bytes: int

    def begin(self) -> None:
        """Count the most memory from here."""

    def peak_memory_bytes(self) -> int:
        """Return the most bytes that tensors took since `begin`."""

    def utilisation_percent(self) -> int | None:
        """Return the share of the last moment in which it computed, None where that can't be asked."""


class CudaAccelerator:
    """A GPU as torch knows it."""

    def __init__(self, device: "torch.device") -> None:
        import torch

        self._device, self._cuda = device, torch.cuda
        properties = torch.cuda.get_device_properties(device)
        self.name, self.memory_bytes = str(properties.name), int(properties.total_memory)

    def begin(self) -> None:
        """Count the most memory from here."""
        self._cuda.reset_peak_memory_stats(self._device)

    def peak_memory_bytes(self) -> int:
        """Return the most bytes that tensors took since `begin`."""
        return int(self._cuda.max_memory_allocated(self._device))

    def utilisation_percent(self) -> int | None:
        """Return the share of the last moment in which it computed; needs pynvml and its driver."""
        try:
            return int(self._cuda.utilization(self._device))
        except (ImportError, RuntimeError, OSError):
            return None
        except Exception as error:
            if type(error).__module__ != "pynvml":
                raise
            return None


def accelerator_of(device: "torch.device") -> Accelerator | None:
    """Return the accelerator behind a device; None for the CPU and for those that can't be asked."""
    return CudaAccelerator(device) if device.type == "cuda" else None


@dataclass
class DeviceMeter:
    """Readings of a training in progress; without an accelerator there are none."""

    accelerator: Accelerator | None
    _readings: list[int] = field(default_factory=list)

    def begin(self) -> None:
        """Begin to measure."""
        if self.accelerator is not None:
            self.accelerator.begin()

    def read(self, n_steps: int) -> None:
        """Take a reading every few steps; `n_steps` are done."""
        if self.accelerator is None or n_steps % _STEPS_A_READING:
            return
        percent = self.accelerator.utilisation_percent()
        if percent is not None:
            self._readings.append(percent)

    @property
    def use(self) -> DeviceUse | None:
        """What was used so far; None without an accelerator."""
        if self.accelerator is None:
            return None
        return DeviceUse(
            self.accelerator.name,
            self.accelerator.peak_memory_bytes(),
            self.accelerator.memory_bytes,
            round(fmean(self._readings), 1) if self._readings else None,
            len(self._readings),
        )


def recorded_use(meters: Sequence[DeviceMeter]) -> dict[str, DeviceUse]:
    """Return what trainings one after the other used, as a part of their record; nothing on a CPU."""
    uses = [meter.use for meter in meters]
    used = [use for use in uses if use is not None]
    if not used:
        return {}
    read = [use for use in used if use.utilisation_percent is not None]
    n_readings = sum(use.n_readings for use in read)
    mean = sum((use.utilisation_percent or 0.0) * use.n_readings for use in read) / max(1, n_readings)
    return {
        "device_use": DeviceUse(
            used[0].name,
            max(use.peak_memory_bytes for use in used),
            used[0].memory_bytes,
            round(mean, 1) if n_readings else None,
            n_readings,
        )
    }
