"""Any number of models on the frozen links of one run, or on a frozen file of pairs."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Protocol

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from ticketkin.core.artifacts import atomic_path, write_json
from ticketkin.core.checks import Check
from ticketkin.core.errors import InputError, JobError, TicketkinError
from ticketkin.core.outputs import check_file_output
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.tables import FloatArray, IntArray, SplitName
from ticketkin.doctor.models import identical_models
from ticketkin.encoders.cache import EmbeddingCache, default_cache_folder
from ticketkin.encoders.dense import DenseRanker
from ticketkin.encoders.encoding import encode_texts
from ticketkin.encoders.fingerprint import says_it_is_untouched
from ticketkin.encoders.loading import LoadedEncoder
from ticketkin.encoders.presets import licence_of
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.encoders.variants import embedding_variants
from ticketkin.evaluation.diagnostics.openings import holdout_openings
from ticketkin.evaluation.leaderboard import ModelComparison, ModelCost, leaderboard, pair_leaderboard
from ticketkin.evaluation.metrics import METRICS
from ticketkin.evaluation.model_decisions import ModelDecisions, decide_at, decide_in_folds
from ticketkin.evaluation.pair_decisions import PairScores
from ticketkin.evaluation.retrieval import RetrievalScores, evaluate_retrieval
from ticketkin.evaluation.thresholds import choose_threshold
from ticketkin.pairs.interchange import read_text_pairs
from ticketkin.reports.leaderboard import leaderboard_html, leaderboard_table
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.artifacts import save_csv
from ticketkin.workflows.compared_encoders import load_model_or_adapter
from ticketkin.workflows.configuration import read_job
from ticketkin.workflows.job import check_inputs_of
from ticketkin.workflows.judging import score_pairs
from ticketkin.workflows.openings import note_comparison
from ticketkin.workflows.pair_files import pairs_of_run
from ticketkin.workflows.run_data import RunData
from ticketkin.workflows.settings import Settings

_N_TIMED = 64
_LEADERBOARD = ("leaderboard.json", "leaderboard.csv", "leaderboard.html")


class _Ground(Protocol):
    """What models are compared on: the same texts and questions for all."""

    texts: list[str]
    encoder: EncoderSettings

    def score(self, name: str, embeddings: FloatArray) -> None:
        """Judge a model by its embeddings of the texts."""

    def comparison(
        self, costs: Mapping[str, ModelCost], skipped: dict[str, str], baseline: str, checks: list[Check]
    ) -> ModelComparison:
        """Return the leaderboard of all that were scored, with checks of it."""

    def openings(self, models: Sequence[str], progress: Progress) -> list[Check]:
        """Note that these models were looked at, where the links are a holdout; return its check."""


class _RunGround:
    """The links and fixed pairs of one split of a run."""

    def __init__(self, folder: Path, split: SplitName) -> None:
        job = read_job(folder)
        check_inputs_of("pairs", folder, job, artifact.PAIRS)
        self._data = RunData.of(folder, job)
        self._folder, self._split = folder, split
        self._queries = self._data.queries(split)
        if not len(self._queries):
            raise InputError(f"The {split} split of {folder} holds no ticket with kin that it may see")
        self.texts, self.encoder = self._data.texts, self._data.job.settings.encoder
        self._retrieval: dict[str, RetrievalScores] = {}
        self._pairs: dict[str, PairScores] = {}
        self._decisions: dict[str, ModelDecisions] = {}

    def score(self, name: str, embeddings: FloatArray) -> None:
        """Rank all tickets for each query, and score the pairs."""
        ranker = DenseRanker(name, embeddings)
        groups, visibility = self._data.groups.group, self._data.visibility
        self._retrieval[name] = evaluate_retrieval(ranker, self._queries, groups, visibility)
        self._pairs[name] = score_pairs(self._data, ranker, self._data.pairs_of(self._split))
        settings = self._data.job.settings
        asked = score_pairs(self._data, ranker, self._data.pairs_of(SplitName.EVALUATION))
        choice = choose_threshold(asked.similarities, asked.labels, settings.evaluation)
        self._decisions[name] = decide_at(
            self._pairs[name], choice.threshold, settings.evaluation.n_bootstrap, settings.seed
        )

    def comparison(
        self, costs: Mapping[str, ModelCost], skipped: dict[str, str], baseline: str, checks: list[Check]
    ) -> ModelComparison:
        """Return the leaderboard by the primary metric of retrieval."""
        settings = self._data.job.settings
        pairs = pairs_of_run(self._folder, self._split)
        return ModelComparison(
            rows=leaderboard(
                self._retrieval, self._pairs, costs, baseline, settings.evaluation.n_bootstrap, settings.seed
            ),
            skipped=skipped,
            baseline=baseline,
            judged_on=f"the {self._split} links",
            primary=METRICS.primary.name,
            n_queries=len(self._queries),
            n_pairs=len(pairs),
            n_clusters=len(np.unique(self._data.groups.group[self._queries])),
            labels_from=self._data.links.labels_from,
            test_pairs_sha256=pairs.digest(),
            decisions=self._decisions,
            threshold_from="the evaluation pairs",
            checks=checks,
        )

    def openings(self, models: Sequence[str], progress: Progress) -> list[Check]:
        """Note a look at the holdout; links to choose by may be looked at."""
        looks = note_comparison(self._folder, self._data, self._split, models, progress)
        return [] if looks is None else [holdout_openings(looks)]


class _PairGround:
    """Pairs of texts from a file; texts that pairs of kin connect are one cluster of the bootstrap."""

    def __init__(self, path: Path, encoder: EncoderSettings) -> None:
        self._path, self.encoder = path, encoder
        self._pairs = read_text_pairs(path)
        if len(np.unique(self._pairs.labels)) < 2:
            raise InputError(f"{path} holds pairs of one label only; both kin (1) and not kin (0) are needed")
        self.texts = sorted({*self._pairs.left, *self._pairs.right})
        row = {text: place for place, text in enumerate(self.texts)}
        self._left, self._right = (
            np.array([row[text] for text in side], dtype=np.int64)
            for side in (self._pairs.left, self._pairs.right)
        )
        self._clusters = self._connected()
        self._scores: dict[str, PairScores] = {}
        self._decisions: dict[str, ModelDecisions] = {}

    def _connected(self) -> IntArray:
        """Return the cluster of each pair's left text."""
        kin = self._pairs.labels == 1
        n = len(self.texts)
        edges = coo_matrix((np.ones(kin.sum()), (self._left[kin], self._right[kin])), shape=(n, n))
        _, group = connected_components(edges, directed=False)
        return np.asarray(group[self._left], dtype=np.int64)

    def score(self, name: str, embeddings: FloatArray) -> None:
        """Score the pairs by cosine."""
        cosines = np.einsum("ij,ij->i", embeddings[self._left], embeddings[self._right])
        self._scores[name] = PairScores(cosines, self._pairs.labels, self._clusters)
        settings = Settings()
        self._decisions[name] = decide_in_folds(self._scores[name], settings.evaluation, settings.seed)

    def comparison(
        self, costs: Mapping[str, ModelCost], skipped: dict[str, str], baseline: str, checks: list[Check]
    ) -> ModelComparison:
        """Return the leaderboard by the primary metric of pairs."""
        settings = Settings()
        return ModelComparison(
            rows=pair_leaderboard(
                self._scores, costs, baseline, settings.evaluation.n_bootstrap, settings.seed
            ),
            skipped=skipped,
            baseline=baseline,
            judged_on=f"the pairs of {self._path.name}",
            primary=METRICS.primary_of_pairs.name,
            n_queries=0,
            n_pairs=len(self._pairs),
            n_clusters=len(np.unique(self._clusters)),
            labels_from="file",
            test_pairs_sha256=self._pairs.digest(),
            decisions=self._decisions,
            threshold_from=f"the pairs of the other {Settings().evaluation.folds - 1} of "
            f"{Settings().evaluation.folds} folds",
            checks=checks,
        )

    def openings(self, models: Sequence[str], progress: Progress) -> list[Check]:
        """Return nothing: whether a file of pairs is there to choose by, it does not say."""
        return []


