"""The command as installed, in this process: it saves the seconds that a new one takes to start."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from ticketkin.cli.entry import main


def run_in_process(
    *arguments: str | bytes | Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> subprocess.CompletedProcess[str]:
    """Run the command in the working directory; returns its exit code and what it printed."""
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
