"""Models whose texts get a prompt by themselves."""

from pathlib import Path

from ticketkin.core.artifacts import atomic_path, hash_value, read_json, write_json
from ticketkin.encoders.cache import default_cache_folder
from ticketkin.encoders.model_code import ModelCode, link_or_copy, name_code
from ticketkin.encoders.model_hash import hash_model
from ticketkin.encoders.safety import PROMPTED


def with_prompt(folder: Path, prompt: str, code: ModelCode | None) -> Path:
    """Return a folder with the same model whose texts get `prompt` by themselves.

    Tuning, merging and a fresh process load an encoder from its folder: were the prompt only in memory,
    they would read other texts than the ones that were judged. Weights are linked, not copied.
    """
    shaping = {"folder": hash_model(folder), "prompt": prompt} | ({"code": str(code)} if code else {})
    prepared = default_cache_folder() / PROMPTED / hash_value(shaping)[:32]
    if prepared.exists():
        return prepared
    with atomic_path(prepared) as temporary:
        for file in (path for path in folder.rglob("*") if _is_linked(path)):
            target = temporary / file.relative_to(folder)
            target.parent.mkdir(parents=True, exist_ok=True)
            link_or_copy(file, target)
        config_path = temporary / "config_sentence_transformers.json"
        config = read_json(config_path) if config_path.exists() else {}
        config_path.unlink(missing_ok=True)
        prompts = {**(config.get("prompts") or {}), "ticket": prompt}
        write_json(config_path, {**config, "prompts": prompts, "default_prompt_name": "ticket"})
        name_code(temporary, code)
    return prepared


def _is_linked(path: Path) -> bool:
    # With a prompt the model embeds otherwise than when its fingerprint was taken.
    return path.is_file() and path.name != "fingerprint.json"
