"""The real command in a process of its own."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

COMMAND = (sys.executable, "-c", "from ticketkin.cli.entry import main; main()")


def ticketkin(
    *arguments: str | bytes | Path,
    cwd: Path | None = None,
    environment: Mapping[str, str | bytes] | None = None,
    before: tuple[str, ...] = (),
) -> subprocess.CompletedProcess[str]:
    """Run the command; `before` are words in front of it, such as a shell that limits it."""
    return subprocess.run(
        [*before, *COMMAND, *arguments],
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        check=False,
        timeout=120,
    )
