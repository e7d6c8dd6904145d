"""A small training set with kin groups, and a script that dies in the middle of training on it."""

import json
import os
import shutil
import signal
import sys
from contextlib import contextmanager
from pathlib import Path

import numpy as np

from ticketkin.core.progress import SilentProgress
from ticketkin.encoders.loading import load_folder
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.training.finished import FinishedTraining
from ticketkin.training.lora import train_lora
from ticketkin.training.preparation import TunedEncoder
from ticketkin.training.settings import LoraSettings
from ticketkin.training.tuning_data import TuningData
from tiny_model import WORDS

SETTINGS = LoraSettings(
    rank=4, alpha=8, batch_size=8, learning_rate=5e-3, epochs_per_phase=(1, 1, 2), max_length_tokens=24,
    checkpoint_steps=3, checkpoint_seconds=0,
)  # fmt: skip
ENCODER = EncoderSettings(device="cpu")


def tuning_data(n_groups: int = 15, seed: int = 0) -> TuningData:
    """Three tickets a kin group that share two words of five; all pairs within are positives."""
    rng = np.random.default_rng(seed)
    texts, groups = [], []
    for group in range(n_groups):
        topic = rng.choice(WORDS, size=2, replace=False)
        for _ in range(3):
            texts.append(" ".join(rng.permutation([*topic, *rng.choice(WORDS, size=rng.integers(1, 6))])))
            groups.append(group)
    first = np.arange(n_groups) * 3
    left, right = np.concatenate([first, first]), np.concatenate([first + 1, first + 2])
    group = np.asarray(groups, dtype=np.int64)
    negatives = (left[:, None] + rng.integers(3, 3 * n_groups - 3, size=(len(left), 2))) % len(texts)
    negatives[group[negatives] == group[left][:, None]] = -1
    far = (left + 9) % len(texts)
    return TuningData(
        texts=texts,
        left=left,
        right=right,
        phase=np.arange(len(left)) % 3 + 1,
        group=group[left],
        negatives=negatives,
        group_of_row=group,
        labelled_left=np.concatenate([left, left]),
        labelled_right=np.concatenate([right, far]),
        labels=np.repeat([1, 0], len(left)).astype(np.int64),
        labelled_phase=np.tile(np.arange(len(left)) % 3 + 1, 2),
    )


def without_dropout(folder: Path, out: Path) -> Path:
    """Copy an encoder and switch its dropout off."""
    shutil.copytree(folder, out)
    for path in out.rglob("config.json"):
        config = json.loads(path.read_text())
        if "hidden_size" in config:
            path.write_text(
                json.dumps({**config, "hidden_dropout_prob": 0.0, "attention_probs_dropout_prob": 0.0})
            )
    return out


class KillingTask:
    """Kills its own process, without any chance to clean up, when the given step is done."""

    def __init__(self, step: int) -> None:
        self.left = step

    def advance(self, steps: int = 1) -> None:
        self.left -= steps

    def describe(self, text: str) -> None:
        if self.left <= 0:
            os.kill(os.getpid(), signal.SIGKILL)


class KillingProgress(SilentProgress):
    """A progress that kills the training at a step."""

    def __init__(self, step: int) -> None:
        self.step = step

    @contextmanager
    def task(self, description, total):
        """Hand out the killer."""
        yield KillingTask(self.step)


def train(base: Path, folder: Path, data: TuningData | None = None, **options: object) -> TunedEncoder:
    """Train on the small set."""
    settings = options.pop("settings", SETTINGS)
    return train_lora(load_folder(base, ENCODER), data or tuning_data(), settings, folder, 7, **options)


def _kill(*_: object) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    base, place, step, *when = sys.argv[1:]
    if when == ["between"]:  # its models are written, and nothing says yet that they are whole
        FinishedTraining.keep = _kill
        train(Path(base), Path(place))
    train(Path(base), Path(place), progress=KillingProgress(int(step)))
