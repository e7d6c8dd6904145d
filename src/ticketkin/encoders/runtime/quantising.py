"""Weights and activations in eight bits, with ranges taken once from calibration texts.

Ranges are fixed at export: taken anew from each batch, as "dynamic" quantisation does, a text's embedding would
depend on the texts beside it. The work is done in a process of its own, as the packages write to the screen,
change torch and keep their memory.

    python -m ticketkin.encoders.runtime.quantising RUNTIME MODEL BATCHES OUT
"""

import logging
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from ticketkin.core.config import Runtime
from ticketkin.core.errors import NotEnoughDataError
from ticketkin.core.tables import IntArray
from ticketkin.encoders.child_process import end_with_parent, run_module
from ticketkin.encoders.runtime.sessions import openvino, without_telemetry

Batches = list[dict[str, IntArray]]
FEWEST_TEXTS = 8
"""Calibration texts below which ranges would be guesses."""


def quantise(runtime: Runtime, model: Path, batches: Sequence[Mapping[str, IntArray]], folder: Path) -> None:
    """Write `model`, in float32, into `folder` in int8; `batches` are calibration texts, a batch of one each.

    Raises NotEnoughDataError for fewer than FEWEST_TEXTS, JobError where the quantiser fails.
    """
    if len(batches) < FEWEST_TEXTS:
        raise NotEnoughDataError(
            f"encoder.runtime={runtime} takes its ranges from training tickets, at least {FEWEST_TEXTS}; "
            f"{len(batches)} given. Use encoder.runtime=openvino or torch"
        )
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "batches.npz"
        arrays = {f"{place}/{name}": row for place, one in enumerate(batches) for name, row in one.items()}
        np.savez(path, **arrays)
        run_module("ticketkin.encoders.runtime.quantising", [runtime, str(model), str(path), str(folder)])


def _read_batches(path: Path) -> Batches:
    batches: dict[int, dict[str, IntArray]] = {}
    with np.load(path, allow_pickle=False) as saved:
        for key in saved.files:
            place, name = key.split("/")
            batches.setdefault(int(place), {})[name] = saved[key]
    return [batches[place] for place in sorted(batches)]


def _with_nncf(model: Path, batches: Batches, folder: Path) -> None:
    package = openvino()
    with without_telemetry():
        import nncf
    nncf.set_log_level(logging.ERROR)
    quantised = nncf.quantize(
        package.Core().read_model(str(model)),
        nncf.Dataset(batches),
        model_type=nncf.ModelType.TRANSFORMER,
        subset_size=len(batches),
    )
    package.save_model(quantised, str(folder / "model.xml"), compress_to_fp16=False)


def _with_onnxruntime(model: Path, batches: Batches, folder: Path) -> None:
    from onnxruntime.quantization import (
        CalibrationDataReader,
        CalibrationMethod,
        QuantFormat,
        QuantType,
        quantize_static,
    )

    class Reader(CalibrationDataReader):  # type: ignore[misc]
        def __init__(self) -> None:
            self._rest: Iterator[dict[str, IntArray]] = iter(batches)

        def get_next(self) -> dict[str, IntArray] | None:
            return next(self._rest, None)

    logging.disable(logging.WARNING)
    quantize_static(
        str(model),
        str(folder / "model.onnx"),
        Reader(),
        quant_format=QuantFormat.QDQ,
        op_types_to_quantize=["MatMul", "Gemm"],
        per_channel=True,
        activation_type=QuantType.QUInt8,
        weight_type=QuantType.QInt8,
        calibrate_method=CalibrationMethod.MinMax,
        extra_options={"MatMulConstBOnly": True},
    )


def main(arguments: Sequence[str]) -> None:
    """Quantise a model file with the batches of an .npz file."""
    runtime, model, batches, folder = arguments
    quantiser = _with_onnxruntime if runtime == "onnx-int8" else _with_nncf
    quantiser(Path(model), _read_batches(Path(batches)), Path(folder))


if __name__ == "__main__":
    end_with_parent()
    main(sys.argv[1:])
