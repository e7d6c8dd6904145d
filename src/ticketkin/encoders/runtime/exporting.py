"""From a model in torch to a folder that another runtime executes: made once, whole or not at all.

The whole chain of sentence-transformers' modules is traced, so that pooling, heads and normalisation lie in
the exported model itself; its tokenizer is written as the very definition that torch was fed by.
"""

import copy
import logging
import tempfile
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import asdict
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ticketkin.core.artifacts import atomic_path, hash_path, hash_value, write_json
from ticketkin.core.errors import JobError, TicketkinError, UnreadableFileError
from ticketkin.encoders.loading import LoadedEncoder, default_prompt, is_failure
from ticketkin.encoders.runtime.quantising import SMOOTHING, quantise
from ticketkin.encoders.runtime.record import (
    EXPORT_PACKAGES,
    FORMAT,
    KNOWN_TEXT,
    MODEL_FILES,
    RECORD,
    TOKENIZER,
    ExportRecord,
    installed,
    read_export,
    require,
)
from ticketkin.encoders.runtime.sessions import open_session, openvino
from ticketkin.encoders.runtime.tokens import TextTokenizer, Tokenisation
from ticketkin.encoders.settings import Runtime

if TYPE_CHECKING:
    import torch

EXPORTED_MODULES = ("Transformer", "Pooling", "Dense", "Normalize", "LayerNorm", "Dropout")
"""Modules whose every step lies in the traced model; others prepare texts or features on their own."""
_INPUTS = ("input_ids", "attention_mask", "token_type_ids")
_NO_MODEL_INPUT = ("modality", "prompt_length")
# Two lengths, so that nothing of the example's own shape is taken for a constant.
_EXAMPLE = (KNOWN_TEXT, "mail")


class NotExportableError(JobError):
    """A model has a part that only torch can run."""


def calibration_key(runtime: Runtime, texts: Sequence[str]) -> str:
    """Return the hash of what `runtime` takes its ranges from, and how; "" where it takes none."""
    return hash_value({"texts": list(texts), "smoothing": SMOOTHING}) if runtime == "openvino-int8" else ""


def ensure_export(
    encoder: LoadedEncoder, runtime: Runtime, calibration: Sequence[str], folder: Path
) -> ExportRecord:
    """Return the record of the export in `folder`, made now unless a current and whole one is there.

    `calibration` are texts of training tickets, from which 'openvino-int8' takes its ranges. Raises
    MissingExtraError where a package is missing, NotExportableError where the model has parts that only torch
    runs, NotEnoughDataError for too few calibration texts, JobError where the export fails.
    """
    require(runtime, EXPORT_PACKAGES[runtime])
    try:
        record = read_export(folder)
        if record.is_current(encoder.fingerprint, runtime, calibration_key(runtime, calibration)):
            return record
    except UnreadableFileError:
        pass  # none, or a damaged one: it is made again
    with atomic_path(folder) as temporary:
        temporary.mkdir()
        _export(encoder, runtime, calibration, temporary)
    return read_export(folder)


def _export(encoder: LoadedEncoder, runtime: Runtime, calibration: Sequence[str], folder: Path) -> None:
    model = encoder.model if encoder.device == "cpu" else copy.deepcopy(encoder.model).to("cpu")
    tokenisation = tokenisation_of(model, encoder.max_length_tokens)
    definition = model.tokenizer.backend_tokenizer.to_str().encode()
    (folder / TOKENIZER).write_bytes(definition)
    tokenizer = TextTokenizer(definition, tokenisation)
    try:
        with tempfile.TemporaryDirectory() as scratch:
            plain = _convert(model, tokenisation, runtime, folder, Path(scratch))
            if runtime.endswith("-int8"):
                inputs = [tokenizer.inputs(row) for row in tokenizer.tokens(calibration)]
                quantise(runtime, plain, inputs, folder)
            answer = open_session(folder, runtime).run([tokenizer.inputs(tokenizer.tokens([KNOWN_TEXT])[0])])
    except TicketkinError:
        raise
    except BaseException as error:  # tracers and converters raise anything, Rust's panics among it
        if not is_failure(error):
            raise
        first = (str(error).strip().splitlines() or ["no message"])[0]
        raise NotExportableError(
            f"{encoder.name} can't be exported for {runtime} ({type(error).__name__}: {first}); use "
            "encoder.runtime=torch"
        ) from error
    record = ExportRecord(
        format=FORMAT,
        runtime=runtime,
        source=encoder.fingerprint,
        name=encoder.name,
        dimension=encoder.dimension,
        tokenisation=tokenisation,
        calibration=calibration_key(runtime, calibration),
        known_answer=answer[0].tolist(),
        packages=installed(EXPORT_PACKAGES[runtime]),
        files={name: hash_path(folder / name) for name in (TOKENIZER, *MODEL_FILES[runtime])},
    )
    write_json(folder / RECORD, asdict(record))


