"""A BERT of a few thousand random weights, made on the spot: real code paths without a download."""

from pathlib import Path

WORDS = [
    *("printer", "vpn", "mail", "outlook", "password", "reset", "server", "disk", "full", "slow"),
    *("network", "login", "error", "crash", "laptop", "screen", "blue", "freeze", "update", "cannot"),
    *("open", "file", "shared", "drive", "access", "denied", "the", "on", "in", "after", "my", "is"),
    *("not", "working", "team", "payroll", "report", "timeout", "database", "backup", "failed"),
]


def build_tiny_encoder(folder: Path, seed: int = 0) -> Path:
    """Write a sentence-transformers folder with a 2-layer, 32-dimensional BERT; return it."""
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Normalize, Pooling, Transformer
    from transformers import BertConfig, BertModel, BertTokenizerFast

    plain = folder.with_name(folder.name + "-plain")
    plain.mkdir(parents=True)
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    vocabulary = [
        "[PAD]",
        "[UNK]",
        "[CLS]",
        "[SEP]",
        "[MASK]",
        *WORDS,
        *letters,
        *(f"##{c}" for c in letters),
    ]
    (plain / "vocab.txt").write_text("\n".join(dict.fromkeys(vocabulary)), "utf-8")
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(dict.fromkeys(vocabulary)),
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        intermediate_size=48,
        max_position_embeddings=64,
    )
    model = BertModel(config)
    with torch.no_grad():  # the usual initial spread of 0.02 would make all texts nearly alike
        for name, parameter in model.named_parameters():
            if parameter.ndim == 2 and "embeddings" in name:
                parameter.normal_(0, 1)
            elif parameter.ndim == 2:
                parameter.normal_(0, 0.2)
    model.save_pretrained(plain)
    BertTokenizerFast(vocab=str(plain / "vocab.txt"), model_max_length=64).save_pretrained(plain)
    encoder = Transformer(str(plain), max_seq_length=32)
    SentenceTransformer(modules=[encoder, Pooling(32, "mean"), Normalize()], device="cpu").save_pretrained(
        str(folder), create_model_card=False
    )
    return folder
