"""Proof that an adapter works where it will be used: after reload, in a process that never saw it.

An adapter can be saved and loaded without an error and yet change nothing (names that do not
fit are only warned about), and a base compared with a model that shares its modules always
looks the same. Hence a fresh process, a freshly loaded base, and numbers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from ticketkin.core.errors import InactiveAdapterError, TicketkinError
from ticketkin.core.tables import FloatArray
from ticketkin.core.wording import number_of
from ticketkin.encoders.adapter_files import read_adapter
from ticketkin.encoders.fresh_process import SavedModel, embed_freshly
from ticketkin.encoders.loading import LoadedEncoder
from ticketkin.encoders.probes import largest_difference

SAME = 1e-5
"""Largest difference of an embedding's values between two loads of one model."""
DIFFERENT = 1e-6
"""Smallest difference from the base that is no rounding: an inactive adapter gives exactly 0."""


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

    @property
    def faults(self) -> list[str]:
        """What is wrong, one sentence a fault; empty for an active adapter."""
        faults = []
        if self.difference_from_base <= DIFFERENT:
            faults.append(
                f"after reload the embeddings equal the untouched base (they differ by "
                f"{self.difference_from_base:g})"
            )
        if self.n_modules == 0:
            faults.append("the adapter file holds no lora_B")
        if self.zero_modules:
            shown = ", ".join(self.zero_modules[:3])
            faults.append(f"{len(self.zero_modules)} of {self.n_modules} lora_B are all zero ({shown})")
        if self.difference_from_memory is not None and self.difference_from_memory > SAME:
            faults.append(
                f"the reloaded adapter differs from the trained one by {self.difference_from_memory:g}"
            )
        if self.difference_of_merged > SAME:
            faults.append(f"the merged model differs from the adapter by {self.difference_of_merged:g}")
        return faults


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
    if not any(text.strip() for text in probe_texts):
        raise ValueError("prove_adapter_active needs at least one probe text that is not empty")
    try:
        proof = measure(base, adapter_folder, merged_folder, probe_texts, expected_embeddings)
    except TicketkinError as error:
        raise InactiveAdapterError(
            f"The adapter in {adapter_folder} can't be reloaded in a fresh process: {error}. "
            "Remove the folder and train again"
        ) from error
    if proof.faults:
        raise InactiveAdapterError(
            f"The adapter in {adapter_folder} is not active: {'; '.join(proof.faults)} "
            f"(measured in a fresh process on {number_of(proof.n_probes, 'text')}). Remove the folder and "
            "train again; if it happens again, raise lora.learning_rate"
        )
    return proof


def measure(
    base: Path | str | LoadedEncoder,
    adapter_folder: Path,
    merged_folder: Path,
    probe_texts: Sequence[str],
    expected_embeddings: FloatArray | None = None,
    embed: Callable[[Sequence[SavedModel], Sequence[str]], list[FloatArray]] = embed_freshly,
) -> ActivityProof:
    """Return the measurements behind `prove_adapter_active`, whatever they are."""
    saved = read_adapter(adapter_folder)
    source = base.source if isinstance(base, LoadedEncoder) else base
    models = [SavedModel(str(folder)) for folder in (source, adapter_folder, merged_folder)]
    of_base, of_adapter, of_merged = embed(models, probe_texts)
    updates = {name: halves["B"] for name, halves in saved.modules.items() if "B" in halves}
    return ActivityProof(
        n_probes=len(probe_texts),
        difference_from_base=largest_difference(of_adapter, of_base),
        difference_from_memory=(
            None if expected_embeddings is None else largest_difference(of_adapter, expected_embeddings)
        ),
        difference_of_merged=largest_difference(of_merged, of_adapter),
        n_modules=len(updates),
        zero_modules=sorted(name for name, values in updates.items() if not bool(values.any())),
    )
