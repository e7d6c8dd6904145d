"""Every class a model file may name, and the few settings with which it may be loaded.

Loaders import what a file names. Whole packages are no protection: torch, transformers and
sentence-transformers hold functions that run commands. So names are compared with these lists alone.
"""

import re
from collections.abc import Mapping

_BASE, _OWN, _CROSS = "base.modules", "sentence_transformer.modules", "cross_encoder.modules"
# Class, package and file where sentence-transformers defines it, whether it has weights of its own.
_CLASSES = (
    ("Transformer", _BASE, "transformer", True),
    ("Dense", _BASE, "dense", True),
    ("Normalize", _BASE, "normalize", False),
    ("Pooling", _OWN, "pooling", False),
    ("Dropout", _OWN, "dropout", False),
    ("LayerNorm", _OWN, "layer_norm", True),
    ("WeightedLayerPooling", _OWN, "weighted_layer_pooling", True),
    ("CNN", _OWN, "cnn", True),
    ("LSTM", _OWN, "lstm", True),
    ("StaticEmbedding", _OWN, "static_embedding", True),
    ("LogitScore", _CROSS, "logit_score", False),
)


def _names(name: str, package: str, file: str) -> set[str]:
    """Return the names under which a class was and is saved."""
    places = {package, f"{package}.{file}"}
    if package != _CROSS:
        places |= {"models", f"models.{name}", _OWN}
    return {f"sentence_transformers.{place}.{name}" for place in places}


MODULES: Mapping[str, tuple[str, bool]] = {
    full: (name, has_weights)
    for name, package, file, has_weights in _CLASSES
    for full in _names(name, package, file)
}
"""What `modules.json` may name: the short name of the class, and whether it reads weights."""

ACTIVATIONS = frozenset(
    f"torch.nn{place}.{name}"
    for place, names in (
        (".modules.linear", ("Identity",)),
        (".modules.activation", ("Tanh", "ReLU", "GELU", "SiLU", "Sigmoid", "ELU", "Mish", "Softmax")),
        ("", ("Identity", "Tanh", "ReLU", "GELU", "SiLU", "Sigmoid")),
    )
    for name in names
)
"""Activations that a dense layer or a cross-encoder may name."""

MODEL_TYPES = frozenset({
    "albert", "bart", "bert", "bert-generation", "big_bird", "bigbird_pegasus", "bloom", "camembert",
    "canine", "convbert", "data2vec-text", "deberta", "deberta-v2", "distilbert", "electra",
    "embedding_gemma2_text", "ernie", "esm", "eurobert", "falcon", "flaubert", "fnet", "funnel", "gemma",
    "gemma2", "gemma3_text", "gemma4_text", "glm", "glm4", "gpt2", "gpt_neo", "gpt_neox", "gptj", "granite",
    "granitemoe", "gte", "ibert", "jina_embeddings_v3", "led", "llama", "longformer", "longt5", "luke",
    "m2m_100", "marian", "mbart", "megatron-bert", "ministral", "mistral", "mobilebert", "modernbert",
    "modernbert-decoder", "mpnet", "mpt", "mra", "mt5", "nomic_bert", "nystromformer", "olmo", "olmo2",
    "olmo3", "opt", "pegasus", "phi", "phi3", "qwen2", "qwen2_moe", "qwen3", "qwen3_5_text", "qwen3_moe",
    "rembert", "roberta", "roberta-prelayernorm", "roc_bert", "roformer", "smollm3", "squeezebert",
    "stablelm", "t5", "t5gemma", "t5gemma2", "umt5", "xglm", "xlm", "xlm-roberta", "xlm-roberta-xl",
    "xlnet", "xmod", "yoso",
})  # fmt: skip
"""Architectures of transformers that read text alone; others load further models by name."""

TOKENIZER = re.compile(r"[A-Z]\w*Tokenizer(Fast)?|TokenizersBackend|SentencePieceBackend")
"""Classes of transformers that a tokenizer may be."""

PARENT_LIBRARY = re.compile(
    r"transformers\.models\.(\w+)\.modeling_\1"
    r"|sentence_transformers\.(SentenceTransformer|sentence_transformer\.model|base\.modules\.transformer)"
)
"""Where the class that an adapter was trained around lives; it is never imported here."""

TRANSFORMER_KEYS = frozenset({
    "max_seq_length", "do_lower_case", "transformer_task", "modality_config", "module_output_name",
    "processing_kwargs", "unpad_inputs", "query_length", "document_length", "query_expansion",
    "model_args", "model_kwargs", "tokenizer_args", "processor_kwargs", "config_args", "config_kwargs",
})  # fmt: skip
"""What a sentence-transformers Transformer may be told by its own settings file."""

LOADER_KEYS = frozenset({
    "add_pooling_layer", "attn_implementation", "dtype", "torch_dtype", "model_max_length", "padding_side",
    "truncation_side", "do_lower_case", "max_length", "padding", "truncation", "add_special_tokens",
})  # fmt: skip
"""What such a file may hand on to the loaders of transformers."""

DTYPES = frozenset({"torch.float16", "torch.float32", "torch.float64", "torch.bfloat16"})
"""Precisions by name."""

ATTENTION = frozenset({None, "eager", "sdpa"})
"""Attention that needs no code from elsewhere."""

TASKS = frozenset({"feature-extraction", "sequence-classification", "text-generation", "fill-mask"})
METHODS = frozenset({"forward"})
"""Methods of a model that are called to encode a text."""
