"""Texts into another language, for back-translation: by a model, or by the rules of Apertium."""

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from ticketkin.core.child_process import LIMIT_SECONDS
from ticketkin.core.errors import JobError, MissingInputError
from ticketkin.core.progress import SILENT, Progress, track
from ticketkin.encoders.loading import is_folder
from ticketkin.encoders.safety import check_model_folder
from ticketkin.training.settings import APERTIUM

_TEXTS_A_TRANSLATION = 8
_MOST_TOKENS = 256
_TEXTS_A_PROCESS = 100
_MODES_SHOWN = 20
_LOST = re.compile(r"[\0^]")
"""A NUL is the end of a text; at a circumflex, escaped or not, Apertium may take two texts for one."""
_END = "\n"
"""Before the NUL, as a full stop that is the last sign of a text would be lost."""
_OF_THE_STREAM = re.compile(r"[\[\]{}$\\/@<>]")
"""What Apertium's stream format gives a meaning of its own, unless a backslash stands before it."""
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)


class Translator(Protocol):
    """One direction of a translation."""

    def translated(self, texts: Sequence[str], progress: Progress = SILENT) -> list[str]:
        """Return a translation of each text, in their order."""


def translator(name: str, *, offline: bool) -> Translator:
    """Return the translator that `augment.translators` calls `name`.

    Raises MissingInputError where it is not there, before anything is translated.
    """
    if name.startswith(APERTIUM):
        return ApertiumTranslator.installed(name.removeprefix(APERTIUM))
    return ModelTranslator(name, offline)


def check_translator(name: str, *, offline: bool) -> None:
    """Raise as `translator` where `name` is not there; loads no model and fetches none."""
    if name.startswith(APERTIUM):
        ApertiumTranslator.installed(name.removeprefix(APERTIUM))
    elif Path(name).expanduser().exists():
        check_model_folder(Path(name).expanduser())
    elif is_folder(name):
        raise _can_not_be_loaded(name, "there is no such folder")
    elif offline:
        from huggingface_hub import try_to_load_from_cache

        if not isinstance(try_to_load_from_cache(name, "config.json"), str):
            raise _can_not_be_loaded(name, "it is not in the hub's local cache")


def _can_not_be_loaded(name: str, reason: str) -> MissingInputError:
    return MissingInputError(
        f"The translation model {name!r} can't be loaded ({reason}); "
        "augment.translators takes hub names or folders of sequence-to-sequence models with "
        f"safetensors, and modes of Apertium ({APERTIUM}eng-spa)"
    )


class ModelTranslator:
    """A sequence-to-sequence model; deterministic, one beam."""

    def __init__(self, name: str, offline: bool) -> None:
        check_translator(name, offline=offline)
        from transformers import AutoModelForSeq2SeqLM, AutoTokenizer

        folder = Path(name).expanduser()
        source = str(folder) if folder.exists() else name
        try:
            self._tokenizer = AutoTokenizer.from_pretrained(
                source, local_files_only=offline, trust_remote_code=False
            )
            self._model = AutoModelForSeq2SeqLM.from_pretrained(
                source, local_files_only=offline, trust_remote_code=False, use_safetensors=True
            )
        except (OSError, ValueError, ImportError) as error:
            raise _can_not_be_loaded(name, str(error).splitlines()[0]) from error
        self._name = name

    def translated(self, texts: Sequence[str], progress: Progress = SILENT) -> list[str]:
        """Return a translation of the first tokens of each text."""
        import torch

        device = "cuda" if torch.cuda.is_available() else "cpu"
        model = self._model.to(device).eval()
        translations: list[str] = []
        starts = range(0, len(texts), _TEXTS_A_TRANSLATION)
        for start in track(starts, progress, f"translation by {self._name}", len(starts)):
            batch = self._tokenizer(
                list(texts[start : start + _TEXTS_A_TRANSLATION]),
                return_tensors="pt", padding=True, truncation=True, max_length=_MOST_TOKENS,
            ).to(device)  # fmt: skip
            with torch.no_grad():
                ids = model.generate(**batch, max_new_tokens=_MOST_TOKENS, num_beams=1, do_sample=False)
            translations += self._tokenizer.batch_decode(ids, skip_special_tokens=True)
        return translations


