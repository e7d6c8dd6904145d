"""A whole run killed in the middle of LoRA training goes on from there with the same command."""

import json
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from ticketkin.cli.entry import main
from ticketkin.core.artifacts import hash_path
from ticketkin.tickets.sample import write_sample

pytest.importorskip("peft", reason="the extra 'lora' is not installed")

FINISHED = ("import", "links", "split", "embed", "pairs", "provisional")


# The command, in a process that is killed at once, without any clean-up, when its sixth step begins.
KILLED_COMMAND = """
import os, signal, sys
from ticketkin.cli.entry import main
from ticketkin.training.loop import TrainingLoop

step = TrainingLoop._step
def until_killed(self, number, progress):
    if number == 5:
        os.kill(os.getpid(), signal.SIGKILL)
    return step(self, number, progress)

TrainingLoop._step = until_killed
sys.argv = sys.argv[1:]
main()
"""


def checkpoints(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("candidates/lora/checkpoint/step-*"))


def content(folder: Path) -> dict[str, tuple[str, int]]:
    """Hash and time of what the finished stages wrote, and of their records."""
    records = [folder / "stages" / f"{name}.json" for name in FINISHED]
    outputs = [folder / name for record in records for name in json.loads(record.read_text())["outputs"]]
    return {str(path): (hash_path(path), path.stat().st_mtime_ns) for path in [*records, *outputs]}


@pytest.mark.slow
def test_a_run_killed_in_lora_training_goes_on_with_the_same_command(
    tiny_encoder_folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TICKETKIN_CACHE", str(tmp_path / "cache"))
    write_sample(Path("a.csv"), 80, 3)
    command = [
        "ticketkin", "run", "a.csv", "--out", "run", "--base-model", str(tiny_encoder_folder), "--offline",
        "--candidates", "lora", "--set", "evaluation.n_bootstrap=100", "--set", "lora.checkpoint_steps=2",
        "--set", "lora.checkpoint_seconds=0",
        "--set", "relations.model=logistic", "--set", "evaluation.by=split",
        "--set", "lora.batch_size=4", "--set", "lora.epochs_per_phase=[0,0,1]",
        "--set", "lora.max_length_tokens=16", "--set", "strength.strengths=[0,1]",
        "--set", "pairs.max_positives_per_group=3",
    ]  # fmt: skip
    folder = Path("run")
    killed = subprocess.run(
        [sys.executable, "-c", KILLED_COMMAND, *command], capture_output=True, text=True, check=False
    )
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    assert checkpoints(folder) == ["step-00000002", "step-00000004"]
    assert not (folder / "candidates/lora/adapter").exists()  # training was not over
    assert not (folder / "stages/lora.json").exists()
    assert not (folder / "manifest.json").exists()
    before = content(folder)

    monkeypatch.setattr(sys, "argv", command)
    capsys.readouterr()
    main_returns_without_error()
    output = " ".join(capsys.readouterr().err.split())

    assert output.count("up to date, kept") == len(FINISHED)
    assert content(folder) == before
    resumed = re.search(r"continuing LoRA training at step (\d+) of (\d+)", output)
    assert resumed is not None, output
    first, planned = map(int, resumed.groups())
    assert first == 4 < planned
    training = json.loads((folder / "candidates/lora/training_metadata.json").read_text())
    assert training["steps_done"] == training["steps_planned"] == len(training["history"]["loss"]) == planned
    report = json.loads((folder / "report.json").read_text())
    assert report["candidates"].keys() == {"lexical", "base", "lora", "hybrid"}
    assert (folder / "manifest.json").exists()
    assert (folder / "report.html").exists()
    assert not [*folder.rglob("checkpoint*")]


def main_returns_without_error() -> None:
    try:
        main()
    except SystemExit as stop:
        assert not stop.code  # the command ends by exiting
