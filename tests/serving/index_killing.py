"""Store, update, delete and merge in forked children that kill themselves before the n-th change of a file.

What was acknowledged before must be there, and the rest as before or after. The process that forks does
nothing else: a child does not inherit the threads that polars works with.
"""

import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

import pyarrow.compute  # noqa: F401 - loaded once, not by every child: it takes longer than their work
import sklearn.feature_extraction.text  # noqa: F401
from index_material import embedded
from test_index import check_content, opened

from ticketkin.serving.index import Index

Content = dict[str, int]
CHANGES = ("os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "shutil.rmtree")
FIRST = {f"T{n}": 0 for n in range(6)}
STEPS: list[tuple[Callable[[Index], object], Content]] = [
    (lambda index: index.put(embedded(["T1", "T9"], [1, 0])), {**FIRST, "T1": 1, "T9": 0}),
    (lambda index: index.delete(["T1", "T2"]), {k: 0 for k in FIRST if k not in ("T1", "T2")}),
    (lambda index: index.compact(), FIRST),
]


def in_child(function: Callable[..., None], *arguments: object) -> int:
    """Return the status of a forked process that calls a function."""
    child = os.fork()
    if child == 0:
        try:
            function(*arguments)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
        os._exit(0)
    return os.waitpid(child, 0)[1]


def start(place: Path) -> None:
    opened(place / "start", create=True).put(embedded(list(FIRST)[:3], [0] * 3))
    opened(place / "start").put(embedded(list(FIRST)[3:], [0] * 3))


def killed(place: Path, act: Callable[[Index], object], n: int) -> None:
    """Kill this process before the n-th change that `act` makes on the disk."""
    index = opened(place / "index")
    done = 0

    def count(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal done
        writes = event == "open" and int(str(arguments[2])) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
        if event in CHANGES or writes:
            done += 1
            if done == n:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)
    act(index)


def check(place: Path, after: Content, is_finished: bool) -> None:
    index = opened(place / "index")
    try:
        check_content(index, FIRST)
        assert not is_finished or after == FIRST
    except AssertionError:
        check_content(index, after)
    listed = {live.segment.record.name for live in index._live} | {"index.json", ".lock"}
    assert {path.name for path in (place / "index").iterdir()} == listed


def attempt(place: Path, act: Callable[[Index], object], after: Content, n: int) -> bool:
    """Return whether `act` finished before it was killed; what it left is checked."""
    shutil.rmtree(place / "index", ignore_errors=True)
    shutil.copytree(place / "start", place / "index")
    status = in_child(killed, place, act, n)
    is_finished = status == 0
    assert is_finished or (os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL), status
    assert in_child(check, place, after, is_finished) == 0, n
    return is_finished


def main(place: Path) -> None:
    assert in_child(start, place) == 0
    for act, after in STEPS:
        # At every change near the end, where the new content takes the place of the old, and at every fifth
        # of the files written before.
        n = 1
        while not attempt(place, act, after, n):
            n += 5
        others = [other for other in range(max(1, n - 16), n) if other % 5 != 1]
        assert not all(attempt(place, act, after, other) for other in others)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
