"""Settings from their four sources, and the job a run folder stands for."""

import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Literal

import tomli_w
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from ticketkin.core.artifacts import atomic_path
from ticketkin.core.errors import ConfigurationError, InputError, MissingInputError
from ticketkin.core.run_ownership import CONFIG
from ticketkin.core.stage_settings import StageSettings
from ticketkin.core.wording import number_of
from ticketkin.workflows.recipes import recipe_settings
from ticketkin.workflows.settings import Settings
from ticketkin.workflows.settings_layers import (
    from_assignment,
    from_environment,
    from_toml,
    merge,
    read_toml,
    variable_of,
)

# TOML comments; they distinguish a complete file from one whose end is missing.
_FIRST_LINE = "# The job of this run, written by ticketkin."
_LAST_LINE = "# The end of the job."
_MOST_FAULTS = 3
_MOST_SHOWN = 200


_KNOWN_TO_FOLDS = {"auto", "given", "links", "hard-negatives"}
"""Sources of training pairs that can be divided among folds."""


class Job(StageSettings):
    """What a run folder is made from: the sources, the link file and every setting."""

    sources: tuple[Path, ...]
    """Ticket exports, absolute paths; none where pairs are given."""
    pairs_file: Path | None = None
    """Labelled pairs to train on instead of an export, absolute path."""
    test_pairs_file: Path | None = None
    """The fixed test pairs that go with them: the holdout."""
    links_file: Path | None = None
    """People's links in a file of their own, absolute path."""
    reviewed_file: Path | None = None
    """Kinds of pairs that a person reviewed, absolute path; they win over links."""
    synthetic: bool = False
    """True for the built-in sample: the report says so first."""
    settings: Settings = Settings()
    """Every setting, resolved."""

    @property
    def tickets_from(self) -> tuple[Path, ...]:
        """The files the tickets come from: exports, or files of pairs."""
        given = (self.pairs_file, self.test_pairs_file)
        return (*self.sources, *(path for path in given if path is not None))

    @property
    def start(self) -> Literal["base", "adapted"]:
        """The encoder that tuning begins with: the adapted one where it is asked for."""
        return "adapted" if "adapted" in self.settings.candidates else "base"

    @property
    def trains_as_given(self) -> bool:
        """Whether training uses the pairs of a file as they are, rather than all kin that they imply."""
        return self.pairs_file is not None and not {"auto", "given"}.isdisjoint(self.settings.pairs.sources)

    @property
    def evaluation_by(self) -> Literal["auto", "split", "folds"]:
        """How candidates are judged. Raises InputError where folds are asked for and can't be had.

        Three things need the split: fixed test pairs, which are never learned from; an adapted encoder, which
        is trained once; and training on pairs that are drawn in addition to those of a file.
        """
        by = self.settings.evaluation.by
        reasons = ["--test-pairs keeps its pairs aside"] * (self.test_pairs_file is not None)
        reasons += ["the candidate 'adapted' is trained once"] * (self.start == "adapted")
        drawn = [name for name in self.settings.pairs.sources if name not in _KNOWN_TO_FOLDS]
        if self.trains_as_given and drawn:
            reasons.append(f"pairs.sources draws {', '.join(drawn)} within the training split")
        if by == "folds" and reasons:
            raise InputError(
                f"evaluation.by is folds, but {' and '.join(reasons)}; leave that out, or use "
                "--set evaluation.by=split"
            )
        return "split" if reasons else by

    @property
    def files(self) -> tuple[Path, ...]:
        """Every file the job reads: tickets, links, reviewed kinds, and words to mask."""
        beside = (self.links_file, self.reviewed_file, self.settings.tickets.redact_words)
        return (*self.tickets_from, *(path for path in beside if path is not None))


def load_settings(
    config: Path | None = None,
    assignments: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, Any] | None = None,
    stored: Mapping[str, Any] | None = None,
    recipe: str | None = None,
) -> Settings:
    """Return settings: defaults < `recipe` < `config` (or ./ticketkin.toml) < environment < flags.

    `assignments` are `--set` texts such as "lora.learning_rate=1e-4"; `flags` are nested values of
    named options and win over them. `stored`, the settings of an existing run folder, stand in for
    the file: a later ticketkin.toml does not change what a run was made with, unless `config` names it, and a
    `recipe` asked for now wins over them. Raises ConfigurationError naming the key, what came and what is
    allowed.
    """
    chosen = {} if recipe is None else recipe_settings(recipe)
    named = {} if config is None and stored is not None else from_toml(config)
    layers: list[Mapping[str, Any]] = [chosen, named] if stored is None else [stored, chosen, named]
    layers.append(_of_environment(os.environ if environment is None else environment))
    layers.extend(from_assignment(text) for text in assignments)
    layers.append(flags or {})
    merged: dict[str, Any] = {}
    for layer in layers:
        merge(merged, layer)
    return _validated(merged)


def _of_environment(environment: Mapping[str, str]) -> Mapping[str, Any]:
    """Return what variables set. Raises ConfigurationError that names the variable which is no setting."""
    values = from_environment(environment)
    try:
        Settings.model_validate(values)
    except ValidationError as error:  # other faults may be none in the end: a flag may win
        unknown = [fault for fault in error.errors() if fault["type"] == "extra_forbidden"]
        if unknown:
            raise ConfigurationError(
                "; ".join(f"{variable_of(fault['loc'])}: {_fault_of(fault)}" for fault in unknown)
            ) from None
    return values


