"""What older releases of the Python versions we allow do otherwise."""

import re
from pathlib import Path

SOURCE = Path(__file__).parents[1] / "src"
# A group that ends in `)*+`, `)++`, `)?+` or `){2,3}+`.
POSSESSIVE_GROUP = re.compile(r"(?<!\\)\)(?:[*+?]|\{\{?\d*,?\d*\}\}?)\+(?=[^ ])")


def test_no_pattern_has_a_possessive_group() -> None:
    """Before Python 3.11.5 they match wrongly (CPython gh-106052); atomic groups `(?>…)` do the same."""
    lines = [
        f"{path.relative_to(SOURCE)}: {line.strip()}"
        for path in sorted(SOURCE.rglob("*.py"))
        for line in path.read_text("utf-8").splitlines()
        if POSSESSIVE_GROUP.search(line)
    ]
    assert not lines
