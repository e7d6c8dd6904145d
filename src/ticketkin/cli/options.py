"""Options the commands share, and the job they describe."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import typer

from ticketkin.core.errors import ConfigurationError, InputError
from ticketkin.pipeline.configuration import Job, load_settings, read_job
from ticketkin.pipeline.recipes import recipe_section

Sources = Annotated[
    list[Path] | None, typer.Argument(help="Exports: CSV, JSON, JSON Lines, XLSX or Parquet.")
]
RunFolder = Annotated[Path, typer.Argument(help="Run folder.")]
LinksOption = Annotated[
    Path | None, typer.Option("--links", help="File of links: any two id columns, optionally a kind.")
]
LinkColumnsOption = Annotated[
    str | None, typer.Option("--link-columns", help="Its columns: source,target[,kind].")
]
MapOption = Annotated[
    str | None, typer.Option("--map", help="Columns of an unknown export: title=Summary,description=Text")
]
RedactWordsOption = Annotated[
    Path | None,
    typer.Option(
        "--redact-words", help="File of names and user ids, one a line, that become [NAME] in every text."
    ),
]
ConfigOption = Annotated[
    Path | None, typer.Option("--config", help="Settings file; default ./ticketkin.toml.")
]
SetOption = Annotated[
    list[str] | None, typer.Option("--set", help="One setting: section.name=value. Repeatable.")
]
OfflineOption = Annotated[
    bool, typer.Option("--offline", help="Use no network; the packaged all-MiniLM-L6-v2 unless --base-model.")
]
ModelOption = Annotated[
    str | None, typer.Option("--base-model", help="Encoder: hub name or folder with safetensors.")
]
CandidatesOption = Annotated[
    str | None, typer.Option("--candidates", help="Some of lexical,base,adapted,head,lora,full,fusion.")
]
PairsOption = Annotated[
    Path | None, typer.Option("--pairs", help="JSON or CSV file of labelled pairs, in place of an export.")
]
TestPairsOption = Annotated[
    Path | None, typer.Option("--test-pairs", help="Fixed test pairs that go with --pairs: the holdout.")
]
ReviewedOption = Annotated[
    Path | None,
    typer.Option("--reviewed", help="Pairs a person reviewed: source, target, kind; they win over links."),
]
RecipeOption = Annotated[
    str | None, typer.Option("--recipe", help="A named training configuration; see: ticketkin recipes.")
]
SeedOption = Annotated[int | None, typer.Option("--seed", help="Seed of everything random.")]
JsonOption = Annotated[bool, typer.Option("--json", help="Print machine-readable results.")]

ALWAYS = ("lexical", "base")


@dataclass(frozen=True)
class JobOptions:
    """What the user typed, before it is checked."""

    sources: Sequence[Path]
    links: Path | None = None
    link_columns: str | None = None
    map_: str | None = None
    config: Path | None = None
    set_: Sequence[str] | None = None
    offline: bool = False
    base_model: str | None = None
    candidates: str | None = None
    seed: int | None = None
    recipe: str | None = None
    pairs: Path | None = None
    test_pairs: Path | None = None
    reviewed: Path | None = None
    redact_words: Path | None = None

    def job(self) -> Job:
        """Return the job. Raises InputError where a file is missing or an option is malformed."""
        if self.test_pairs is not None and self.pairs is None:
            raise InputError("--test-pairs goes with --pairs, the training pairs; name them too")
        if not self.sources and self.pairs is None:
            raise InputError("No export was given; name at least one file, e.g. ticketkin run incidents.csv")
        if self.pairs is not None and (self.sources or self.links):
            raise InputError("--pairs stands for the whole export; leave out the files and --links beside it")
        given = (self.links, self.pairs, self.test_pairs, self.reviewed, self.redact_words)
        files = [path for path in given if path is not None]
        for path in [*self.sources, *files]:
            if not path.is_file():
                raise InputError(f"{path}: no such file")
        return Job(
            sources=tuple(path.resolve() for path in self.sources),
            pairs_file=_resolved(self.pairs),
            test_pairs_file=_resolved(self.test_pairs),
            links_file=_resolved(self.links),
            reviewed_file=_resolved(self.reviewed),
            settings=load_settings(self.config, self.set_ or (), flags=self._flags(), recipe=self.recipe),
        )

    def _flags(self) -> dict[str, Any]:
        flags: dict[str, Any] = {"encoder": {}, "tickets": {}}
        if self.map_:
            flags["tickets"]["mapping"] = _parse_map(self.map_)
        if self.redact_words is not None:
            flags["tickets"]["redact_words"] = self.redact_words.resolve()
        if self.link_columns:
            flags["links"] = {"columns": _names(self.link_columns)}
        if self.offline:
            flags["encoder"]["offline"] = True
        if self.base_model:
            flags["encoder"]["base_model"] = self.base_model
        if self.candidates:
            flags["candidates"] = tuple(dict.fromkeys([*ALWAYS, *_names(self.candidates)]))
        if self.seed is not None:
            flags["seed"] = self.seed
        return flags


def _resolved(path: Path | None) -> Path | None:
    return None if path is None else path.resolve()


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


def _parse_map(text: str) -> dict[str, str]:
    mapping = {}
    for part in text.split(","):
        field, equals, column = part.partition("=")
        if not equals or not field.strip() or not column.strip():
            raise ConfigurationError(
                f"--map {text!r}: {part!r} is not FIELD=COLUMN; write it as title=Summary,description=Text"
            )
        mapping[field.strip()] = column.strip()
    return mapping


def stored_job(
    folder: Path,
    set_: Sequence[str] | None = None,
    links: Path | None = None,
    link_columns: str | None = None,
    reviewed: Path | None = None,
) -> Job:
    """Return the job stored in a run folder, changed by the given options."""
    job = read_job(folder)
    for path in (links, reviewed):
        if path is not None and not path.is_file():
            raise InputError(f"{path}: no such file")
    stored = job.settings.model_dump(mode="json", exclude_none=True)
    if link_columns:
        stored["links"]["columns"] = _names(link_columns)
    settings = load_settings(None, set_ or (), environment={}, stored=stored)
    files = {"links_file": _resolved(links), "reviewed_file": _resolved(reviewed)}
    given = {name: path for name, path in files.items() if path is not None}
    return job.model_copy(update={"settings": settings, **given})


def training_job(folder: Path, candidate: str, recipe: str | None, set_: Sequence[str] | None) -> Job:
    """Return the stored job with `candidate` among its candidates, trained as a recipe says.

    Only the candidate's own section is taken from the recipe: tickets, links and splits of the run stay.
    """
    job = read_job(folder)
    settings = job.settings
    changes: dict[str, Any] = {}
    if candidate not in settings.candidates:
        changes["candidates"] = (*settings.candidates, candidate)
    if recipe is not None:
        section = type(getattr(settings, candidate)).model_validate(recipe_section(recipe, candidate))
        changes |= {candidate: section, "recipe": recipe}
    stored = settings.model_copy(update=changes).model_dump(mode="json", exclude_none=True)
    changed = load_settings(None, set_ or (), environment={}, stored=stored)
    return job.model_copy(update={"settings": changed})
