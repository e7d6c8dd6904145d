"""How near int8 of OpenVINO comes to torch, by how far outliers of activations are moved into the weights.

    python benchmarks/quantising.py runs/june                       # a finished run, its untouched encoder
    python benchmarks/quantising.py runs/june --smoothing .5 .95

Ranges are taken from texts of the run's training tickets; cosine, the share of the ten nearest that stay and
MRR of links are measured on its evaluation tickets. Needs openvino and nncf.
"""

import argparse
import os
import tempfile
from pathlib import Path
from unittest.mock import patch

from rich.console import Console
from rich.table import Table

from ticketkin.encoders.encoding import encode_texts
from ticketkin.encoders.loading import load_encoder
from ticketkin.encoders.runtime import exporting, quantising
from ticketkin.encoders.runtime.fidelity import measure_fidelity
from ticketkin.encoders.runtime.serving import ExportedModel
from ticketkin.workflows.configuration import read_job
from ticketkin.workflows.run_data import RunData
from ticketkin.workflows.runtimes import runtime_trial


def main() -> None:
    """Print fidelity by smoothing."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("run", type=Path)
    parser.add_argument("--smoothing", type=float, nargs="+", default=[0.7, 0.8, 0.9, 0.95])
    arguments = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    data = RunData.of(arguments.run, read_job(arguments.run))
    settings, trial = data.job.settings.encoder, runtime_trial(data)
    encoder = load_encoder(settings)
    torch = encode_texts(encoder, trial.probes, None, settings)
    table = Table("smoothing", "cosine", "lowest", "first ten the same", "MRR", "MRR of torch")
    for smoothing in arguments.smoothing:
        with (
            tempfile.TemporaryDirectory() as folder,
            patch.object(quantising, "SMOOTHING", smoothing),
            # in this process, not in one of its own that would not know of `smoothing`
            patch.object(exporting, "quantise", lambda _, *of: quantising._with_nncf(*of)),
        ):
            exporting.ensure_export(encoder, "openvino-int8", trial.calibration, Path(folder) / "int8")
            model = ExportedModel(Path(folder) / "int8", settings.max_length_tokens)
            fidelity = measure_fidelity(
                torch, encode_texts(model, trial.probes, None, settings), 1.0, trial.mrr
            )
        measured = (fidelity.cosine_mean, fidelity.cosine_lowest, fidelity.overlap_at_10)
        mrr = (fidelity.mrr_exported, fidelity.mrr_torch)
        table.add_row(
            f"{smoothing:g}",
            *(f"{value:.4f}" for value in measured),
            *("" if value is None else f"{value:.4f}" for value in mrr),
        )
    Console().print(table, f"{len(trial.probes)} texts")


if __name__ == "__main__":
    main()
