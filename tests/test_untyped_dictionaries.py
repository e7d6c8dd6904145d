"""Parts hand each other typed records; a dictionary of anything stands where it is stated here."""

import ast
from pathlib import Path

import pytest

import ticketkin

SOURCE = Path(ticketkin.__file__).parent
# By module, why its dictionaries have free keys, or values of any type.
STATED = {
    # JSON of others, of any shape
    "pairs/interchange.py": "files of pairs",
    "pairs/shapes.py": "files of pairs",
    "tickets/cells.py": "nested values of an export",
    "tickets/reading/isolated_process.py": "what a reading process hands back",
    "tickets/reading/json_pages.py": "an export in JSON",
    "tickets/reading/json_records.py": "an export in JSON",
    "tickets/reading/xml_unload.py": "an export, read as one in JSON",
    "tickets/rich_text.py": "documents in Atlassian's format",
    "encoders/model_code.py": "config.json of a model that brings code along",
    "encoders/settings_files.py": "the settings files of a model",
    # JSON of our own, as it is written
    "core/artifacts.py": "any record on its way to a file",
    "core/run_ownership.py": "run.json of any version, of which two keys are read",
    "evaluation/leaderboard.py": "leaderboard.json, where metrics stand beside the name of the model",
    "evaluation/model_decisions.py": "leaderboard.json, where metrics stand beside the threshold",
    "evaluation/metric_results.py": "report.json, where metrics stand beside their counts",
    "relations/record.py": "relations.json, where kind and band make one key",
    "training/record.py": "training_metadata.json without what was not given",
    "reports/data_tables.py": "tables of whatever keys report.json has",
    "reports/sharing.py": "report.json with keys and values left out",
    "serving/answers.py": "answers in JSON",
    "serving/indexing.py": "counts in JSON",
    "relations/replay_result.py": "replay.json",
    "cli/answers.py": "answers in JSON",
    "service/erasing.py": "the receipt of an erasure in JSON",
    "service/oidc.py": "what a provider of sign-in answers, and its claims",
    "service/problems.py": "descriptions of errors for OpenAPI",
    "service/routes/answers.py": "descriptions of answers for OpenAPI",
    "service/ticket_schemas.py": "fields of a schema that is made of a list",
    # settings by name
    "cli/option_records.py": "annotations of the parameters of a command",
    "cli/job_options.py": "settings by section and name",
    "workflows/settings_layers.py": "settings by section and name, from TOML, environment and --set",
    "workflows/configuration.py": "settings by section and name, from TOML, environment and --set",
    "workflows/recipes/__init__.py": "settings by section and name, from TOML",
    "workflows/openings.py": "settings by section and name, on their way into a hash",
}


def is_untyped_dictionary(node: ast.AST) -> bool:
    """Whether an annotation is `dict[str, Any]`, or a mapping of the kind."""
    if not (isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name)):
        return False
    if node.value.id not in {"dict", "Mapping", "MutableMapping"} or not isinstance(node.slice, ast.Tuple):
        return False
    names = [part.id if isinstance(part, ast.Name) else "" for part in node.slice.elts]
    return names[0] == "str" and names[1] in {"Any", "object"}


def untyped_dictionaries(source: str) -> list[int]:
    """Return the lines on which they stand."""
    return [node.lineno for node in ast.walk(ast.parse(source)) if is_untyped_dictionary(node)]


def test_a_dictionary_of_anything_stands_where_it_is_stated_and_nowhere_else() -> None:
    holding = {
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.py")
        if untyped_dictionaries(path.read_text("utf-8"))
    }
    assert holding - STATED.keys() == set(), "give the record a type, or state why it can have none"
    assert STATED.keys() - holding == set(), "they are typed now: take them out of the list"


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("def f(a: dict[str, Any]) -> int: ...", [1]),
        ("x: list[Mapping[str, object]] | None = None", [1]),
        ("def f() -> dict[str, dict[str, Any]]: ...", [1]),
        ("x: dict[str, float] = {}\ny: dict[int, Any] = {}", []),
    ],
)
def test_they_are_seen_wherever_they_stand(source: str, lines: list[int]) -> None:
    assert untyped_dictionaries(source) == lines
