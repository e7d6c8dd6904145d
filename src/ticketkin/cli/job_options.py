"""The job that options describe: a new one, or one that a run stores, changed."""

from collections.abc import Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from ticketkin.cli.options import (
    CandidatesOption,
    ConfigOption,
    LabelsFromOption,
    LinkColumnsOption,
    LinksOption,
    MapOption,
    ModelOption,
    OfflineOption,
    PairsOption,
    RecipeOption,
    RedactWordsOption,
    ReviewedOption,
    SeedOption,
    SetOption,
    Sources,
    TestPairsOption,
    names_in,
    parse_map,
)
from ticketkin.cli.run_choice import run_among, run_folder_of, run_to_resume
from ticketkin.core.errors import InputError
from ticketkin.core.near_names import near_file
from ticketkin.core.run_ownership import owning_run
from ticketkin.tickets.settings import LinkSettings
from ticketkin.training.candidates import always_tried
from ticketkin.workflows.configuration import Job, load_settings, outside_changes, read_job
from ticketkin.workflows.recipes import recipe_section
from ticketkin.workflows.run_folders import job_stored_in

# Options that change the job stored in a run, and those that only may repeat what it reads. Any other option
# is refused for a run that exists, so that none is ever dropped without a word.
_CHANGES_STORED = frozenset({
    "links", "link_columns", "map_", "set_", "offline", "base_model", "candidates", "seed", "recipe",
    "redact_words", "reviewed", "labels_from",
})  # fmt: skip
_STORED_FILES = {"sources": "sources", "pairs": "pairs_file", "test_pairs": "test_pairs_file"}


@dataclass(frozen=True)
class ImportOptions:
    """What the user typed of an export and how it is read, before it is checked."""

    sources: Sources = field(default_factory=list)
    links: LinksOption = None
    link_columns: LinkColumnsOption = None
    map_: MapOption = None
    redact_words: RedactWordsOption = None
    config: ConfigOption = None
    set_: SetOption = None
    offline: OfflineOption = False
    base_model: ModelOption = None


