"""Proof that an adapter works where it will be used: after reload, in a process that never saw it.

An adapter can be saved and loaded without an error and yet change nothing (names that do not
fit are only warned about), and a base compared with a model that shares its modules always
looks the same. Hence a fresh process, a freshly loaded base, and numbers.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from ticketkin.core.artifacts import read_json, write_json
from ticketkin.core.errors import InactiveAdapterError
from ticketkin.core.tables import FloatArray
from ticketkin.encoders.loading import LoadedEncoder, load_float32
from ticketkin.encoders.safety import check_adapter_folder

SAME = 1e-5
"""Largest difference of an embedding's values between two loads of one model."""
DIFFERENT = 1e-6
"""Smallest difference from the base that is no rounding: an inactive adapter gives exactly 0."""
_LIMIT_SECONDS = 1_800
_PROBES_A_BATCH = 16


@dataclass(frozen=True)
class ActivityProof:
    """What the fresh process measured; differences are maxima over all values of all probes."""

    n_probes: int
    difference_from_base: float
    """Reloaded adapter against freshly loaded base: must exceed `DIFFERENT`."""
    difference_from_memory: float | None
    """Reloaded adapter against the model in memory after training: at most `SAME`."""
    difference_of_merged: float
    """Merged model against reloaded adapter: at most `SAME`."""
    n_modules: int
    """Modules with a lora_B in the adapter file."""
    zero_modules: list[str]
    """Those whose lora_B is all zero: must be none."""

    def to_json(self) -> dict[str, Any]:
        """Return the fields by name."""
        return asdict(self)

    @property
    def faults(self) -> list[str]:
        """What is wrong, one sentence a fault; empty for an active adapter."""
        found = []
        if self.difference_from_base <= DIFFERENT:
            found.append(
                f"after reload the embeddings equal the untouched base (they differ by "
                f"{self.difference_from_base:g})"
            )
        if self.n_modules == 0:
            found.append("the adapter file holds no lora_B")
        if self.zero_modules:
            shown = ", ".join(self.zero_modules[:3])
            found.append(f"{len(self.zero_modules)} of {self.n_modules} lora_B are all zero ({shown})")
        if self.difference_from_memory is not None and self.difference_from_memory > SAME:
            found.append(
                f"the reloaded adapter differs from the trained one by {self.difference_from_memory:g}"
            )
        if self.difference_of_merged > SAME:
            found.append(f"the merged model differs from the adapter by {self.difference_of_merged:g}")
        return found


def prove_adapter_active(
    base: Path | str | LoadedEncoder,
    adapter_folder: Path,
    merged_folder: Path,
    probe_texts: Sequence[str],
    expected_embeddings: FloatArray | None = None,
) -> ActivityProof:
    """Return the proof, measured in a fresh process.

    `base` is the untouched encoder or its folder; `expected_embeddings` (n_probes, d), unit
    length, are those of the trained model in memory (None leaves that comparison out).

    Raises InactiveAdapterError with the evidence if the adapter changes nothing, if any of its
    modules is untrained, if it or the merged model gives other embeddings, or can't be loaded.
    """
    source = base.source if isinstance(base, LoadedEncoder) else base
    if not any(text.strip() for text in probe_texts):
        raise ValueError("prove_adapter_active needs at least one probe text that is not empty")
    request = {
        "base": str(source),
        "adapter": str(adapter_folder),
        "merged": str(merged_folder),
        "texts": list(probe_texts),
        "expected": None if expected_embeddings is None else np.asarray(expected_embeddings).tolist(),
    }
    proof = ActivityProof(**_in_fresh_process(request))
    if proof.faults:
        raise InactiveAdapterError(
            f"The adapter in {adapter_folder} is not active: {'; '.join(proof.faults)} "
            f"(measured in a fresh process on {proof.n_probes} texts). Remove the folder and train again; "
            "if it happens again, raise lora.learning_rate"
        )
    return proof


def measure(request: dict[str, Any]) -> ActivityProof:
    """Load base, adapter and merged model anew and compare them; runs in the fresh process."""
    adapter_folder = Path(request["adapter"])
    check_adapter_folder(adapter_folder)
    adapted = load_float32(str(adapter_folder), "cpu")
    base = load_float32(request["base"], "cpu")
    base.max_seq_length = adapted.max_seq_length  # another cut of long texts is no effect of the adapter
    merged = load_float32(request["merged"], "cpu")
    of_base, of_adapter, of_merged = (_embed(model, request["texts"]) for model in (base, adapted, merged))
    expected = request["expected"]
    zero, n_modules = _zero_modules(adapter_folder)
    return ActivityProof(
        n_probes=len(request["texts"]),
        difference_from_base=_difference(of_adapter, of_base),
        difference_from_memory=None if expected is None else _difference(of_adapter, np.asarray(expected)),
        difference_of_merged=_difference(of_merged, of_adapter),
        n_modules=n_modules,
        zero_modules=zero,
    )


def _embed(model: Any, texts: list[str]) -> FloatArray:
    return np.asarray(
        model.encode(texts, batch_size=_PROBES_A_BATCH, normalize_embeddings=True, show_progress_bar=False),
        dtype=np.float32,
    )


def _difference(one: FloatArray, other: FloatArray) -> float:
    return float(np.abs(one - other).max())


def _zero_modules(adapter_folder: Path) -> tuple[list[str], int]:
    """Return the names whose lora_B is all zero, and the count of all lora_B."""
    from safetensors.numpy import load_file

    tensors = load_file(adapter_folder / "adapter_model.safetensors")
    updates = {name: values for name, values in tensors.items() if "lora_B" in name}
    return sorted(name for name, values in updates.items() if not values.any()), len(updates)


def _in_fresh_process(request: dict[str, Any]) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        question, answer = Path(folder) / "request.json", Path(folder) / "proof.json"
        write_json(question, request)
        # -P keeps files of the working directory from shadowing modules; all input is made here.
        command = [sys.executable, "-P", "-m", "ticketkin.encoders.activity", str(question), str(answer)]
        done = subprocess.run(  # noqa: S603
            command, capture_output=True, text=True, timeout=_LIMIT_SECONDS, check=False
        )
        if done.returncode != 0 or not answer.exists():
            last = (done.stderr.strip().splitlines() or ["no message"])[-1]
            raise InactiveAdapterError(
                f"The adapter in {request['adapter']} can't be reloaded in a fresh process: {last}. "
                "Remove the folder and train again"
            )
        measured: dict[str, Any] = read_json(answer)
        return measured


def main(arguments: Sequence[str]) -> None:
    """Read a request (JSON file), write the proof (JSON file)."""
    question, answer = map(Path, arguments)
    write_json(answer, measure(json.loads(question.read_text("utf-8"))).to_json())


if __name__ == "__main__":
    main(sys.argv[1:])
