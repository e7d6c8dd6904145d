"""What makes two encoders the same: everything that changes an embedding, and nothing else."""

import hashlib
import json
from typing import Any

# Runtime state of the tokenizer, set anew by every call: the token limit is hashed apart.
_TOKENIZER_STATE = ("truncation", "padding")


def fingerprint_model(model: Any) -> str:
    """Return the sha256 of weights, tokenizer, module configurations, prompts and token limit.

    The weights are hashed as loaded, so that the same model from the hub, a copy of its folder
    and the package give the same value. Embeddings are always scaled to unit length, which is
    part of the value.
    """
    digest = hashlib.sha256()
    for name, tensor in sorted(model.state_dict().items()):
        array = tensor.detach().cpu().contiguous()
        digest.update(f"{name} {array.dtype} {tuple(array.shape)}".encode())
        digest.update(memoryview(array.numpy()).cast("B") if array.numel() else b"")
    digest.update(_tokenizer_text(model.tokenizer).encode())
    modules = [
        (type(module).__name__, module.get_config_dict() if hasattr(module, "get_config_dict") else {})
        for module in model
    ]
    rest = {
        "modules": modules,
        "prompts": model.prompts,
        "prompt": model.default_prompt_name,
        "max_length_tokens": model.max_seq_length,
        "unit_length": True,
    }
    digest.update(json.dumps(rest, sort_keys=True, default=str).encode())
    return digest.hexdigest()


def _tokenizer_text(tokenizer: Any) -> str:
    backend = getattr(tokenizer, "backend_tokenizer", None)
    if backend is None:  # a tokenizer without the fast backend: its vocabulary identifies it
        return json.dumps(sorted(tokenizer.get_vocab().items()))
    content = json.loads(backend.to_str())
    return json.dumps({k: v for k, v in content.items() if k not in _TOKENIZER_STATE}, sort_keys=True)