def compare_models(
    models: Sequence[str],
    on: Path,
    baseline: str,
    split: SplitName = SplitName.EVALUATION,
    dimensions: Sequence[int] = (),
    encoder: EncoderSettings | None = None,
    progress: Progress = SILENT,
) -> ModelComparison:
    """Evaluate models on the links of one split of a run folder, or on a JSON file of labelled pairs.

    A model is a hub name, a model folder or an adapter folder; `baseline` is one of them. A run composes
    texts by its template and brings its encoder settings; `encoder` gives those for a file. For each of
    `dimensions` below a model's own, its embeddings cut to so many are a row too, and one with int8 values.
    What can't be loaded is skipped with its reason; raises JobError if the baseline is.
    """
    ground: _Ground = _RunGround(on, split) if on.is_dir() else _PairGround(on, encoder or EncoderSettings())
    costs: dict[str, ModelCost] = {}
    skipped: dict[str, str] = {}
    samples: dict[str, FloatArray] = {}
    named = {}
    for model in dict.fromkeys([baseline, *models]):
        progress.say(f"encoding with {model}")
        try:
            loaded = load_model_or_adapter(model, ground.encoder)
            embeddings, cost = _encoded(loaded, ground, progress)
            is_tuned = not says_it_is_untouched(Path(model).expanduser())
        except TicketkinError as error:
            skipped[model] = str(error)
            progress.say(f"  skipped: {error}")
            continue
        # Offline another model stands in for the default: rows tell which one answered.
        named[model] = loaded.name if loaded.packaged else model
        if is_tuned:
            samples[named[model]] = embeddings[_spread(len(embeddings))]
        for name, variant, bytes_a_value in embedding_variants(named[model], embeddings, dimensions):
            ground.score(name, variant)
            size = variant.shape[1]
            costs[name] = replace(cost, dimension=size, bytes_a_ticket=size * bytes_a_value)
    if baseline in skipped:
        raise JobError(f"The baseline {baseline} can't be compared with: {skipped[baseline]}")
    checks = [identical_models(samples), *ground.openings(list(costs), progress)]
    return ground.comparison(costs, skipped, named[baseline], checks)


