"""Code that a model brings along: what it asks for, what a user allows, and the one way in which it is run.

Nothing of a file allows anything: consent is given to a repository of the hub at one commit, by the option
`--trust-code`, by the setting `encoder.trust_code` of whoever starts the process, or by its environment, and
holds for that process and those it starts. Code is read from the hub's cache at that commit alone, never
from a model folder.
"""

import json
import os
import re
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ticketkin.core.artifacts import write_json
from ticketkin.core.errors import InputError, ModelUnavailableError, UnsafeArtifactError

TRUST_CODE = "TICKETKIN_TRUST_CODE"
"""The environment variable that holds what is allowed, REPO@REV with blanks between them."""
CODE_MAP, CODE_REPOSITORY, CODE_REVISION = "auto_map", "code_repository", "code_revision"
_CONFIG = "config.json"
_ALLOWED = re.compile(r"(?P<repository>\w[\w.-]*/\w[\w.-]*)@(?P<revision>[0-9a-f]{40})")
_CLASS = re.compile(r"(?:(?P<repository>\w[\w.-]*/\w[\w.-]*)--)?(?P<name>[A-Za-z_]\w*\.[A-Za-z_]\w*)")
_LOADED_AS = re.compile(r"AutoConfig|AutoModel(For\w+)?")
_COMMIT = re.compile(r"[0-9a-f]{40}")


@dataclass(frozen=True, order=True)
class ModelCode:
    """The code of a repository of the hub at one commit."""

    repository: str
    revision: str

    def __str__(self) -> str:
        return f"{self.repository}@{self.revision}"


def parse_model_code(text: str) -> ModelCode:
    """Return what REPO@REV names. Raises InputError for anything but a repository and a whole commit hash."""
    parts = _ALLOWED.fullmatch(text.strip())
    if parts is None:
        raise InputError(
            f"{text!r} allows no code; name a repository of the hub and the commit whose code you have read, "
            "all 40 digits of it: OWNER/NAME@0123456789abcdef0123456789abcdef01234567. A branch, a tag or a "
            "shortened hash can stand for other code tomorrow"
        )
    return ModelCode(parts["repository"], parts["revision"])


def trust_code(names: Iterable[str]) -> None:
    """Allow the code of each REPO@REV for the rest of this process and for processes it starts.

    Raises InputError as `parse_model_code`, and where one repository is allowed at two commits.
    """
    allowed = trusted_code()
    for code in map(parse_model_code, names):
        before = allowed.setdefault(code.repository, code.revision)
        if before != code.revision:
            raise InputError(
                f"The code of {code.repository} is allowed at {before} and at {code.revision}; name one "
                "commit"
            )
    if allowed:
        os.environ[TRUST_CODE] = " ".join(f"{name}@{revision}" for name, revision in sorted(allowed.items()))


def trusted_code() -> dict[str, str]:
    """Return the commit that is allowed of each repository. Raises as `parse_model_code`."""
    codes = map(parse_model_code, os.environ.get(TRUST_CODE, "").split())
    return {code.repository: code.revision for code in codes}


def check_model_code(path: Path, config: Mapping[str, Any]) -> ModelCode | None:
    """Return the code that the `config` in the file `path` asks for, None where it asks for none.

    Raises UnsafeArtifactError unless it is of one repository of the hub, at a commit that is allowed.
    """
    asked = config.get(CODE_MAP)
    if not asked:
        return None
    repository = _repository(path, config, asked)
    own, commit = _snapshot(path.parent)
    made_at = config.get(CODE_REVISION) or (commit if own == repository else "")
    allowed = trusted_code().get(repository)
    if allowed is None or made_at not in ("", allowed):
        but = f", and {allowed} is allowed" if allowed else ""
        raise UnsafeArtifactError(
            f"{path} needs code of its own, of {repository}{f' at {made_at}' if made_at else ''}{but}. It "
            "would run on this machine with your rights; read it "
            f"(https://huggingface.co/{repository}/tree/{made_at or 'main'}), then allow exactly that: "
            f"--trust-code {repository}@{made_at or 'COMMIT'}, or in Python trust_code=[...], or "
            f"{TRUST_CODE} in the environment"
        )
    return ModelCode(repository, allowed)


def _repository(path: Path, config: Mapping[str, Any], asked: Any) -> str:
    """Return the one repository whose classes `auto_map` names."""
    if not isinstance(asked, dict):
        raise UnsafeArtifactError(f"{path} sets {CODE_MAP} to {asked!r:.100}, which names no classes")
    own = _snapshot(path.parent)[0]
    repositories = set()
    for loaded_as, name in asked.items():
        parts = _CLASS.fullmatch(name) if isinstance(name, str) else None
        if parts is None or not _LOADED_AS.fullmatch(loaded_as):
            raise UnsafeArtifactError(
                f"{path} asks for {name!r} as {loaded_as}; of a model's own code only its configuration and "
                "its model are run"
            )
        repositories.add(parts["repository"] or own)
    if "" in repositories:
        raise UnsafeArtifactError(
            f"{path} needs code that lies beside it ({', '.join(map(str, asked.values()))}). Code is never "
            "run from a folder, only from a repository of the hub at a commit you allow; name the model by "
            "its hub name, with --trust-code OWNER/NAME@COMMIT"
        )
    if len(repositories) > 1 or config.get(CODE_REPOSITORY) not in (None, *repositories):
        raise UnsafeArtifactError(
            f"{path} needs code of several repositories ({', '.join(sorted(repositories))}); one can be "
            "allowed"
        )
    return str(repositories.pop())


