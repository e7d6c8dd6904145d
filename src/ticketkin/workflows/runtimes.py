"""The runtime of a run's encoders: calibrated on training tickets, judged on evaluation links."""

from collections.abc import Callable

import numpy as np

from ticketkin.core.progress import Progress
from ticketkin.core.tables import FloatArray, IntArray, SplitName, Visibility
from ticketkin.encoders.dense import DenseRanker
from ticketkin.encoders.encoding import TextModel
from ticketkin.encoders.loading import LoadedEncoder
from ticketkin.encoders.runtime.choosing import RuntimeChoice, Trial, choose_runtime
from ticketkin.encoders.settings import EncoderSettings, Runtime
from ticketkin.evaluation.retrieval import evaluate_retrieval, queries_with_kin
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.run_data import RunData

_N_CALIBRATION = 300
_MOST_PROBES = 2_000


def encoder_of_run(
    encoder: LoadedEncoder, data: RunData, settings: EncoderSettings, progress: Progress
) -> tuple[TextModel, RuntimeChoice]:
    """Return what embeds the run's texts in place of `encoder`, and why; as `choose_runtime`."""
    if settings.runtime == "torch":  # needs neither splits nor links
        return choose_runtime(encoder, settings, Trial((), ()), progress=progress)
    return choose_runtime(encoder, settings, runtime_trial(data), progress=progress)


def judged_by(data: RunData, encoder: str) -> Runtime:
    """Return the runtime of an encoder when it was judged: of base, or of the candidate that tuned it."""
    if encoder == "base":
        return data.values.read(artifact.BASE_ENCODER).runtime.runtime
    record = data.training_record(encoder)
    return "torch" if record is None or record.runtime is None else record.runtime.runtime


def runtime_trial(data: RunData) -> Trial:
    """Return training texts to calibrate with, and evaluation texts with their links to be judged on.

    Evaluation tickets with kin come first where there are more than are probed.
    """
    train = data.splits.rows(data.tickets, SplitName.TRAIN)
    calibration = train[:: max(1, len(train) // _N_CALIBRATION)][:_N_CALIBRATION]
    evaluation = data.splits.rows(data.tickets, SplitName.EVALUATION)
    with_kin_first = evaluation[np.argsort(~data.groups.has_kin[evaluation], kind="stable")]
    probes = np.sort(with_kin_first[:_MOST_PROBES])
    return Trial(
        [data.texts[row] for row in calibration],
        [data.texts[row] for row in probes],
        _mrr_among(data, probes),
    )


def _mrr_among(data: RunData, rows: IntArray) -> Callable[[FloatArray], float] | None:
    """Return the MRR of these tickets' kin links, ranked among these tickets; None without links."""
    order = data.visibility.order
    visibility = Visibility(len(rows), None if order is None else order[rows])
    groups = data.groups.group[rows]
    queries = queries_with_kin(np.arange(len(rows)), groups, visibility)

    def mrr(embeddings: FloatArray) -> float:
        scores = evaluate_retrieval(DenseRanker("runtime", embeddings), queries, groups, visibility)
        return float(scores.per_query("mrr").mean())

    return mrr if len(queries) else None
