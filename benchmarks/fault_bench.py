"""What faults of models and trainings are planted on: tickets, pairs, the base and a trained adapter."""

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import roc_auc_score

from ticketkin.core.checks import Check
from ticketkin.core.tables import FloatArray, IntArray, Tickets
from ticketkin.encoders.encoding import encode_texts
from ticketkin.encoders.loading import LoadedEncoder, load_encoder, load_float32
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.tickets.composing import compose_texts
from ticketkin.tickets.importing import import_tickets
from ticketkin.tickets.kin import kin_groups
from ticketkin.tickets.links import links_from_tickets
from ticketkin.tickets.sample import write_sample
from ticketkin.tickets.settings import TicketSettings
from ticketkin.training.lora import train_lora
from ticketkin.training.positives import PositivePairs
from ticketkin.training.preparation import TunedEncoder
from ticketkin.training.settings import LoraSettings
from ticketkin.training.tuning_data import TuningData

N_TICKETS = 400
SEED = 5
TEMPLATE = TicketSettings().template


class Bench:
    """Tickets, pairs, the base model and one trained adapter; each made when first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def place(self, name: str) -> Path:
        """Return an unused path below the bench's folder."""
        return self.folder / name

    @cached_property
    def encoder(self) -> LoadedEncoder:
        """The packaged MiniLM."""
        return load_encoder(EncoderSettings(offline=True, device="cpu", max_length_tokens=64))

    @cached_property
    def tickets(self) -> Tickets:
        """Synthetic incidents."""
        path = self.place("sample.csv")
        write_sample(path, N_TICKETS, SEED)
        return import_tickets([path], TicketSettings()).tickets

    @cached_property
    def texts(self) -> list[str]:
        """Their texts."""
        return compose_texts(self.tickets, TicketSettings().template)

    @cached_property
    def groups(self) -> IntArray:
        """Kin group of every ticket."""
        return kin_groups(self.tickets, links_from_tickets(self.tickets).links).group

    @cached_property
    def embeddings(self) -> FloatArray:
        """Untouched embeddings."""
        return encode_texts(self.encoder, self.texts, None, EncoderSettings())

    @cached_property
    def pairs(self) -> tuple[IntArray, IntArray, IntArray]:
        """Left, right, label: 60 kin pairs and as many random strangers."""
        generator = np.random.default_rng(SEED)
        left, right = np.triu_indices(len(self.groups), 1)
        kin = self.groups[left] == self.groups[right]
        chosen = np.concatenate([generator.choice(np.flatnonzero(kin == side), 60) for side in (True, False)])
        return left[chosen], right[chosen], np.repeat([1, 0], 60)

    def area(self, model: Any) -> float:
        """Return the ROC-AUC of a model's cosines on the pairs, as a notebook computes it."""
        left, right, labels = self.pairs
        a, b = (
            model.encode([self.texts[row] for row in side], normalize_embeddings=True)
            for side in (left, right)
        )
        return float(roc_auc_score(labels, (a * b).sum(axis=1)))

    def base(self) -> Any:
        """Return a freshly loaded base."""
        model: Any = load_float32(self.encoder.source, "cpu")
        model.max_seq_length = 64
        return model

    @cached_property
    def tuning_data(self) -> TuningData:
        """Forty kin pairs in three phases, no mined negatives."""
        left, right, labels = self.pairs
        kin = labels == 1
        n = int(kin.sum())
        return TuningData(
            texts=self.texts, left=left[kin], right=right[kin], phase=np.arange(n) % 3 + 1,
            group=self.groups[left[kin]], negatives=np.full((n, 1), -1), group_of_row=self.groups,
            labelled_left=left, labelled_right=right, labels=labels,
            labelled_phase=np.arange(len(labels)) % 3 + 1,
        )  # fmt: skip

    def train(self, name: str, settings: LoraSettings, data: TuningData | None = None) -> TunedEncoder:
        """Train an adapter."""
        return train_lora(self.encoder, data or self.tuning_data, settings, self.place(name), SEED)

    @cached_property
    def trained(self) -> TunedEncoder:
        """A healthy adapter."""
        return self.train("healthy", LORA)

    def adapter(self, name: str) -> Path:
        """Return a copy of the healthy adapter to spoil."""
        return Path(shutil.copytree(self.trained_adapter, self.place(name)))

    @property
    def trained_adapter(self) -> Path:
        """The folder of the healthy adapter."""
        return adapter_of(self.trained)

    @cached_property
    def positives(self) -> PositivePairs:
        """The kin pairs as a linear head is trained on them."""
        data = self.tuning_data
        return PositivePairs(data.left, data.right, data.phase, data.group, data.negatives)

    @cached_property
    def cosines(self) -> FloatArray:
        """Cosine of each pair by the untouched model."""
        left, right, _ = self.pairs
        cosines: FloatArray = (self.embeddings[left] * self.embeddings[right]).sum(axis=1)
        return cosines


LORA = LoraSettings(epochs_per_phase=(1, 1, 1), batch_size=12, max_length_tokens=48, contrastive_weight=0.0)


def adapter_of(tuned: TunedEncoder) -> Path:
    """Return the folder of the adapter that a training with LoRA wrote."""
    if tuned.adapter_folder is None:
        raise SystemExit(f"{tuned.folder} has no adapter")
    return tuned.adapter_folder


@dataclass(frozen=True)
class Fault:
    """One fault: how it is planted, what the plain script prints, what Ticketkin says."""

    name: str
    run: Callable[[Bench], tuple[str, Sequence[Check]]]
    expected: str
    """Code of the check that must find it."""
    says: str = ""
    """What its evidence must say, where one check names several faults."""