def _validated(values: Mapping[str, Any]) -> Settings:
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        faults = error.errors()
        follow = [fault for fault in faults if _follows(fault, faults)]
        raise ConfigurationError(
            "; ".join(_fault_of(fault) for fault in faults if fault not in follow)
        ) from None


def _follows(fault: ErrorDetails, faults: Sequence[ErrorDetails]) -> bool:
    """Return whether a list is only found too short because values in it were refused."""
    at = fault["loc"]
    return fault["type"] == "too_short" and any(
        other["loc"][: len(at)] == at and len(other["loc"]) > len(at) for other in faults
    )


def _fault_of(fault: ErrorDetails) -> str:
    key = ".".join(str(part) for part in fault["loc"])
    if fault["type"] == "extra_forbidden":
        return f"{key}: unknown setting; {_known_keys(fault['loc'])}"
    reason = fault["msg"].removeprefix("Value error, ")
    if fault["type"] == "value_error" and isinstance(fault["input"], Mapping):
        return f"{key}: {reason}"  # it names the values of the section that don't go together
    if fault["type"] == "missing" and isinstance(fault["loc"][-1], int):
        key, place = key.rpartition(".")[0], fault["loc"][-1] + 1
        return f"{key}: got {','.join(map(str, fault['input']))}; value {place} is missing"
    given = repr(fault["input"])
    given = (
        given
        if len(given) <= _MOST_SHOWN
        else f"{given[:_MOST_SHOWN]}… ({number_of(len(given), 'character')})"
    )
    if fault["type"] == "model_type":
        return f"{key}: got {given}; it is a section: set its values; {_known_keys((*fault['loc'], ''))}"
    return f"{key}: got {given}; {reason}"


def _known_keys(location: Sequence[int | str]) -> str:
    model: type[Any] = Settings
    for part in location[:-1]:
        model = model.model_fields[str(part)].annotation or model
    return "known are " + ", ".join(model.model_fields)


def changed_settings(before: Job, after: Job) -> list[str]:
    """Return `name: old -> new` for each setting and file in which two jobs differ."""
    old, new = _values(before), _values(after)
    return [
        f"{key}: {_shown(old.get(key))} -> {_shown(new.get(key))}"
        for key in dict.fromkeys([*old, *new])
        if old.get(key) != new.get(key)
    ]


def outside_changes(job: Job, config: Path | None = None) -> list[str]:
    """Return what the settings file and the environment would change in the job of a run, as `old -> new`."""
    values: dict[str, Any] = job.settings.model_dump(mode="json", exclude_none=True)
    for layer in (from_toml(config), _of_environment(os.environ)):
        merge(values, layer)
    return changed_settings(job, job.model_copy(update={"settings": _validated(values)}))


def _values(job: Job) -> dict[str, Any]:
    """Return every value of a job by its dotted name, settings as `--set` names them."""
    values = job.model_dump(mode="json")
    return dict(_flat(values.pop("settings"))) | dict(_flat(values))


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _shown(value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(_shown, value)) or "none"
    return "none" if value is None else str(value).lower() if isinstance(value, bool) else str(value)


def write_job(job: Job, folder: Path) -> None:
    """Write `job` as config.toml, every value resolved; TOML has no null, so None is left out."""
    values = tomli_w.dumps(_without_none(job.model_dump(mode="json")))
    with atomic_path(folder / CONFIG) as temporary:
        temporary.write_text(f"{_FIRST_LINE}\n{values}{_LAST_LINE}\n", "utf-8")


def _without_none(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_none(item) for key, item in value.items() if item is not None}
    return value


def read_job(folder: Path) -> Job:
    """Return the job of a run folder.

    Raises MissingInputError if `folder` is no run folder, ConfigurationError if config.toml is broken.
    """
    path = folder / CONFIG
    if not path.exists():
        raise MissingInputError(
            f"{folder} is not a run folder: it has no {CONFIG}. "
            f"Make one with: ticketkin import SOURCE --out {folder}"
        )
    try:
        values = read_toml(path)
        if _is_cut_off(path.read_text("utf-8")):
            raise ConfigurationError("its end is missing, so settings would be lost")
        job = Job.model_validate(values)
        if job.settings.encoder.trust_code:
            raise ConfigurationError(
                "it allows code of models to run, which no file of a run can; remove encoder.trust_code from "
                "it and give --trust-code REPO@COMMIT yourself"
            )
        return job
    except ValidationError as error:
        reason = "; ".join(_fault_of(fault) for fault in error.errors()[:_MOST_FAULTS])
    except (OSError, ConfigurationError) as error:
        reason = str(error)
    raise ConfigurationError(
        f"{path} can't be read as the job of a run ({reason}). If {folder} is a run, give the command that "
        f"made it again, with its sources: ticketkin run SOURCE --out {folder}; finished stages are kept"
    )


def _is_cut_off(text: str) -> bool:
    """Return whether a file begins with our first line but does not end with our last (older ones had none).

    Half a settings file can be valid TOML: the rest would silently be defaults.
    """
    return text.startswith(_FIRST_LINE) and text.rstrip().rpartition("\n")[2] != _LAST_LINE
