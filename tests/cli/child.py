"""The real command, in a process of its own or, where nothing depends on that, in this one."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from ticketkin.cli.entry import main

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


def ticketkin_here(
    *arguments: str | bytes | Path,
    cwd: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> subprocess.CompletedProcess[str]:
    """Run the command in this process, which saves the seconds that a new one takes to start."""
    monkeypatch.chdir(cwd)
    words = [os.fsdecode(word) for word in arguments]
    monkeypatch.setattr(sys, "argv", ["ticketkin", *words])
    capsys.readouterr()
    code = 0
    try:
        main()
    except SystemExit as stop:
        code = int(stop.code or 0)
    printed = capsys.readouterr()
    return subprocess.CompletedProcess(words, code, printed.out, printed.err)
