"""Faults of model folders: saved wrongly, or changed since in settings, vocabulary or weights."""

import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import torch

from fault_bench import SEED, TEMPLATE, Bench, Fault
from spoiling import (
    MODEL_WEIGHTS,
    Spoil,
    edited,
    random_like,
    renamed,
    rewritten,
    setting,
    train_at_random,
    weights,
)
from ticketkin.core.checks import Check
from ticketkin.doctor.cross_encoders import examine_cross_encoder
from ticketkin.doctor.models import examine_model
from ticketkin.encoders.cross_encoder import load_cross_encoder, save_cross_model
from ticketkin.encoders.loading import load_float32
from ticketkin.encoders.saving import save_encoder
from ticketkin.encoders.serving import write_serving
from ticketkin.relations.kinds import KINDS
from ticketkin.training.head import save_head_model, train_head
from ticketkin.training.settings import HeadSettings


def _model_that_is_drawn_anew(bench: Bench) -> tuple[str, Sequence[Check]]:
    from peft import LoraConfig, get_peft_model

    folder = bench.place("wrapped")
    model = bench.base()
    config = LoraConfig(r=4, target_modules=["query", "value"])
    model[0].auto_model = get_peft_model(model[0].auto_model, config)
    train_at_random(model)
    model.save_pretrained(str(folder), create_model_card=False)
    return f"AUC {bench.area(load_float32(str(folder), 'cpu')):.4f}", examine_model(folder)


def _served_with_another_length(bench: Bench) -> tuple[str, Sequence[Check]]:
    folder = bench.place("served")
    model = bench.base()
    model.save_pretrained(str(folder), create_model_card=False)
    write_serving(folder, model, "{title}\n{description}")
    model.max_seq_length = 16
    model.save_pretrained(str(folder), create_model_card=False)
    return f"AUC {bench.area(load_float32(str(folder), 'cpu')):.4f}", examine_model(folder)


def _half_precision(bench: Bench) -> tuple[str, Sequence[Check]]:
    folder = bench.place("half")
    model = bench.base()
    model.half()
    model.save_pretrained(str(folder), create_model_card=False)
    return "saved, half the size", examine_model(folder)


def _vocabulary_reversed(folder: Path) -> None:
    def reverse(content: Any) -> None:
        words = content["model"]["vocab"]
        ordinary = [word for word in words if not word.startswith("[")]
        words |= dict(zip(ordinary, [words[word] for word in reversed(ordinary)], strict=True))

    edited(folder / "tokenizer.json", reverse)


def _case_kept(folder: Path) -> None:
    edited(folder / "tokenizer.json", lambda content: content["normalizer"].update(lowercase=False))
    setting("tokenizer_config.json", do_lower_case=False)(folder)


def _last_layer_dropped(folder: Path) -> None:
    setting("config.json", num_hidden_layers=5)(folder)
    rewritten(MODEL_WEIGHTS, lambda t: {name: w for name, w in t.items() if "layer.5." not in name})(folder)


def _with_random_rows(words: torch.Tensor) -> torch.Tensor:
    changed = words.clone()
    changed[2_000:2_400] = random_like(words[2_000:2_400])
    return changed


def _spoilt(name: str, spoil: Spoil) -> Callable[[Bench], tuple[str, Sequence[Check]]]:
    def run(bench: Bench) -> tuple[str, Sequence[Check]]:
        folder = bench.place(name)
        save_encoder(bench.base(), folder, None, TEMPLATE)
        spoil(folder)
        return f"AUC {bench.area(load_float32(str(folder), 'cpu')):.4f}", examine_model(folder)

    return run


def _base_under_another_name(bench: Bench) -> tuple[str, Sequence[Check]]:
    folder, base = Path(shutil.copytree(bench.trained.folder, bench.place("tuned"))), bench.place("untouched")
    bench.base().save_pretrained(str(base), create_model_card=False)
    shutil.copyfile(base / MODEL_WEIGHTS, folder / MODEL_WEIGHTS)
    return f"tuned AUC {bench.area(load_float32(str(folder), 'cpu')):.4f}", examine_model(folder)


