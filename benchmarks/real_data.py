"""Where the real data lies: `$TRACKER_DATA`, by default the folder `shared/data` beside the repository."""

import os
from pathlib import Path

DATA = Path(os.environ.get("TRACKER_DATA", Path(__file__).parents[2] / "shared/data"))
