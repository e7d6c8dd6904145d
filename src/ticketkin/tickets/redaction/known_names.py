"""Names of people without any word before them: from the user's own list, or by a language model."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ticketkin.core.errors import ConfigurationError, MissingExtraError
from ticketkin.tickets.redaction.recogniser import Span

_WORD = re.compile(r"\w+")
_MAX_LINE = 200


def _folded(text: str) -> str:
    return unicodedata.normalize("NFC", " ".join(text.split())).casefold()


@dataclass(frozen=True)
class WordList:
    """Names, user ids and phrases, replaced wherever they stand as whole words, whatever their case."""

    lengths: dict[str, tuple[int, ...]]
    """First word of a phrase -> lengths of the phrases that begin with it, in words, longest first."""
    phrases: frozenset[str]

    @classmethod
    def of(cls, lines: list[str]) -> "WordList":
        """Return the list of these phrases; blank lines are skipped. Raises ConfigurationError.

        A phrase of one letter or without any letter or digit would replace the text itself and is refused.
        """
        lengths: dict[str, set[int]] = {}
        phrases = set()
        for number, line in enumerate(lines, 1):
            words = list(_WORD.finditer(line))
            if not line.strip():
                continue
            trimmed = line[words[0].start() : words[-1].end()] if words else ""
            if len(trimmed) < 2 or len(line) > _MAX_LINE:
                raise ConfigurationError(
                    f"--redact-words, line {number}: {line[:40]!r} is no name, user id or phrase; each"
                    f" line holds one of "
                    f"2 to {_MAX_LINE} characters, with letters or digits"
                )
            phrases.add(_folded(trimmed))
            lengths.setdefault(_folded(words[0].group()), set()).add(len(words))
        return cls({word: tuple(sorted(n, reverse=True)) for word, n in lengths.items()}, frozenset(phrases))

    @classmethod
    def read(cls, path: Path) -> "WordList":
        """Return the list in a UTF-8 file, one phrase a line. Raises ConfigurationError."""
        try:
            text = path.read_text("utf-8-sig")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(
                f"--redact-words {path}: can't be read ({error}); give a text file in UTF-8 with one"
                f" name, user id or "
                "phrase a line"
            ) from None
        return cls.of(text.splitlines())

    def spans(self, text: str) -> list[Span]:
        """Return where phrases of the list stand, longest first at each place; linear in the text."""
        words = [match.span() for match in _WORD.finditer(text)]
        spans = []
        place = 0
        while place < len(words):
            n_words = self._longest(text, words, place)
            if n_words:
                spans.append((words[place][0], words[place + n_words - 1][1]))
            place += n_words or 1
        return spans

    def _longest(self, text: str, words: list[Span], place: int) -> int:
        start, end = words[place]
        for n_words in self.lengths.get(_folded(text[start:end]), ()):
            if place + n_words <= len(words):
                stop = words[place + n_words - 1][1]
                if stop - start <= 2 * _MAX_LINE and _folded(text[start:stop]) in self.phrases:
                    return n_words
        return 0


PersonFinder = Callable[[str], list[Span]]
# Texts are given to a language model in pieces: its memory grows with the text.
_PIECE = 10_000


def person_finder(pipelines: tuple[str, ...]) -> PersonFinder:
    """Return a function that gives the spans of people's names, by spaCy pipelines that are installed.

    `pipelines` names packages such as en_core_web_sm; where it is empty, every installed one is asked. Raises
    MissingExtraError where spaCy or a pipeline is missing.
    """
    try:
        import spacy
        from spacy.util import get_installed_models
    except ImportError:
        raise MissingExtraError(
            "Names of people in running text are recognised by spaCy, which is not installed: "
            "pip install 'ticketkin[names]', and a pipeline for your language, e.g. en_core_web_sm"
        ) from None
    installed = tuple(sorted(get_installed_models()))
    missing = [name for name in pipelines if name not in installed]
    if missing or not installed:
        raise MissingExtraError(
            f"spaCy pipeline {', '.join(missing) or 'for names'} is not installed; installed: "
            f"{', '.join(installed) or 'none'}. Install one with a recogniser of names as a Python"
            f" package, "
            "e.g. en_core_web_sm or de_core_news_sm"
        )
    return entity_spans([spacy.load(name) for name in pipelines or installed])


def entity_spans(models: list[Any]) -> PersonFinder:
    """Return a function that gives the spans of what any of these spaCy pipelines labels a person."""

    def spans(text: str) -> list[Span]:
        return [
            (start + entity.start_char, start + entity.end_char)
            for start in range(0, len(text), _PIECE)
            for model in models
            for entity in model(text[start : start + _PIECE]).ents
            if entity.label_ in ("PERSON", "PER")
        ]

    return spans
