"""The options that commands share, and what the texts in them say."""

from pathlib import Path
from typing import Annotated, Any

import typer

from ticketkin.core.errors import ConfigurationError, InputError
from ticketkin.core.outputs import output_path
from ticketkin.encoders.model_code import trust_code
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.training.candidates import CANDIDATES
from ticketkin.workflows.run_folders import followed

Sources = Annotated[list[Path], typer.Argument(help="Exports: CSV, JSON, JSON Lines, XLSX or Parquet.")]


def run_folder(text: str | Path) -> Path:
    """Return a run folder as typed; runs/latest stands for the run it points to now."""
    return followed(Path(text))


def out_folder(text: str | Path) -> Path:
    """Return --out of a command that writes a run folder; runs/latest stands for the run it points to."""
    return followed(output_path(text))


def output_option(help_text: str, metavar: str) -> Any:
    """Return the option --out of a command that writes a file, or a folder that is no run."""
    return typer.Option("--out", "-o", help=help_text, parser=output_path, metavar=metavar)


RunFolder = Annotated[Path, typer.Argument(help="Run folder.", parser=run_folder, metavar="FOLDER")]
OutOption = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        help="Run folder; default: a new one, runs/DATE-NAME, or the one where the same job began.",
        parser=out_folder,
        metavar="PATH",
    ),
]
ForceOption = Annotated[
    bool, typer.Option("--force", "-f", help="Replace files that exist; never a file that is read.")
]
ForceRunOption = Annotated[
    bool,
    typer.Option(
        "--force", "-f", help="Write into a folder that is no run, or over the results of other sources."
    ),
]
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
    str | None,
    typer.Option("--candidates", help=f"Some of {', '.join(CANDIDATES)}."),
]
PairsOption = Annotated[
    Path | None, typer.Option("--pairs", help="JSON or CSV file of labelled pairs, in place of an export.")
]
TestPairsOption = Annotated[
    Path | None, typer.Option("--test-pairs", help="Fixed test pairs that go with --pairs: the holdout.")
]
ReviewedOption = Annotated[
    Path | None,
    typer.Option(
        "--reviewed",
        help="Pairs a person judged, e.g. RUN/to_review.csv: source, target, kind; they win over links.",
    ),
]
RecipeOption = Annotated[
    str | None, typer.Option("--recipe", help="A named training configuration; see: ticketkin recipes.")
]
SeedOption = Annotated[int | None, typer.Option("--seed", help="Seed of everything random.")]
LabelsFromOption = Annotated[
    str | None,
    typer.Option(
        "--labels-from",
        help="Who labelled the pairs: person, rule or model.",
        metavar="WHO",
        show_default=False,
    ),
]
KinFromOption = Annotated[
    float | None,
    typer.Option(
        "--kin-from",
        help="Where labels are grades (0 to 1, 1 to 5): the grade from which a pair is kin.",
        metavar="GRADE",
    ),
]


def _allowed(names: list[str] | None) -> list[str] | None:
    """Allow the code as soon as the option is read: whatever the command loads then asks what is allowed."""
    trust_code(names or ())
    return names


TrustCodeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--trust-code",
        help="Let a model run code of its own, of this repository of the hub at this commit. Repeatable.",
        metavar="REPO@COMMIT",
        callback=_allowed,
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print machine-readable results.")]


def names_in(text: str) -> list[str]:
    """Return the names in a text that separates them with commas."""
    return [name.strip() for name in text.split(",") if name.strip()]


def parse_map(text: str | None) -> dict[str, str] | None:
    """Return --map as field to column, None where it was not given.

    Raises ConfigurationError where it is malformed.
    """
    if text is None:
        return None
    mapping = {}
    for part in text.split(","):
        field, equals, column = part.partition("=")
        if not equals or not field.strip() or not column.strip():
            raise ConfigurationError(
                f"--map {text!r}: {part!r} is not FIELD=COLUMN; write it as title=Summary,description=Text"
            )
        mapping[field.strip()] = column.strip()
    return mapping


IndexOption = Annotated[
    Path | None, typer.Option("--index", help="Folder of the stored tickets; default: index in FOLDER.")
]
LinkSetOption = Annotated[
    list[str] | None, typer.Option("--set", help="One setting of links: links.kinds.NAME=related.")
]


def whole_numbers(text: str | None, option: str, lowest: int, highest: int) -> list[int]:
    """Return the whole numbers in a text that separates them with commas. Raises InputError for others."""
    try:
        numbers = [int(part) for part in text.split(",")] if text else []
    except ValueError:
        raise InputError(f"{option} {text!r}: write whole numbers with commas, such as 8,16") from None
    outside = [number for number in numbers if not lowest <= number <= highest]
    if outside:
        raise InputError(f"{option}: got {str(outside[0])[:40]}; allowed are {lowest} to {highest:,}")
    return numbers


def encoder_settings(base_model: str | None, offline: bool) -> EncoderSettings:
    """Return how encoders are loaded, for a command that has no job."""
    return EncoderSettings(offline=offline, **({} if base_model is None else {"base_model": base_model}))