@dataclass(frozen=True)
class JobOptions(ImportOptions):
    """What the user typed of a whole job, before it is checked."""

    candidates: CandidatesOption = None
    recipe: RecipeOption = None
    pairs: PairsOption = None
    test_pairs: TestPairsOption = None
    labels_from: LabelsFromOption = None
    reviewed: ReviewedOption = None
    seed: SeedOption = None

    def job(self) -> Job:
        """Return the job. Raises InputError where a file is missing or an option is malformed."""
        if self.test_pairs is not None and self.pairs is None:
            raise InputError("--test-pairs goes with --pairs, the training pairs; name them too")
        if not self.sources and self.pairs is None:
            raise InputError("No export was given; name at least one file, e.g. ticketkin run incidents.csv")
        if self.pairs is not None and (self.sources or self.links):
            raise InputError("--pairs stands for the whole export; leave out the files and --links beside it")
        self._check_labeller(self.pairs)
        self._check_given()
        return Job(
            sources=tuple(path.resolve() for path in self.sources),
            pairs_file=_resolved(self.pairs),
            test_pairs_file=_resolved(self.test_pairs),
            links_file=_resolved(self.links),
            reviewed_file=_resolved(self.reviewed),
            settings=load_settings(self.config, self.set_ or (), flags=self._flags(), recipe=self.recipe),
        )

    def _check_labeller(self, pairs: Path | None) -> None:
        if self.labels_from is not None and pairs is None:
            raise InputError("--labels-from says who labelled a file of pairs; name the file with --pairs")

    def onto(self, folder: Path) -> Job:
        """Return the job stored in a run folder, changed by every option that was given.

        Raises InputError naming an option that can't change a stored job, or a file that is missing.
        """
        job = read_job(folder)
        self._check_labeller(job.pairs_file)
        self._check_given()
        for name in sorted(self._given() - _CHANGES_STORED):
            option = _option(name)
            if name not in _STORED_FILES:
                raise InputError(
                    f"{option} can't be given for a run that exists, whose settings are stored in it; change "
                    "single ones with --set, or start another run without --resume"
                )
            if _absolute(getattr(self, name)) != _absolute(getattr(job, _STORED_FILES[name])):
                stored = ", ".join(map(str, job.tickets_from))
                given = "the files" if name == "sources" else option
                raise InputError(
                    f"{folder} is a run over {stored}, and --resume goes on with it; leave {given} out, or "
                    "start another run without --resume"
                )
        return self._changed(job)

    def job_in(self, folder: Path | None) -> Job:
        """Return the job for a run in `folder`; over the same files as one there, that one's is kept.

        Only the options that were given change it. Raises InputError as `job`.
        """
        fresh = self.job()
        stored = None if folder is None else job_stored_in(folder)
        if stored is None or set(stored.tickets_from) != set(fresh.tickets_from):
            return fresh
        return self._changed(stored)

    def placed(self, out: Path | None, *, resume: bool) -> tuple[Path, Job]:
        """Return the folder and the job of a run: resumed, named in place of an export, or begun.

        Raises InputError as `onto` and `job_in`.
        """
        named = run_among(self.sources, out)
        if named is not None:
            return named, replace(self, sources=[]).onto(named)
        if resume:
            folder = run_to_resume(out)
            return folder, self.onto(folder)
        place = out or self.run_of_answers()
        job = self.job_in(place)
        return run_folder_of(place, job), job

    def run_of_answers(self) -> Path | None:
        """Return the run that asked for the answers given with --reviewed, None where the sources are others.

        The same command then goes on with that run, in which its pairs were chosen.
        """
        run = None if self.reviewed is None else owning_run(self.reviewed)
        stored = None if run is None else job_stored_in(run)
        given = {path.resolve() for path in (*self.sources, self.pairs, self.test_pairs) if path is not None}
        return run if stored is not None and set(stored.tickets_from) == given else None

    def not_applied(self, job: Job, folder: Path) -> str | None:
        """Return the line on what settings file and environment ask for and a stored job leaves out."""
        if job_stored_in(folder) is None:
            return None
        changes = outside_changes(job, self.config)
        return (
            "the run keeps its settings; ticketkin.toml or TICKETKIN_ variables would change "
            f"{'; '.join(changes)}. Give --set or --config to change them"
            if changes
            else None
        )

    def _changed(self, job: Job) -> Job:
        settings = load_settings(
            self.config,
            self.set_ or (),
            environment={},
            flags=self._flags(),
            stored=job.settings.model_dump(mode="json", exclude_none=True),
            recipe=self.recipe,
        )
        files = {"links_file": _resolved(self.links), "reviewed_file": _resolved(self.reviewed)}
        changed = {name: path for name, path in files.items() if path is not None}
        return job.model_copy(update={"settings": settings, **changed})

    def _given(self) -> set[str]:
        values = {one.name: getattr(self, one.name) for one in fields(self)}
        return {
            name
            for name, value in values.items()
            if not (value is None or value is False or value in ((), []))
        }

    def _check_given(self) -> None:
        """Raise InputError for a file that is missing, and for a text that is empty: an unset variable."""
        for name in self._given():
            value = getattr(self, name)
            if isinstance(value, str) and not value.strip():
                raise InputError(f"{_option(name)} is empty; give it a value, or leave it out")
        beside = (self.links, self.pairs, self.test_pairs, self.reviewed, self.redact_words)
        for path in [*self.sources, *(path for path in beside if path is not None)]:
            if not path.is_file():
                raise InputError(f"{path}: no such file{near_file(path)}")

    def _flags(self) -> dict[str, Any]:
        given = {
            ("tickets", "mapping"): parse_map(self.map_),
            ("tickets", "redact_words"): _resolved(self.redact_words),
            ("links", "columns"): None if self.link_columns is None else names_in(self.link_columns),
            ("encoder", "offline"): self.offline or None,
            ("encoder", "base_model"): self.base_model,
            ("pairs", "labels_from"): self.labels_from,
        }
        flags: dict[str, Any] = {}
        for (section, name), value in given.items():
            if value is not None:
                flags.setdefault(section, {})[name] = value
        if self.candidates is not None:
            flags["candidates"] = tuple(dict.fromkeys([*always_tried(), *names_in(self.candidates)]))
        if self.seed is not None:
            flags["seed"] = self.seed
        return flags


def _option(name: str) -> str:
    return f"--{name.strip('_').replace('_', '-')}"


def _resolved(path: Path | None) -> Path | None:
    return None if path is None else path.resolve()


def _absolute(given: Path | Sequence[Path] | None) -> list[Path]:
    paths = [] if given is None else [given] if isinstance(given, Path) else given
    return [path.resolve() for path in paths]


def stored_job(
    folder: Path,
    set_: Sequence[str] | None = None,
    links: Path | None = None,
    link_columns: str | None = None,
    reviewed: Path | None = None,
) -> Job:
    """Return the job stored in a run folder, changed by the given options."""
    given = None if set_ is None else list(set_)
    return JobOptions(links=links, link_columns=link_columns, set_=given, reviewed=reviewed).onto(folder)


def link_settings(link_columns: str | None, set_: Sequence[str] | None) -> LinkSettings:
    """Return how links are read, for a command that has no job.

    Raises InputError for a setting of another section: it would be ignored.
    """
    for assignment in set_ or ():
        if not assignment.strip().startswith("links."):
            raise InputError(
                f"--set {assignment!r}: this command takes settings of links, such as links.kinds"
            )
    flags = {} if link_columns is None else {"links": {"columns": names_in(link_columns)}}
    return load_settings(assignments=set_ or (), flags=flags).links


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
        changes |= {candidate: recipe_section(recipe, candidate), "recipe": recipe}
    stored = settings.model_copy(update=changes).model_dump(mode="json", exclude_none=True)
    changed = load_settings(None, set_ or (), environment={}, stored=stored)
    return job.model_copy(update={"settings": changed})
