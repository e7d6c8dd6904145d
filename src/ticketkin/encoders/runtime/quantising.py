"""Weights and activations in eight bits.

OpenVINO takes the ranges of activations once, from calibration texts (NNCF's post-training quantisation,
which smooths outliers). ONNX Runtime takes them from each text as it comes: its own fixed ranges, without
smoothing, left a mean cosine of .94 on Eclipse's reports. As texts are run one at a time, neither depends on
a text's neighbours. The work is done in a process of its own, as the packages write to the screen, change
torch and keep their memory.

    python -m ticketkin.encoders.runtime.quantising RUNTIME MODEL INPUTS FOLDER
"""

import logging
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from ticketkin.core.artifacts import read_json, write_json
from ticketkin.core.child_process import end_with_parent, run_module
from ticketkin.core.errors import NotEnoughDataError
from ticketkin.core.tables import IntArray
from ticketkin.encoders.runtime.sessions import openvino, without_telemetry
from ticketkin.encoders.settings import Runtime

Inputs = Mapping[str, IntArray]
FEWEST_TEXTS = 8
"""Calibration texts below which ranges would be guesses."""
SMOOTHING = 0.8
"""How far outliers of activations are moved into the weights, 0 to 1.

The alpha of SmoothQuant (Xiao et al. 2023). NNCF's own .95 leaves embeddings further from torch's:
docs/experiments.md.
"""


def quantise(runtime: Runtime, model: Path, calibration: Sequence[Inputs], folder: Path) -> None:
    """Write `model`, in float32, into `folder` in int8; `calibration` holds the inputs of one text each.

    Raises NotEnoughDataError where ranges are needed and fewer than FEWEST_TEXTS are given, JobError where
    the quantiser fails.
    """
    if runtime == "openvino-int8" and len(calibration) < FEWEST_TEXTS:
        raise NotEnoughDataError(
            f"encoder.runtime={runtime} takes its ranges from training tickets, at least {FEWEST_TEXTS}; "
            f"{len(calibration)} given. Use encoder.runtime=openvino or torch"
        )
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "inputs.json"
        write_json(path, [{name: row.tolist() for name, row in one.items()} for one in calibration])
        run_module("ticketkin.encoders.runtime.quantising", [runtime, str(model), str(path), str(folder)])


def _read_inputs(path: Path) -> list[Inputs]:
    texts = read_json(path)
    return [{name: np.array(row, dtype=np.int64) for name, row in one.items()} for one in texts]


def _with_nncf(model: Path, calibration: Sequence[Inputs], folder: Path) -> None:
    package = openvino()
    with without_telemetry():
        import nncf
    nncf.set_log_level(logging.ERROR)
    smoothing = nncf.AdvancedSmoothQuantParameters(matmul=SMOOTHING)
    quantised = nncf.quantize(
        package.Core().read_model(str(model)),
        nncf.Dataset(list(calibration)),
        model_type=nncf.ModelType.TRANSFORMER,
        subset_size=len(calibration),
        advanced_parameters=nncf.AdvancedQuantizationParameters(smooth_quant_alphas=smoothing),
    )
    package.save_model(quantised, str(folder / "model.xml"), compress_to_fp16=False)


def _with_onnxruntime(model: Path, folder: Path) -> None:
    from onnxruntime.quantization import quantize_dynamic

    logging.disable(logging.WARNING)
    quantize_dynamic(
        str(model), str(folder / "model.onnx"), per_channel=True, extra_options={"MatMulConstBOnly": True}
    )


def main(arguments: Sequence[str]) -> None:
    """Quantise a model file with the inputs of a JSON file."""
    runtime, model, inputs, folder = arguments
    if runtime == "onnx-int8":
        _with_onnxruntime(Path(model), Path(folder))
    else:
        _with_nncf(Path(model), _read_inputs(Path(inputs)), Path(folder))


if __name__ == "__main__":
    end_with_parent()
    main(sys.argv[1:])
