"""Exported models in memory: what runs them, and what is refused before it is run.

Both formats could point outside themselves: an ONNX file at weights in any file of this machine, an OpenVINO
file at operations of a plug-in. Neither is followed: models are read from memory, and what names such a thing
is refused.
"""

import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, Protocol

import numpy as np

from ticketkin.core.config import Runtime
from ticketkin.core.errors import UnreadableFileError, UnsafeArtifactError
from ticketkin.core.tables import FloatArray, IntArray
from ticketkin.encoders.runtime.record import MODEL_FILES, PACKAGES, REMEDY, require


class Session(Protocol):
    """A model ready to run."""

    def run(self, inputs: Mapping[str, IntArray]) -> FloatArray:
        """Return the embeddings of one padded batch, shape (n, d), float32, unit length."""


def open_session(folder: Path, runtime: Runtime) -> Session:
    """Return the model of an export.

    Raises MissingExtraError where its package is not installed, UnsafeArtifactError where the model points
    outside itself, UnreadableFileError where it is damaged.
    """
    require(runtime, PACKAGES[runtime])
    contents = [(folder / name).read_bytes() for name in MODEL_FILES[runtime]]
    opened: Callable[..., Session] = OnnxSession if runtime == "onnx-int8" else OpenVinoSession
    try:
        return opened(*contents)
    except (UnsafeArtifactError, MemoryError):
        raise
    except Exception as error:  # the libraries raise RuntimeError and a dozen of their own
        first = (str(error).strip().splitlines() or ["no message"])[0]
        raise UnreadableFileError(f"The model in {folder} can't be loaded ({first}). {REMEDY}") from error


@contextmanager
def without_telemetry() -> Iterator[None]:
    """Import openvino and nncf within: they would report to their maker over the network, unasked.

    Both go on without the package that does so where it is not installed, and so it looks to them here.
    """
    name = "openvino_telemetry"
    before = sys.modules.get(name)
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        if before is None:
            del sys.modules[name]
        else:
            sys.modules[name] = before


def openvino() -> Any:
    """Return the openvino package, which reports to nobody."""
    with without_telemetry():
        import openvino as package

    return package


class OpenVinoSession:
    """A model run by OpenVINO on the CPU, in float32 where it is not quantised.

    Half precision would be its own choice on some processors, and the numbers would differ between machines.
    """

    def __init__(self, structure: bytes, weights: bytes) -> None:
        _check_structure(structure)
        core = openvino().Core()
        model = core.read_model(structure, weights)
        self._request = core.compile_model(
            model, "CPU", {"INFERENCE_PRECISION_HINT": "f32", "PERFORMANCE_HINT": "LATENCY"}
        ).create_infer_request()
        self._lock = Lock()  # a request holds the arrays of one call

    def run(self, inputs: Mapping[str, IntArray]) -> FloatArray:
        """Return the embeddings of one padded batch, shape (n, d)."""
        with self._lock:
            result = self._request.infer(dict(inputs))
            return np.array(result[0], dtype=np.float32)


def _check_structure(structure: bytes) -> None:
    """Raise UnsafeArtifactError for an operation that is not of OpenVINO's own sets."""
    from defusedxml.ElementTree import fromstring

    for layer in fromstring(structure).iter("layer"):
        operations = layer.get("version", "")
        if not operations.startswith("opset"):
            raise UnsafeArtifactError(
                f"The exported model asks for the operation {layer.get('type')!r} of {operations!r}; only "
                f"OpenVINO's own are run. {REMEDY}"
            )


class OnnxSession:
    """A model run by ONNX Runtime on the CPU."""

    def __init__(self, content: bytes) -> None:
        # Weights in other files are named by an entry with this key, and by nothing else.
        if b"location" in content:
            raise UnsafeArtifactError(f"The exported model names files outside itself. {REMEDY}")
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def run(self, inputs: Mapping[str, IntArray]) -> FloatArray:
        """Return the embeddings of one padded batch, shape (n, d)."""
        return np.asarray(self._session.run(None, dict(inputs))[0], dtype=np.float32)