def check_leaderboard(folder: Path, sources: Sequence[Path] = (), *, force: bool = False) -> None:
    """Raise OutputRefusedError where `write_leaderboard` may not write; `sources` are what is compared."""
    for name in _LEADERBOARD:
        check_file_output(folder / name, sources, force=force)


def write_leaderboard(comparison: ModelComparison, folder: Path, *, force: bool = False) -> None:
    """Write leaderboard.json, leaderboard.csv and leaderboard.html into `folder`.

    Raises OutputRefusedError where one of them exists and `force` is not given.
    """
    check_leaderboard(folder, force=force)
    as_json, as_csv, as_html = (folder / name for name in _LEADERBOARD)
    write_json(as_json, comparison.to_json())
    save_csv(as_csv, leaderboard_table(comparison))
    with atomic_path(as_html) as temporary:
        temporary.write_text(leaderboard_html(comparison), "utf-8")


def _spread(n: int) -> slice:
    """Return some of `n` texts, spread over all."""
    step = max(1, n // _N_TIMED)
    return slice(0, step * _N_TIMED, step)


def _encoded(encoder: LoadedEncoder, ground: _Ground, progress: Progress) -> tuple[FloatArray, ModelCost]:
    """Return all tickets' embeddings, and the speed on some tickets without the cache."""
    settings, texts = ground.encoder, ground.texts
    timed = texts[_spread(len(texts))]
    started = perf_counter()
    encode_texts(encoder, timed, None, settings)
    rate = len(timed) / (perf_counter() - started)
    size = sum(weight.numel() * weight.element_size() for weight in encoder.model.parameters())
    embeddings = encode_texts(
        encoder, texts, EmbeddingCache(default_cache_folder(), progress), settings, progress
    )
    width = embeddings.shape[1]
    licence = licence_of(Path(encoder.source), encoder.name)
    return embeddings, ModelCost(round(rate, 1), round(size / 2**20, 1), width, 4 * width, licence)
