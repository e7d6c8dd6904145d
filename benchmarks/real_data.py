"""Where the real data lies: `$TICKETKIN_DATA`, by default the folder `shared/data` beside the repository."""

import os
from pathlib import Path

DATA = Path(os.environ.get("TICKETKIN_DATA", Path(__file__).parents[2] / "shared/data"))