def tokenisation_of(model: Any, max_length_tokens: int) -> Tokenisation:
    """Return how `model` turns texts into tokens. Raises NotExportableError where that can't be exported."""
    _check_modules(model)
    tokenizer = model.tokenizer
    if not hasattr(tokenizer, "backend_tokenizer"):
        raise NotExportableError(
            f"The tokenizer {type(tokenizer).__name__} has no tokenizer.json; use encoder.runtime=torch"
        )
    features = model.preprocess(list(_EXAMPLE))
    inputs = tuple(name for name in features if name not in _NO_MODEL_INPUT)
    unknown = [name for name in inputs if name not in _INPUTS]
    if unknown:
        raise NotExportableError(
            f"The model takes {', '.join(unknown)} beside the tokens; only {', '.join(_INPUTS)} can be "
            "exported. Use encoder.runtime=torch"
        )
    return Tokenisation(
        prompt=default_prompt(model),
        max_length_tokens=max_length_tokens,
        cuts_left=tokenizer.truncation_side == "left",
        inputs=inputs,
    )


def _check_modules(model: Any) -> None:
    modules = {type(module).__name__: module for module in model}
    unknown = [name for name in modules if name not in EXPORTED_MODULES]
    if unknown or "Transformer" not in modules:
        raise NotExportableError(
            f"The model has the module {', '.join(unknown) or 'none that reads tokens'}; only "
            f"{', '.join(EXPORTED_MODULES)} can be exported. Use encoder.runtime=torch"
        )
    pooling = modules.get("Pooling")
    if pooling is not None and not pooling.include_prompt and default_prompt(model):
        raise NotExportableError(
            "The model leaves its prompt out when it averages tokens, which can't be exported; use "
            "encoder.runtime=torch"
        )


def _convert(model: Any, tokenisation: Tokenisation, runtime: Runtime, folder: Path, scratch: Path) -> Path:
    """Write the model in float32: where it stays if that is all, else in `scratch`; return its path."""
    traced = _whole(model, tokenisation.inputs)
    features = model.preprocess(list(_EXAMPLE))
    example = tuple(features[name] for name in tokenisation.inputs)
    home = scratch if runtime.endswith("-int8") else folder
    with _quiet():
        if runtime == "onnx-int8":
            return _to_onnx(traced, example, tokenisation.inputs, home / "model.onnx")
        return _to_openvino(traced, example, tokenisation.inputs, home / "model.xml")


def _whole(model: Any, inputs: tuple[str, ...]) -> "torch.nn.Module":
    """Return one module from token ids to unit-length embeddings."""
    import torch

    class Whole(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.modules_in_turn = model

        def forward(self, *tensors: torch.Tensor) -> torch.Tensor:
            features = dict(zip(inputs, tensors, strict=True))
            embeddings = self.modules_in_turn(features)["sentence_embedding"]
            return torch.nn.functional.normalize(embeddings, dim=1)

    return Whole().eval()


def _to_openvino(
    traced: "torch.nn.Module", example: Sequence[Any], inputs: tuple[str, ...], path: Path
) -> Path:
    import torch

    package = openvino()
    with torch.inference_mode():
        converted = package.convert_model(traced, example_input=tuple(example))
    for place, name in zip(converted.inputs, inputs, strict=True):
        place.get_tensor().set_names({name})
    package.save_model(converted, str(path), compress_to_fp16=False)
    return path


def _to_onnx(traced: "torch.nn.Module", example: Sequence[Any], inputs: tuple[str, ...], path: Path) -> Path:
    import torch

    with torch.inference_mode():
        torch.onnx.export(
            traced,
            tuple(example),
            str(path),
            input_names=list(inputs),
            output_names=["embedding"],
            dynamic_axes={name: {0: "texts", 1: "tokens"} for name in inputs} | {"embedding": {0: "texts"}},
            dynamo=False,  # the other way needs one more package
        )
    return path


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep tracers from writing to the screen: they tell of every branch they meet."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), redirect_stdout(StringIO()), redirect_stderr(StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
