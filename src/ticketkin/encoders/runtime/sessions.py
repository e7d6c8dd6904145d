"""Exported models in memory: what runs them, and what is refused before it is run.

Both formats could point outside themselves: an ONNX file at weights in any file of this machine, an OpenVINO
file at operations of a plug-in. Neither is followed: models are read from memory, and what names such a thing
is refused.
"""

import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from ticketkin.core.errors import UnreadableFileError, UnsafeArtifactError
from ticketkin.core.tables import FloatArray, IntArray
from ticketkin.core.threads import n_threads
from ticketkin.encoders.runtime.record import MODEL_FILES, PACKAGES, REMEDY, require
from ticketkin.encoders.settings import Runtime

Inputs = Mapping[str, IntArray]
"""What a model takes for one text, by name, each shape (1, n_tokens)."""


class Session(Protocol):
    """A model ready to run."""

    leaves_cores: bool
    """Whether one text is run in one thread, so that other work gains by going on beside it."""

    def run(self, texts: Sequence[Inputs]) -> FloatArray:
        """Return the embeddings of some texts, shape (len(texts), d), float32, unit length.

        Each text is run by itself, several at once where there are several. So no time goes into padding, and
        an embedding is the same to the bit whatever texts are beside it, in int8, too.
        """


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

    leaves_cores = False

    def __init__(self, structure: bytes, weights: bytes) -> None:
        _check_structure(structure)
        self._core = openvino().Core()
        self._model = self._core.read_model(structure, weights)
        self._alone = self._compiled("LATENCY", 1)

    @cached_property
    def _together(self) -> Any:
        return self._compiled("THROUGHPUT", n_threads())

    def _compiled(self, hint: str, n_streams: int) -> Any:
        return self._core.compile_model(
            self._model,
            "CPU",
            {
                "INFERENCE_PRECISION_HINT": "f32",
                "PERFORMANCE_HINT": hint,
                "NUM_STREAMS": str(n_streams),
                "INFERENCE_NUM_THREADS": str(n_threads()),
            },
        )

    def run(self, texts: Sequence[Inputs]) -> FloatArray:
        """Return the embeddings of some texts, shape (len(texts), d)."""
        compiled = self._alone if len(texts) == 1 else self._together

        def embedded(inputs: Inputs) -> FloatArray:
            # A request of its own holds the arrays of this call. No queue with callbacks: one that is freed
            # while its last callback ends waits for ever.
            result = compiled.create_infer_request().infer(dict(inputs))
            return np.array(result[0][0], dtype=np.float32)

        return _each(embedded, texts)


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
    """A model run by ONNX Runtime on the CPU, each text in one thread.

    Two threads gain a third of the time of a text, but wait for each other by turning round: they take more
    than twice the processor time, and from whatever else an answer computes.
    """

    leaves_cores = True

    def __init__(self, content: bytes) -> None:
        # Weights in other files are named by an entry with this key, and by nothing else.
        if b"location" in content:
            raise UnsafeArtifactError(f"The exported model names files outside itself. {REMEDY}")
        import onnxruntime

        options = onnxruntime.SessionOptions()
        options.log_severity_level = 3
        options.intra_op_num_threads = 1
        self._session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])

    def run(self, texts: Sequence[Inputs]) -> FloatArray:
        """Return the embeddings of some texts, shape (len(texts), d)."""
        return _each(
            lambda inputs: np.asarray(self._session.run(None, dict(inputs))[0][0], dtype=np.float32), texts
        )


def _each(embedded: Callable[[Inputs], FloatArray], texts: Sequence[Inputs]) -> FloatArray:
    """Return the embedding of each text, one after the other in as many threads as there are cores.

    Both packages let go of Python's lock while they compute.
    """
    if len(texts) == 1:
        return embedded(texts[0])[None]
    with ThreadPoolExecutor(n_threads()) as threads:
        return np.stack(list(threads.map(embedded, texts)))
