"""What well-known encoders expect: a prompt before each text, how many tokens, whose code; what they cost.

Sources: the model cards on the hub. Tickets are compared with tickets, so one prompt serves both sides.
"""

import re
from dataclasses import dataclass
from pathlib import Path

_STATED_LICENCE = re.compile(r"^license:[ \t]*([\w.+-]+)[ \t]*$", re.MULTILINE)
OPEN_LICENCES = frozenset({"apache-2.0", "mit", "bsd-2-clause", "bsd-3-clause", "cc0-1.0"})
"""Licences that let a company use and change a model without asking."""


@dataclass(frozen=True)
class Preset:
    """How to load an encoder, and what it is."""

    prompt: str = ""
    """Stands before every text."""
    max_length_tokens: int | None = None
    """None keeps the model's own limit."""
    licence: str = ""
    """As its model card states it; empty where a user looks it up."""
    needs_remote_code: bool = False
    """Its own code has to run: only where `--trust-code` allows that."""
    millions: int = 0
    """Parameters, in millions: what encoding costs grows with them."""
    languages: str = "English"


PRESETS: dict[str, Preset] = {
    # Small: a hundred tickets a second and more on two cores.
    "sentence-transformers/all-MiniLM-L6-v2": Preset(licence="apache-2.0", millions=23),
    "sentence-transformers/all-MiniLM-L12-v2": Preset(licence="apache-2.0", millions=33),
    "sentence-transformers/paraphrase-MiniLM-L12-v2": Preset(licence="apache-2.0", millions=33),
    "sentence-transformers/multi-qa-MiniLM-L6-cos-v1": Preset(millions=23),
    "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2": Preset(
        licence="apache-2.0", millions=118, languages="50 languages"
    ),
    "ibm-granite/granite-embedding-30m-english": Preset(
        max_length_tokens=512, licence="apache-2.0", millions=30
    ),
    "ibm-granite/granite-embedding-small-english-r2": Preset(
        max_length_tokens=2_048, licence="apache-2.0", millions=47
    ),
    "intfloat/e5-small-v2": Preset(prompt="query: ", max_length_tokens=512, licence="mit", millions=33),
    "intfloat/multilingual-e5-small": Preset(
        prompt="query: ", max_length_tokens=512, licence="mit", millions=118, languages="100 languages"
    ),
    "BAAI/bge-small-en-v1.5": Preset(max_length_tokens=512, licence="mit", millions=33),
    "thenlper/gte-small": Preset(max_length_tokens=512, licence="mit", millions=33),
    "Snowflake/snowflake-arctic-embed-s": Preset(max_length_tokens=512, licence="apache-2.0", millions=33),
    "mixedbread-ai/mxbai-embed-xsmall-v1": Preset(max_length_tokens=2_048, licence="apache-2.0", millions=24),
    # Of middle size.
    "sentence-transformers/all-mpnet-base-v2": Preset(licence="apache-2.0", millions=109),
    "sentence-transformers/paraphrase-mpnet-base-v2": Preset(licence="apache-2.0", millions=109),
    "sentence-transformers/msmarco-distilbert-base-v4": Preset(licence="apache-2.0", millions=66),
    "intfloat/e5-base-v2": Preset(prompt="query: ", max_length_tokens=512, licence="mit", millions=109),
    "BAAI/bge-base-en-v1.5": Preset(max_length_tokens=512, licence="mit", millions=109),
    "thenlper/gte-base": Preset(max_length_tokens=512, licence="mit", millions=109),
    "Alibaba-NLP/gte-base-en-v1.5": Preset(
        max_length_tokens=2_048, licence="apache-2.0", needs_remote_code=True, millions=137
    ),
    "Alibaba-NLP/gte-modernbert-base": Preset(max_length_tokens=2_048, licence="apache-2.0", millions=149),
    "ibm-granite/granite-embedding-english-r2": Preset(
        max_length_tokens=2_048, licence="apache-2.0", millions=149
    ),
    "nomic-ai/modernbert-embed-base": Preset(
        prompt="search_query: ", max_length_tokens=2_048, licence="apache-2.0", millions=149
    ),
    "nomic-ai/nomic-embed-text-v1.5": Preset(
        prompt="clustering: ",
        max_length_tokens=2_048,
        licence="apache-2.0",
        needs_remote_code=True,
        millions=137,
    ),
    "jinaai/jina-embeddings-v2-base-en": Preset(
        max_length_tokens=2_048, licence="apache-2.0", needs_remote_code=True, millions=137
    ),
    "Snowflake/snowflake-arctic-embed-m-v2.0": Preset(
        max_length_tokens=2_048,
        licence="apache-2.0",
        needs_remote_code=True,
        millions=305,
        languages="74 languages",
    ),
    "google/embeddinggemma-300m": Preset(
        prompt="task: clustering | query: ",
        max_length_tokens=2_048,
        licence="gemma",
        millions=308,
        languages="100 languages",
    ),
    # Large: for a GPU.
    "BAAI/bge-large-en-v1.5": Preset(max_length_tokens=512, licence="mit", millions=335),
    "WhereIsAI/UAE-Large-V1": Preset(max_length_tokens=512, licence="mit", millions=335),
    "Alibaba-NLP/gte-large-en-v1.5": Preset(
        max_length_tokens=2_048, licence="apache-2.0", needs_remote_code=True, millions=434
    ),
    "Qwen/Qwen3-Embedding-0.6B": Preset(
        max_length_tokens=2_048, licence="apache-2.0", millions=596, languages="100 languages"
    ),
}


def preset_of(name: str) -> Preset:
    """Return the preset of a hub name, with or without its organisation; an empty one for others."""
    by_short = {full.rpartition("/")[2].lower(): preset for full, preset in PRESETS.items()}
    return PRESETS.get(name) or by_short.get(name.rpartition("/")[2].lower(), Preset())


def licence_of(folder: Path, name: str) -> str:
    """Return a model's licence: as its own card in `folder` states it, else as its preset, else ""."""
    card = folder / "README.md"
    stated = _STATED_LICENCE.search(card.read_text("utf-8", errors="replace")) if card.is_file() else None
    return stated[1] if stated else preset_of(name).licence
