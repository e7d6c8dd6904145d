"""Texts to token ids by the `tokenizers` library alone, cut as sentence-transformers would cut them."""

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ticketkin.core.tables import IntArray


@dataclass(frozen=True)
class Tokenisation:
    """What a text's tokens depend on beside tokenizer.json."""

    prompt: str
    """Stands before every text."""
    max_length_tokens: int
    """Longer texts are cut, special tokens counted."""
    cuts_left: bool
    """A longer text keeps its end."""
    inputs: tuple[str, ...]
    """What the model takes, of input_ids, attention_mask and token_type_ids."""

    def cut_at(self, max_length_tokens: int | None) -> "Tokenisation":
        """Return the same with a limit no larger than `max_length_tokens`; None keeps it."""
        asked = self.max_length_tokens if max_length_tokens is None else max_length_tokens
        return replace(self, max_length_tokens=min(self.max_length_tokens, asked))


class TextTokenizer:
    """Turns texts into tokens, and tokens into the arrays that a model takes."""

    def __init__(self, definition: bytes, tokenisation: Tokenisation) -> None:
        """Read `definition`, the content of a tokenizer.json. Raises ValueError where it is none."""
        os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
        from tokenizers import Tokenizer

        self._tokenisation = tokenisation
        try:
            self._tokenizer = Tokenizer.from_buffer(definition)
            self._tokenizer.no_padding()
            side = "left" if tokenisation.cuts_left else "right"
            self._tokenizer.enable_truncation(tokenisation.max_length_tokens, direction=side)
        except Exception as error:  # the library raises Exception itself
            raise ValueError(f"tokenizer.json: {error}") from error

    def tokens(self, texts: Sequence[str]) -> list[IntArray]:
        """Return the tokens of each text, shape (2, n_tokens): ids and their segment."""
        prompt = self._tokenisation.prompt
        encodings = self._tokenizer.encode_batch_fast([prompt + text for text in texts])
        return [np.array([encoding.ids, encoding.type_ids], dtype=np.int64) for encoding in encodings]

    def inputs(self, tokens: IntArray) -> dict[str, IntArray]:
        """Return what the model takes for one text, each shape (1, n_tokens): alone, it needs no padding."""
        arrays = {
            "input_ids": tokens[:1],
            "attention_mask": np.ones_like(tokens[:1]),
            "token_type_ids": tokens[1:],
        }
        return {name: arrays[name] for name in self._tokenisation.inputs}
