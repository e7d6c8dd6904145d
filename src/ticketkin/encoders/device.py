"""Where an encoder computes."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any
import numpy as np
from ticketkin.core.artifacts import hash_path
from ticketkin.core.errors import (
    InputError,
    MissingExtraError,
    ModelUnavailableError,
    UnsafeArtifactError,
)
from ticketkin.core.tables import FloatArray, IntArray
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
if TYPE_CHECKING:
    from sentence_transformers import SentenceTransformer




def pick_device(settings: EncoderSettings) -> str:
    """Return 'cuda', 'mps' or 'cpu'; 'auto' takes the first that works."""
    import torch

    available = {
        "cuda": torch.cuda.is_available(),
        "mps": torch.backends.mps.is_available(),
        "cpu": True,
    }
    if settings.device == "auto":
        return next(name for name, works in available.items() if works)
    if not available[settings.device]:
        works = ", ".join(name for name, there in available.items() if there)
        raise InputError(f"encoder.device={settings.device} is not available here; available: {works}, auto")
    return settings.device
