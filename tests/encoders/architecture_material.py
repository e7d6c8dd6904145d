"""Small random models of the architectures that well-known encoders have."""

from pathlib import Path
from typing import Any

from tiny_model import WORDS

PROMPT_WORDS = ["query", ":", "task", "clustering", "|"]


def word_tokenizer() -> Any:
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    special = ["<pad>", "<s>", "</s>", "<unk>", "<mask>"]
    vocabulary = {word: n for n, word in enumerate([*special, *WORDS, *PROMPT_WORDS])}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    words.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token="<pad>", bos_token="<s>", eos_token="</s>", unk_token="<unk>",
        cls_token="<s>", sep_token="</s>", mask_token="<mask>", model_max_length=4_096,
        model_input_names=["input_ids", "attention_mask"],
    )  # fmt: skip


def _architecture(name: str, vocab_size: int) -> Any:
    import transformers

    shared = {"vocab_size": vocab_size, "hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
    wide = {**shared, "intermediate_size": 48, "max_position_embeddings": 4_096}
    decoder = {**wide, "num_key_value_heads": 2, "head_dim": 16, "pad_token_id": 0}
    if name == "distilbert":
        return transformers.DistilBertModel(
            transformers.DistilBertConfig(
                vocab_size=vocab_size,
                dim=32,
                n_layers=2,
                n_heads=2,
                hidden_dim=48,
                max_position_embeddings=600,
            )
        )
    kinds = {
        "bert": (transformers.BertModel, transformers.BertConfig, wide),
        "roberta": (transformers.RobertaModel, transformers.RobertaConfig, {**wide, "pad_token_id": 0}),
        "mpnet": (transformers.MPNetModel, transformers.MPNetConfig, wide),
        "modernbert": (
            transformers.ModernBertModel,
            transformers.ModernBertConfig,
            {**wide, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "cls_token_id": 1,
             "sep_token_id": 2},
        ),
        "qwen3": (transformers.Qwen3Model, transformers.Qwen3Config, decoder),
        "gemma3": (transformers.Gemma3TextModel, transformers.Gemma3TextConfig, decoder),
    }  # fmt: skip
    model, config, values = kinds[name]
    return model(config(**values))


def saved_model(folder: Path, architecture: str, pooling: str) -> Path:
    """Write a small random model of an architecture as a sentence-transformers folder."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer

    torch.manual_seed(0)
    tokenizer = word_tokenizer()
    plain = folder.parent / f"{folder.name}-plain"
    model = _architecture(architecture, len(tokenizer))
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim == 2:
                parameter.normal_(0, 0.3)
    model.save_pretrained(plain)
    tokenizer.save_pretrained(plain)
    modules = [Transformer(str(plain)), Pooling(32, pooling), Normalize()]
    SentenceTransformer(modules=modules, device="cpu").save_pretrained(str(folder), create_model_card=False)
    return folder
