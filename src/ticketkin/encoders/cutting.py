"""Texts without what a model does not read: long ones are tokenised to their end once, not in every batch."""

import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from ticketkin.core.tables import IntArray
from ticketkin.core.threads import at_once

_TEXTS_TOKENISED = 1_000
_TEXTS_A_THREAD = 100
_LONGEST_REST_OF_A_WORD = 200
_WHITE = re.compile(r"\s")


def token_lengths(tokenizer: Any, texts: Sequence[str]) -> IntArray:
    """Return the length of each text in tokens, uncut, special tokens counted; shape (len(texts),)."""
    lengths = np.zeros(len(texts), dtype=np.int64)
    for start in range(0, len(texts), _TEXTS_TOKENISED):
        batch = list(texts[start : start + _TEXTS_TOKENISED])
        tokens = _tokens(tokenizer, batch, with_places=False)
        lengths[start : start + len(batch)] = [len(one) for one in tokens]
    return lengths


def cut_texts(model: Any, texts: Sequence[str], limit: int) -> tuple[list[str], IntArray]:
    """Return the texts without what lies behind the first `limit` tokens, and how many tokens are read.

    The lengths have the shape (len(texts),). Each text gives the same first `limit` tokens as before, special
    ones counted; one that would not, as its tokens depend on what follows, stays whole. Whole are also the
    texts of models that keep a text's end, and of those whose tokenizer does not say where a token stands.
    """
    if not _can_be_cut(model):
        return list(texts), np.minimum(token_lengths(model.tokenizer, texts), limit)
    lengths, result = np.zeros(len(texts), dtype=np.int64), list(texts)
    for start in range(0, len(texts), _TEXTS_TOKENISED):
        batch = result[start : start + _TEXTS_TOKENISED]
        tokens = _tokens(model.tokenizer, batch)
        lengths[start : start + len(batch)] = [min(len(one), limit) for one in tokens]
        long = [place for place, one in enumerate(tokens) if len(one) > limit]
        shorter = [_shortened(batch[place], tokens[place], limit) for place in long]
        for place, text, its in zip(long, shorter, _tokens(model.tokenizer, shorter), strict=True):
            if its.ids[:limit] == tokens[place].ids[:limit]:
                result[start + place] = text
    return result, lengths


def _can_be_cut(model: Any) -> bool:
    tokenizer = model.tokenizer
    return (
        model.transformers_model is not None
        and hasattr(tokenizer, "backend_tokenizer")
        and tokenizer.truncation_side == "right"
    )


def _tokens(tokenizer: Any, texts: list[str], *, with_places: bool = True) -> list[Any]:
    """Return the tokens of each text, uncut, special ones among them; each has a length and ids.

    Where a token stands in its text is known only `with_places`, which takes longer.
    """
    # A model of static embeddings holds a tokenizer of the library below.
    backend = (
        tokenizer if hasattr(tokenizer, "encode_batch") else getattr(tokenizer, "backend_tokenizer", None)
    )
    if backend is None:
        return list(tokenizer(texts, truncation=False, add_special_tokens=True, verbose=False)["input_ids"])
    backend.no_truncation()  # the tokenizer sets both anew in each of its own calls
    backend.no_padding()
    encode = backend.encode_batch if with_places else backend.encode_batch_fast
    if len(texts) < _TEXTS_A_THREAD:
        return list(encode(texts))
    # The library computes outside of Python's lock, its own threads being switched off.
    parts = [texts[start : start + _TEXTS_A_THREAD] for start in range(0, len(texts), _TEXTS_A_THREAD)]
    return [tokens for part in at_once(encode, parts) for tokens in part]


def _shortened(text: str, tokens: Any, limit: int) -> str:
    """Return a text up to the end of the word that holds the last token read."""
    place = next(
        (span[1] for number in range(limit - 1, 0, -1) if (span := tokens.token_to_chars(number))), len(text)
    )
    end = _WHITE.search(text, place, place + _LONGEST_REST_OF_A_WORD)
    return text[: end.start() if end else place]