def _snapshot(folder: Path) -> tuple[str, str]:
    """Return repository and commit of a folder of the hub's own cache, ("", "") for any other folder."""
    from huggingface_hub import constants

    snapshot = folder.resolve()
    if snapshot.parent.name != "snapshots":  # modules may lie one folder deeper
        snapshot = snapshot.parent
    kept = snapshot.parent.parent
    if snapshot.parent.name != "snapshots" or kept.parent != Path(constants.HF_HUB_CACHE).resolve():
        return "", ""
    kind, *names = kept.name.split("--")
    is_model = kind == "models" and len(names) == 2 and _COMMIT.fullmatch(snapshot.name)
    return ("/".join(names), snapshot.name) if is_model else ("", "")


def code_of(folder: Path) -> ModelCode | None:
    """Return the code that the model in `folder` needs, None where it needs none.

    Raises as `check_model_code`.
    """
    codes = {code for path in _configs(folder) if (code := check_model_code(path, _read(path))) is not None}
    if len(codes) > 1:
        raise UnsafeArtifactError(f"{folder} needs code of several repositories; one can be allowed")
    return codes.pop() if codes else None


def _configs(folder: Path) -> list[Path]:
    return [path for path in (folder / _CONFIG, *sorted(folder.glob(f"*/{_CONFIG}"))) if path.is_file()]


def _read(path: Path) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return content


def fetch_code(code: ModelCode, *, offline: bool) -> Path:
    """Return the folder of the hub's cache that holds the code; fetched unless `offline`.

    Raises ModelUnavailableError where it can't be had.
    """
    from huggingface_hub import snapshot_download

    try:
        folder = Path(
            snapshot_download(
                code.repository, revision=code.revision, allow_patterns=["*.py"], local_files_only=offline
            )
        )
    except Exception as error:  # a dozen exceptions for "can't be had"
        raise _no_code(code, f"can't be had ({type(error).__name__})") from error
    if not any(folder.rglob("*.py")):
        raise _no_code(code, "is not in the hub's local cache")
    return folder


def _no_code(code: ModelCode, why: str) -> ModelUnavailableError:
    return ModelUnavailableError(
        f"The code {code} {why}; fetch it: hf download {code.repository} --revision {code.revision} "
        "--include '*.py'"
    )


@contextmanager
def with_code(folder: Path, code: ModelCode) -> Iterator[Path]:
    """Yield a folder of the same model from which a loader can run no other code than `code`.

    The files of `folder` are linked, those of the code copied out of the hub's cache. It lasts for the block.
    """
    with tempfile.TemporaryDirectory() as place:
        joined = Path(place) / str(code)
        for path in folder.rglob("*"):
            if path.is_file() and path.suffix != ".py":
                target = joined / path.relative_to(folder)
                target.parent.mkdir(parents=True, exist_ok=True)
                link_or_copy(path, target)
        source = fetch_code(code, offline=True)
        for path in source.rglob("*.py"):
            target = joined / path.relative_to(source)
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
        for path in _configs(joined):
            _rewrite(path, code, prefix="")
        yield joined


def link_or_copy(path: Path, target: Path) -> None:
    """Make `target` a link to a file, or a copy where the file system has no links."""
    try:
        target.symlink_to(path.resolve())
    except OSError:
        shutil.copyfile(path, target)


def name_code(folder: Path, code: ModelCode | None) -> None:
    """Let a saved model say whose code it needs and at which commit, and hold none of it itself."""
    if code is None:
        return
    for path in folder.rglob("*.py"):
        path.unlink()
    for path in _configs(folder):
        _rewrite(path, code, prefix=f"{code.repository}--")


def _rewrite(path: Path, code: ModelCode, prefix: str) -> None:
    config = _read(path)
    if config.get(CODE_MAP):
        classes = {key: f"{prefix}{name.rpartition('--')[2]}" for key, name in config[CODE_MAP].items()}
        path.unlink()  # it may be a link
        stated = {CODE_MAP: classes, CODE_REPOSITORY: code.repository, CODE_REVISION: code.revision}
        write_json(path, {**config, **stated})


def code_in_memory(model: Any) -> ModelCode | None:
    """Return the code that a loaded model runs, None where it runs none but the libraries'."""
    for module in model.modules():
        config: Any = getattr(module, "config", None)
        if getattr(config, CODE_MAP, None) and getattr(config, CODE_REPOSITORY, None):
            return ModelCode(config.code_repository, config.code_revision)
    return None
