"""What lies in the folder of an exported encoder, and whether it is whole and still belongs to its source."""

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ticketkin.core.artifacts import hash_path
from ticketkin.core.errors import MissingExtraError, UnreadableFileError
from ticketkin.core.records import read_record
from ticketkin.encoders.runtime.tokens import Tokenisation
from ticketkin.encoders.settings import AskedRuntime, Runtime

RECORD = "export.json"
TOKENIZER = "tokenizer.json"
FORMAT = 1
KNOWN_TEXT = "a printer on the second floor has stopped printing"
REMEDY = "Remove this folder; the next run or bundle that asks for this runtime makes it again"

PACKAGES: Mapping[Runtime, tuple[str, ...]] = {
    "torch": (),
    "openvino": ("openvino",),
    "openvino-int8": ("openvino",),
    "onnx-int8": ("onnxruntime",),
}
"""What must be installed to run an encoder."""
EXPORT_PACKAGES: Mapping[Runtime, tuple[str, ...]] = {
    "torch": (),
    "openvino": ("openvino",),
    "openvino-int8": ("openvino", "nncf"),
    "onnx-int8": ("onnxruntime", "onnx"),
}
"""What must be installed to export one."""
MODEL_FILES: Mapping[Runtime, tuple[str, ...]] = {
    "openvino": ("model.xml", "model.bin"),
    "openvino-int8": ("model.xml", "model.bin"),
    "onnx-int8": ("model.onnx",),
}


@dataclass(frozen=True)
class ExportRecord:
    """How an export was made and what it needs; export.json."""

    format: int
    runtime: Runtime
    source: str
    """Fingerprint of the model it was made from."""
    name: str
    """The model's name, for messages."""
    dimension: int
    tokenisation: Tokenisation
    calibration: str
    """Hash of the texts that the ranges of int8 were taken from; "" without."""
    known_answer: tuple[float, ...]
    """The embedding of KNOWN_TEXT where it was exported, (d,): a processor that computes otherwise shows."""
    packages: dict[str, str]
    """Versions it was exported with."""
    files: dict[str, str]
    """sha256 by name of every other file in the folder."""

    def is_current(self, source: str, runtime: Runtime, calibration: str) -> bool:
        """Return whether making it again from `source` would give the same."""
        same = (self.source, self.runtime, self.calibration) == (source, runtime, calibration)
        return same and self.packages == installed(EXPORT_PACKAGES[runtime])


def installed(packages: tuple[str, ...]) -> dict[str, str]:
    """Return the installed version of each of `packages` that is there."""
    versions = {}
    for name in packages:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return versions


def require(runtime: Runtime, packages: tuple[str, ...]) -> None:
    """Raise MissingExtraError, naming the extra, unless all `packages` that `runtime` needs are installed."""
    missing = [name for name in packages if name not in installed(packages)]
    if missing:
        extra = "onnx" if runtime == "onnx-int8" else "openvino"
        raise MissingExtraError(
            f"encoder.runtime={runtime} needs {' and '.join(missing)}, not installed here; install the extra "
            f"with: pip install 'ticketkin[{extra}]', or set encoder.runtime=torch"
        )


def require_exports(asked: AskedRuntime) -> None:
    """Raise MissingExtraError unless what exports to a runtime is installed; 'auto' takes what there is."""
    if asked != "auto" and asked != "torch":  # noqa: PLR1714 - a type checker reads these alone
        require(asked, EXPORT_PACKAGES[asked])


def read_export(folder: Path) -> ExportRecord:
    """Return the record of an export whose files are all as it says.

    Raises UnreadableFileError where the folder or a file in it is missing, damaged, or of another version.
    """
    record = read_record(folder / RECORD, ExportRecord, REMEDY)
    if record.format != FORMAT:
        raise UnreadableFileError(f"{folder} has the format {record.format}, not {FORMAT}. {REMEDY}")
    wanted = {TOKENIZER, *MODEL_FILES.get(record.runtime, ())}
    if set(record.files) != wanted:
        raise UnreadableFileError(
            f"{folder / RECORD} is damaged (it lists {sorted(record.files)}, not {sorted(wanted)}). {REMEDY}"
        )
    for name, expected in record.files.items():
        path = folder / name
        if not path.is_file():
            raise UnreadableFileError(f"{path} is missing. {REMEDY}")
        if hash_path(path) != expected:
            raise UnreadableFileError(f"{path} is damaged (its content is not the recorded one). {REMEDY}")
    return record
