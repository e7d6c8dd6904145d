"""What well-known encoders expect: a prompt before each text, how many tokens, whose code.

Sources: the model cards on the hub. Tickets are compared with tickets, so one prompt serves both sides.
"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Preset:
    """How to load an encoder."""

    prompt: str = ""
    """Stands before every text."""
    max_length_tokens: int | None = None
    """None keeps the model's own limit."""
    licence: str = ""
    """As its model card states it; empty where a user looks it up."""
    needs_remote_code: bool = False
    """The model's own code would have to run, which is refused."""


PRESETS: dict[str, Preset] = {
    "sentence-transformers/all-mpnet-base-v2": Preset(licence="apache-2.0"),
    "sentence-transformers/paraphrase-mpnet-base-v2": Preset(),
    "sentence-transformers/all-MiniLM-L12-v2": Preset(),
    "sentence-transformers/all-MiniLM-L6-v2": Preset(licence="apache-2.0"),
    "sentence-transformers/paraphrase-MiniLM-L12-v2": Preset(),
    "sentence-transformers/multi-qa-MiniLM-L6-cos-v1": Preset(),
    "sentence-transformers/msmarco-distilbert-base-v4": Preset(),
    "intfloat/e5-base-v2": Preset(prompt="query: ", max_length_tokens=512),
    "BAAI/bge-base-en-v1.5": Preset(max_length_tokens=512),
    "BAAI/bge-large-en-v1.5": Preset(max_length_tokens=512),
    "thenlper/gte-base": Preset(max_length_tokens=512),
    "Alibaba-NLP/gte-base-en-v1.5": Preset(max_length_tokens=2_048, needs_remote_code=True),
    "Alibaba-NLP/gte-large-en-v1.5": Preset(max_length_tokens=2_048, needs_remote_code=True),
    "Alibaba-NLP/gte-modernbert-base": Preset(max_length_tokens=2_048),
    "WhereIsAI/UAE-Large-V1": Preset(max_length_tokens=512),
    "nomic-ai/nomic-embed-text-v1.5": Preset(
        prompt="clustering: ", max_length_tokens=2_048, needs_remote_code=True
    ),
    "jinaai/jina-embeddings-v2-base-en": Preset(max_length_tokens=2_048, needs_remote_code=True),
    "ibm-granite/granite-embedding-english-r2": Preset(max_length_tokens=2_048),
    "ibm-granite/granite-embedding-small-english-r2": Preset(max_length_tokens=2_048),
    "Qwen/Qwen3-Embedding-0.6B": Preset(max_length_tokens=2_048),
    "google/embeddinggemma-300m": Preset(prompt="task: clustering | query: ", max_length_tokens=2_048),
}


def preset_of(name: str) -> Preset:
    """Return the preset of a hub name, with or without its organisation; an empty one for others."""
    by_short = {full.rpartition("/")[2].lower(): preset for full, preset in PRESETS.items()}
    return PRESETS.get(name) or by_short.get(name.rpartition("/")[2].lower(), Preset())
