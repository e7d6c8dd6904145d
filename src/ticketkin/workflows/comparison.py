"""Any number of models on the frozen links of one run, or on a frozen file of pairs."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from time import perf_counter
from typing import Any

from ticketkin.core.artifacts import atomic_path, hash_path, write_json
from ticketkin.core.errors import InputError, JobError, TicketkinError
from ticketkin.core.outputs import check_file_output
from ticketkin.core.progress import SILENT, Progress
from ticketkin.core.tables import FloatArray, SplitName
from ticketkin.doctor.adapters import base_of_adapter
from ticketkin.doctor.models import identical_models
from ticketkin.encoders.adapter import load_with_adapter
from ticketkin.encoders.adapter_files import TENSORS
from ticketkin.encoders.cache import EmbeddingCache, default_cache_folder
from ticketkin.encoders.device import pick_device
from ticketkin.encoders.encoding import encode_texts
from ticketkin.encoders.fingerprint import says_it_is_untouched
from ticketkin.encoders.learned_tickets import LearnedTickets, read_learned
from ticketkin.encoders.loading import LoadedEncoder, load_encoder
from ticketkin.encoders.presets import licence_of
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.encoders.token_limit import limit_tokens
from ticketkin.encoders.variants import embedding_variants
from ticketkin.evaluation.leaderboard import ModelComparison, ModelCost
from ticketkin.reports.leaderboard import leaderboard_html, leaderboard_table
from ticketkin.workflows.artifacts import save_csv
from ticketkin.workflows.comparison_grounds import Ground, PairFile, PairGround, RunGround

_N_TIMED = 64
_LEADERBOARD = ("leaderboard.json", "leaderboard.csv", "leaderboard.html")


def compare_models(
    models: Sequence[str],
    on: Path | PairFile,
    baseline: str,
    split: SplitName = SplitName.EVALUATION,
    dimensions: Sequence[int] = (),
    progress: Progress = SILENT,
) -> ModelComparison:
    """Evaluate models on the links of one split of a run folder, or on a file of labelled pairs.

    A model is a hub name, a model folder or an adapter folder; `baseline` is one of them. A run composes
    texts by its template and brings its encoder settings. For each of `dimensions` below a model's own, its
    embeddings cut to so many are a row too, and one with int8 values. Questions that any of the models has
    learned from are left out for all of them. A model that can't be loaded is skipped with its reason; raises
    JobError if this is the baseline, and InputError where the models have learned from all questions.
    """
    ground: Ground = PairGround(on) if isinstance(on, PairFile) else RunGround(on, split)
    costs: dict[str, ModelCost] = {}
    skipped: dict[str, str] = {}
    samples: dict[str, FloatArray] = {}
    named = {}
    asked = list(dict.fromkeys([baseline, *models]))
    checks = ground.leave_out(_learned(asked, ground.encoder, skipped))
    for model in asked:
        if model in skipped:
            continue
        try:
            loaded = _loaded(model, ground.encoder)
            # Offline another model replaces the default one: screen and row name the model that was used.
            named[model] = loaded.name if loaded.packaged else model
            progress.say(f"encoding with {named[model]}")
            embeddings, cost = _encoded(loaded, ground, progress)
            is_tuned = not says_it_is_untouched(Path(model).expanduser())
        except TicketkinError as error:
            skipped[model] = str(error)
            progress.say(f"skipped {model}: {error}")
            continue
        if is_tuned:
            samples[named[model]] = embeddings[_spread(len(embeddings))]
        for name, variant, bytes_a_value in embedding_variants(named[model], embeddings, dimensions):
            ground.score(name, variant)
            size = variant.shape[1]
            costs[name] = replace(cost, dimension=size, bytes_a_ticket=size * bytes_a_value)
    if baseline in skipped:
        raise JobError(f"The baseline {baseline} can't be compared with: {skipped[baseline]}")
    checks = [identical_models(samples), *checks, *ground.openings(list(costs), progress)]
    return ground.comparison(costs, skipped, named[baseline], checks)


def _learned(
    models: Sequence[str], asked: EncoderSettings, skipped: dict[str, str]
) -> dict[str, LearnedTickets]:
    """Return what each tuned model has learned from, and add to `skipped` those whose record is damaged."""
    learned = {}
    for model in models:
        folder = Path(model).expanduser()
        base = base_of_adapter(folder, asked) if (folder / "adapter_config.json").exists() else None
        try:
            records = [read_learned(place) for place in (folder, *([] if base is None else [Path(base)]))]
        except TicketkinError as error:
            skipped[model] = str(error)
            continue
        known = [record for record in records if record is not None]
        if known:
            learned[model] = known[0]
    return learned


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


def _loaded(model: str, asked: EncoderSettings) -> LoadedEncoder:
    """Load a model; an adapter onto a fresh base, by the route whose effect is proven."""
    settings = asked.model_copy(update={"base_model": model})
    path = Path(model).expanduser()
    if not (path / "adapter_config.json").exists():
        return load_encoder(settings)
    base = base_of_adapter(path, asked)
    if base is None:
        raise InputError(f"the base model of the adapter {path} is not at hand")
    untouched = load_encoder(settings.model_copy(update={"base_model": base}))
    device = pick_device(settings)
    adapted = load_with_adapter(base, path, device)
    limit_tokens(adapted, untouched.max_length_tokens)
    return LoadedEncoder(
        model=adapted,
        name=model,
        source=base,
        fingerprint=f"{untouched.fingerprint}-{hash_path(path / TENSORS)}",
        max_length_tokens=untouched.max_length_tokens,
        device=device,
        packaged=False,
    )


def _spread(n: int) -> slice:
    """Return the places of some of `n` texts, evenly spread."""
    step = max(1, n // _N_TIMED)
    return slice(0, step * _N_TIMED, step)


def _encoded(encoder: LoadedEncoder, ground: Ground, progress: Progress) -> tuple[FloatArray, ModelCost]:
    """Return all tickets' embeddings, and the speed on some tickets without the cache."""
    settings, texts = ground.encoder, ground.texts
    timed = texts[_spread(len(texts))]
    encode_texts(encoder, timed[:2], None, settings)  # what is done once is not counted
    started = perf_counter()
    encode_texts(encoder, timed, None, settings)
    rate = len(timed) / (perf_counter() - started)
    size = sum(weight.numel() * weight.element_size() for weight in encoder.model.parameters())
    embeddings = encode_texts(
        encoder, texts, EmbeddingCache(default_cache_folder(), progress), settings, progress
    )
    width = embeddings.shape[1]
    licence = licence_of(Path(encoder.source), encoder.name)
    return embeddings, ModelCost(
        round(rate, 1), round(size / 2**20, 1), width, 4 * width, _architecture(encoder), licence
    )


def _architecture(encoder: LoadedEncoder) -> str:
    """Return what decides how much an encoder computes for a text, in words: adapters and weights do not."""
    transformer: Any = encoder.model.transformers_model
    if transformer is None:
        return "static embeddings"
    config = transformer.config.get_text_config()
    sizes = [f"{name} {getattr(config, name, '?')}" for name in ("num_hidden_layers", "hidden_size")]
    return f"{config.model_type}, {', '.join(sizes)}, max_length_tokens {encoder.max_length_tokens}"