@dataclass(frozen=True)
class ApertiumTranslator:
    """A mode of an installed Apertium, which translates by dictionaries and rules; words that it does not
    know stay as they are.
    """

    program: str
    mode: str

    @classmethod
    def installed(cls, mode: str) -> "ApertiumTranslator":
        """Return the translator of `mode`; raises MissingInputError where there is none."""
        program = shutil.which("apertium")
        if program is None:
            raise MissingInputError(
                f"The translator '{APERTIUM}{mode}' needs the program apertium, which is not installed; "
                "install it with a pair of languages (on Debian: apt-get install apertium apertium-eng-spa)"
            )
        listed = subprocess.run(  # noqa: S603 - no shell, and a fixed argument
            [program, "-l"], capture_output=True, text=True, timeout=LIMIT_SECONDS, check=False
        )
        modes = [name for name in listed.stdout.split() if name != "*"]  # what it lists where it has none
        if mode not in modes:
            shown = ", ".join(modes[:_MODES_SHOWN]) or "none"
            more = " and others" if len(modes) > _MODES_SHOWN else ""
            raise MissingInputError(
                f"Apertium has no mode {mode!r}; installed: {shown}{more}. Name one of them, or install its "
                "pair of languages (on Debian: a package such as apertium-eng-spa)"
            )
        return cls(program, mode)

    def translated(self, texts: Sequence[str], progress: Progress = SILENT) -> list[str]:
        """Return a translation of each whole text; raises JobError where Apertium fails."""
        starts = range(0, len(texts), _TEXTS_A_PROCESS)
        translations: list[str] = []
        for start in track(starts, progress, f"translation by {APERTIUM}{self.mode}", len(starts)):
            translations += self._of_one_process(texts[start : start + _TEXTS_A_PROCESS])
        return translations

    def _of_one_process(self, texts: Sequence[str]) -> list[str]:
        # -z: a NUL ends a text, so that no sentence runs on into the next one; -u: no marks at unknown words;
        # none: the stream, as it is written here.
        done = subprocess.run(  # noqa: S603 - no shell; the mode is one that is installed
            [self.program, "-z", "-u", "-f", "none", self.mode],
            input="".join(_to_stream(number, text) for number, text in enumerate(texts)).encode(),
            capture_output=True, timeout=LIMIT_SECONDS, check=False,
        )  # fmt: skip
        parts = done.stdout.decode(errors="replace").split("\0")[: len(texts)]
        translations = [_from_stream(number, part) for number, part in enumerate(parts)]
        whole = [text for text in translations if text is not None]
        if done.returncode or len(whole) < len(texts):
            last = (done.stderr.decode(errors="replace").strip().splitlines() or ["no message"])[-1]
            raise JobError(
                f"Apertium gave no translation of each text by its mode {self.mode!r} ({last}); see whether "
                f"'echo printer | apertium {self.mode}' works, and install it again if not"
            )
        return whole


def _to_stream(number: int, text: str) -> str:
    """Return `text` as Apertium reads it, behind its number in brackets, which come back as they are."""
    escaped = _OF_THE_STREAM.sub(r"\\\g<0>", _LOST.sub(" ", text))
    return f"[{number}]{escaped}{_END}\0"


def _from_stream(number: int, part: str) -> str | None:
    """Return the text of what came back, None where it is not that of `number`, or not to its end."""
    start = f"[{number}]"
    if not (part.startswith(start) and part.endswith(_END)):
        return None
    return _ESCAPED.sub(r"\1", part.removeprefix(start).removesuffix(_END))
