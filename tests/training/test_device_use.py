"""What a training records of the device it ran on; a device that stands in for a GPU is asked like one."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import torch
from tuning_material import ENCODER, tuning_data

from ticketkin.core.progress import SilentProgress
from ticketkin.encoders.loading import load_float32, load_folder
from ticketkin.training.device_use import DeviceMeter, DeviceUse, accelerator_of, recorded_use
from ticketkin.training.loop import TrainingLoop, seeded
from ticketkin.training.objective import KinObjective
from ticketkin.training.preparation import prepare_training, training_record
from ticketkin.training.settings import FullSettings

SETTINGS = FullSettings(epochs_per_phase=(0, 0, 6), batch_size=8, max_length_tokens=16, keep_best=False)


@dataclass
class StandIn:
    """A device that gives set answers."""

    readings: Iterator[int | None]
    name: str = "a GPU"
    memory_bytes: int = 1_000
    peaks: list[int] = field(default_factory=lambda: [700])
    begun: int = 0

    def begin(self) -> None:
        self.begun += 1

    def peak_memory_bytes(self) -> int:
        return self.peaks[-1]

    def utilisation_percent(self) -> int | None:
        return next(self.readings)


def test_the_cpu_has_no_entry_rather_than_a_zero() -> None:
    meter = DeviceMeter(accelerator_of(torch.device("cpu")))
    meter.begin()
    meter.read(10)
    assert meter.use is None
    assert recorded_use([meter]) == {}


def test_a_driver_that_cannot_be_asked_leaves_the_memory() -> None:
    meter = DeviceMeter(StandIn(iter([None, None])))
    meter.begin()
    for step in (10, 20):
        meter.read(step)
    assert recorded_use([meter]) == {"device_use": DeviceUse("a GPU", 700, 1_000, None, 0)}


def test_trainings_one_after_the_other_are_one_entry() -> None:
    first, second = DeviceMeter(StandIn(iter([80, 100]))), DeviceMeter(StandIn(iter([30]), peaks=[900]))
    for meter, n_steps in ((first, 20), (second, 10)):
        for step in range(1, n_steps + 1):
            meter.read(step)
    assert recorded_use([first, second]) == {"device_use": DeviceUse("a GPU", 900, 1_000, 70.0, 3)}


@pytest.mark.parametrize("has_accelerator", [True, False])
def test_a_training_records_what_its_device_tells(
    tiny_encoder_folder: Path, tmp_path: Path, has_accelerator: bool
) -> None:
    encoder, data = load_folder(tiny_encoder_folder, ENCODER), tuning_data()
    prepared = prepare_training(encoder, data, SETTINGS, 7, "test")
    device = StandIn(iter([50] * 99))
    with seeded(7):
        model = load_float32(str(tiny_encoder_folder), "cpu")
        objective = KinObjective(model, data, prepared.texts, prepared.lengths, SETTINGS, prepared.guide)
        loop = TrainingLoop(
            "Full",
            model,
            objective,
            prepared.steps,
            SETTINGS,
            accelerator=device if has_accelerator else None,
        )
        loop.run(tmp_path, prepared.identity, SilentProgress())
    record = training_record(encoder, data, SETTINGS, loop, {}, "all weights", 7)
    written = record.model_dump(mode="json")
    assert device.begun == int(has_accelerator)
    if has_accelerator:
        use = written["device_use"]
        assert (use["peak_memory_bytes"], use["utilisation_percent"]) == (700, 50)
        assert use["n_readings"] == len(loop.history.loss) // 10 > 0
    else:
        assert "device_use" not in written
