"""More positives from altered texts: words dropped, swapped, doubled, replaced; or there and back."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from ticketkin.core.errors import MissingInputError, UnreadableFileError
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.tables import IntArray
from ticketkin.training.settings import AugmentSettings
from ticketkin.training.translating import check_translator, translator
from ticketkin.training.tuning_data import TuningData

_WORDNET_FILES = ("data.noun", "data.verb", "data.adj", "data.adv")

Alter = Callable[[str, np.random.Generator], str]


@dataclass(frozen=True)
class Augmented:
    """The training data with altered positives, and how many of which kind."""

    data: TuningData
    added: dict[str, int]
    """Positives by method; texts that a method could not alter are left out."""


def augment(
    data: TuningData, settings: AugmentSettings, seed: int, *, offline: bool, progress: Progress = SILENT
) -> Augmented:
    """Return `data` with altered copies of its positives behind it; labelled pairs stay as they are.

    Of a copy, the right text is altered; it keeps group and negatives. Raises MissingInputError or
    UnreadableFileError where WordNet or a translator is not there.
    """
    if not settings.methods:
        return Augmented(data, {})
    generator = np.random.default_rng(seed)
    n = round(settings.share * len(data.left))
    order = np.concatenate(
        [generator.permutation(len(data.left)) for _ in range(-(-n // max(1, len(data.left))))]
    )
    sources = np.sort(order[:n])
    methods = np.arange(n) % len(settings.methods)
    texts: list[str] = []
    kept: list[IntArray] = []
    added: dict[str, int] = {}
    for place, method in enumerate(settings.methods):
        own = sources[methods == place]
        before = [data.texts[row] for row in data.right[own]]
        after = _altered(method, before, settings, generator, offline, progress)
        changed = np.array(
            [a != b and bool(a.strip()) for a, b in zip(after, before, strict=True)], dtype=bool
        )
        texts += [text for text, use in zip(after, changed, strict=True) if use]
        kept.append(own[changed])
        added[method] = int(changed.sum())
    return Augmented(_with(data, np.concatenate(kept), texts, settings), added)


def check_augmentation(settings: AugmentSettings, *, offline: bool) -> None:
    """Raise as `augment` where WordNet or a translator is not there; loads no model and fetches none."""
    if "synonyms" in settings.methods:
        _synonyms(settings)
    if "back-translation" in settings.methods:
        for name in settings.translators:
            check_translator(name, offline=offline)


def _synonyms(settings: AugmentSettings) -> dict[str, list[str]]:
    assert settings.wordnet is not None  # noqa: S101 - the settings ask for it
    return read_synonyms(Path(settings.wordnet).expanduser())


def _with(data: TuningData, source: IntArray, texts: list[str], settings: AugmentSettings) -> TuningData:
    """Append positives whose right side is the altered text of the positive `source`."""
    rows = len(data.texts) + np.arange(len(texts))
    phase = data.phase[source] if settings.placement == "mixed" else np.zeros(len(source), dtype=np.int64)
    return replace(
        data,
        texts=[*data.texts, *texts],
        left=np.concatenate([data.left, data.left[source]]),
        right=np.concatenate([data.right, rows]),
        phase=np.concatenate([data.phase, phase]),
        group=np.concatenate([data.group, data.group[source]]),
        negatives=np.concatenate([data.negatives, data.negatives[source]]),
        negative_phase=(
            None
            if data.negative_phase is None
            else np.concatenate([data.negative_phase, data.negative_phase[source]])
        ),
        group_of_row=np.concatenate([data.group_of_row, data.group[source]]),
    )


def _altered(
    method: str,
    texts: Sequence[str],
    settings: AugmentSettings,
    generator: np.random.Generator,
    offline: bool,
    progress: Progress,
) -> list[str]:
    if method == "back-translation":
        return _there_and_back(texts, settings.translators, offline, progress)
    if method == "synonyms":
        synonyms = _synonyms(settings)
        return [with_synonyms(text, synonyms, settings.word_share, generator) for text in texts]
    alter = {"deletion": without_words, "swap": with_swaps, "duplication": with_doubles}[method]
    return [alter(text, settings.word_share, generator) for text in texts]


def _touched(n_words: int, share: float, generator: np.random.Generator) -> IntArray:
    """Return which words to touch: the share of them, at least one."""
    n = min(n_words, max(1, round(share * n_words)))
    return np.sort(generator.choice(n_words, n, replace=False))


def without_words(text: str, share: float, generator: np.random.Generator) -> str:
    """Return `text` without a share of its words; a text of one word stays."""
    words = text.split(" ")
    if len(words) < 2:
        return text
    dropped = set(_touched(len(words), share, generator).tolist())
    return " ".join(word for place, word in enumerate(words) if place not in dropped)


def with_swaps(text: str, share: float, generator: np.random.Generator) -> str:
    """Return `text` with a share of its words exchanged with the next one."""
    words = text.split(" ")
    if len(words) < 2:
        return text
    for place in _touched(len(words) - 1, share, generator).tolist():
        words[place], words[place + 1] = words[place + 1], words[place]
    return " ".join(words)


def with_doubles(text: str, share: float, generator: np.random.Generator) -> str:
    """Return `text` with a share of its words written twice."""
    words = text.split(" ")
    doubled = set(_touched(len(words), share, generator).tolist())
    return " ".join(
        f"{word} {word}" if place in doubled and word else word for place, word in enumerate(words)
    )


def with_synonyms(
    text: str, synonyms: dict[str, list[str]], share: float, generator: np.random.Generator
) -> str:
    """Return `text` with a share of its words replaced, of those that have a synonym."""
    parts = re.split(r"(\w+)", text)
    known = [place for place, part in enumerate(parts) if part.lower() in synonyms]
    if not known:
        return text
    n = min(len(known), max(1, round(share * len(text.split()))))
    for place in generator.choice(known, n, replace=False).tolist():
        alternatives = synonyms[parts[place].lower()]
        parts[place] = alternatives[int(generator.integers(len(alternatives)))]
    return "".join(parts)


def read_synonyms(folder: Path) -> dict[str, list[str]]:
    """Return synonyms by word from WordNet's data files, as `wndb(5WN)` describes their lines.

    Raises MissingInputError for an absent file, UnreadableFileError for one of another format.
    """
    synonyms: dict[str, set[str]] = {}
    for name in _WORDNET_FILES:
        path = folder / name
        if not path.is_file():
            raise MissingInputError(
                f"{path}: no such file; augment.wordnet must be the folder with {', '.join(_WORDNET_FILES)} "
                "(WordNet calls it dict)"
            )
        for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
            if line.startswith("  "):  # the licence
                continue
            try:
                fields = line.split(" ")
                n_words = int(fields[3], 16)
                words = [fields[4 + 2 * place] for place in range(n_words)]
            except (IndexError, ValueError) as error:
                raise UnreadableFileError(f"{path}: line {number} is not one of WordNet's") from error
            words = [re.sub(r"\(\w+\)$", "", word).replace("_", " ").lower() for word in words]
            for word in words:
                synonyms.setdefault(word, set()).update(other for other in words if other != word)
    return {word: sorted(others) for word, others in synonyms.items() if others}


def _there_and_back(
    texts: Sequence[str], translators: Sequence[str], offline: bool, progress: Progress
) -> list[str]:
    translated = list(texts)
    # Both are looked for before the first begins, which may take hours.
    for direction in [translator(name, offline=offline) for name in translators]:
        translated = direction.translated(translated, progress)
    return translated