def _head_in_half_precision(bench: Bench) -> tuple[str, Sequence[Check]]:
    folder = bench.place("head")
    head = train_head(bench.embeddings, bench.positives, HeadSettings(epochs=3), SEED)
    save_head_model(bench.encoder, head, 1.0, folder, TEMPLATE)
    (dense,) = folder.glob("*_Dense")
    weights(MODEL_WEIGHTS, "weight", lambda w: w.half())(dense)
    return f"AUC {bench.area(load_float32(str(folder), 'cpu')):.4f}", examine_model(folder)


def _reader_with_a_random_head(bench: Bench) -> tuple[str, Sequence[Check]]:
    folder = bench.place("reader")
    save_cross_model(load_cross_encoder(Path(bench.encoder.source), "cpu", 1), folder)
    weights(MODEL_WEIGHTS, "classifier", random_like)(folder)
    score = float(load_cross_encoder(folder, "cpu").predict([bench.texts[:2]])[0])
    return f"score {score:.4f}", examine_cross_encoder(folder)


def _reader_of_swapped_kinds(bench: Bench) -> tuple[str, Sequence[Check]]:
    folder = bench.place("reader_of_kinds")
    model = load_cross_encoder(Path(bench.encoder.source), "cpu", len(KINDS))
    model.transformers_model.config.id2label = dict(enumerate(KINDS))
    save_cross_model(model, folder)
    names = {str(number): kind for number, kind in enumerate((KINDS[1], KINDS[0], *KINDS[2:]))}
    setting("config.json", id2label=names)(folder)
    best = int(load_cross_encoder(folder, "cpu").predict([bench.texts[:2]])[0].argmax())
    return f"most likely {names[str(best)]}", examine_cross_encoder(folder)


_LAST_IS_FIRST = renamed({"layer.5.": "layer.0."})
SAVED_MODEL_FAULTS = (
    Fault("adapter saved so that weights are drawn anew", _model_that_is_drawn_anew, "model_weights"),
    Fault("served with another token limit", _served_with_another_length, "model_serving"),
    Fault("half precision on a CPU", _half_precision, "model_precision"),
    Fault("pooling by the first token", _spoilt("pooling", setting(
        "1_Pooling/config.json", pooling_mode_mean_tokens=False, pooling_mode_cls_token=True,
        pooling_mode="cls",
    )), "fingerprint_settings", "pooling"),
    Fault("another activation", _spoilt("activation", setting("config.json", hidden_act="relu")),
          "fingerprint_settings", "hidden_act"),
    Fault("letters kept in upper case", _spoilt("case", _case_kept), "fingerprint_settings", "lowercase"),
    Fault("another template of texts", _spoilt("template", setting("ticketkin.json", template="{title}")),
          "fingerprint_settings", "template"),
    Fault("vocabulary in another order", _spoilt("vocabulary", _vocabulary_reversed),
          "fingerprint_tokenizer", "in another order"),
    Fault("a layer overwritten by another", _spoilt("overwritten", rewritten(
        MODEL_WEIGHTS, lambda t: {name: t[_LAST_IS_FIRST(name)].clone() for name in t}
    )), "fingerprint_weights", "holds what another layer held"),
    Fault("the last layer dropped", _spoilt("dropped", _last_layer_dropped),
          "fingerprint_weights", "weights missing"),
    Fault("garbage in rows of the vocabulary", _spoilt("garbage", weights(
        MODEL_WEIGHTS, "word_embeddings", _with_random_rows
    )), "fingerprint_weights", "rows overwritten"),
    Fault("the head in half precision", _head_in_half_precision, "fingerprint_weights", "saved as float16"),
    Fault("the base saved in place of the tuned model", _base_under_another_name,
          "fingerprint_embeddings", "untouched base"),
    Fault("last layer of a cross-encoder at random", _reader_with_a_random_head, "fingerprint_weights",
          "other values: classifier"),
    Fault("kinds of a cross-encoder swapped", _reader_of_swapped_kinds, "fingerprint_settings", "id2label.0"),
)  # fmt: skip
