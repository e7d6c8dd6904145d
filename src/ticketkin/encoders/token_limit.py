"""How many tokens of a text a model reads."""

from math import isfinite
from typing import Any

NO_LIMIT = 131_072
"""Stands for models that read a text to its end, as those of static embeddings; the most a setting allows."""
_UNKNOWN = 512


def token_limit(model: Any) -> int:
    """Return the tokens that a SentenceTransformer reads of a text, special ones counted."""
    limit = model.get_max_seq_length() or _UNKNOWN
    return int(limit) if isfinite(limit) else NO_LIMIT


def limit_tokens(model: Any, limit: int) -> None:
    """Let a SentenceTransformer read at most `limit` tokens; one without a limit reads on to the end."""
    if model.get_max_seq_length() is None or isfinite(model.get_max_seq_length()):
        model.max_seq_length = limit
