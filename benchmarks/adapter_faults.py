"""Faults of adapters: at the wrong level, on another base, without a head, spoilt after they were saved."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from fault_bench import Bench, Fault
from spoiling import (
    ADAPTER_WEIGHTS,
    MODEL_WEIGHTS,
    Spoil,
    random_like,
    renamed,
    rewritten,
    setting,
    train_at_random,
    weights,
)
from ticketkin.core.checks import Check
from ticketkin.doctor.adapters import Subject, examine_adapter
from ticketkin.doctor.runs import identical_metrics
from ticketkin.encoders.loading import load_float32


def _adapter_at_the_wrong_level(bench: Bench) -> tuple[str, Sequence[Check]]:
    from peft import LoraConfig, PeftModel, get_peft_model

    folder = bench.place("wrong_level")
    wrapped: Any = get_peft_model(bench.base(), LoraConfig(r=4, target_modules=["query", "value"]))
    train_at_random(wrapped)
    wrapped.save_pretrained(str(folder))
    loaded: Any = PeftModel.from_pretrained(bench.base()[0].auto_model, str(folder))
    model = bench.base()
    model[0].model = loaded
    printed = f"base AUC {bench.area(bench.base()):.4f}, tuned AUC {bench.area(model):.4f}"
    return printed, examine_adapter(Subject(folder, bench.encoder.source))


def _adapter_against_its_own_object(bench: Bench) -> tuple[str, Sequence[Check]]:
    base = bench.base()
    tuned = base  # what peft hands back shares the modules of what it was given
    tuned.load_adapter(str(bench.trained.adapter_folder))
    areas = bench.area(base), bench.area(tuned)
    measured = {name: {"roc_auc": areas[0]} for name in ("base", "tuned")}
    return f"base AUC {areas[0]:.4f}, tuned AUC {areas[1]:.4f}", [identical_metrics(measured)]


def _head_not_saved(bench: Bench) -> tuple[str, Sequence[Check]]:
    from peft import LoraConfig, TaskType
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    source, folder = bench.encoder.source, bench.place("cross_encoder")
    classifier: Any = AutoModelForSequenceClassification.from_pretrained(source, num_labels=1)
    classifier.add_adapter(LoraConfig(task_type=TaskType.SEQ_CLS, r=4, target_modules=["query", "value"]))
    train_at_random(classifier)
    classifier.save_pretrained(str(folder))
    again: Any = AutoModelForSequenceClassification.from_pretrained(source, num_labels=1)
    again.load_adapter(str(folder))
    inputs = AutoTokenizer.from_pretrained(source)(*bench.texts[:2], return_tensors="pt", truncation=True)
    score = float(again(**inputs).logits.sigmoid()[0, 0].detach())
    return f"score {score:.4f}", examine_adapter(Subject(folder))


def _spoilt(name: str, spoil: Spoil) -> Callable[[Bench], tuple[str, Sequence[Check]]]:
    def run(bench: Bench) -> tuple[str, Sequence[Check]]:
        folder = bench.adapter(name)
        spoil(folder)
        model = bench.base()
        model.load_adapter(str(folder))
        return f"tuned AUC {bench.area(model):.4f}", examine_adapter(Subject(folder, bench.encoder.source))

    return run


def _on(base: Path, bench: Bench) -> tuple[str, Sequence[Check]]:
    """Load the healthy adapter on a base that is not its own."""
    model = load_float32(str(base), "cpu")
    model.max_seq_length = 64
    model.load_adapter(str(bench.trained_adapter))
    checks = examine_adapter(Subject(bench.trained_adapter, str(base)))
    return f"tuned AUC {bench.area(model):.4f}", checks


def _on_another_base(bench: Bench) -> tuple[str, Sequence[Check]]:
    other = bench.place("other")
    bench.base().save_pretrained(str(other), create_model_card=False)
    weights(MODEL_WEIGHTS, "query.weight", lambda w: w + 0.02 * random_like(w))(other)
    return _on(other, bench)


def _on_its_merged_model(bench: Bench) -> tuple[str, Sequence[Check]]:
    return _on(bench.trained.folder, bench)


_LAYERS_SWAPPED = renamed({".layer.0.": ".layer.1.", ".layer.1.": ".layer.0."})
ADAPTER_FAULTS = (
    Fault("adapter loaded at the wrong level", _adapter_at_the_wrong_level, "adapter_level"),
    Fault("adapter compared with its own object", _adapter_against_its_own_object, "identical_metrics"),
    Fault("cross-encoder head not saved", _head_not_saved, "adapter_head"),
    Fault("every B zero", _spoilt("zero", weights(ADAPTER_WEIGHTS, "lora_B", lambda w: w * 0)),
          "adapter_zero"),
    Fault("signs of an adapter flipped", _spoilt("flipped", weights(ADAPTER_WEIGHTS, "lora_B", lambda w: -w)),
          "fingerprint_weights", "signs flipped"),
    Fault("layers of an adapter swapped", _spoilt("swapped", rewritten(
        ADAPTER_WEIGHTS, lambda t: {_LAYERS_SWAPPED(name): w for name, w in t.items()}
    )), "fingerprint_weights", "holds what another layer held"),
    Fault("another alpha", _spoilt("alpha", setting("adapter_config.json", lora_alpha=4)),
          "fingerprint_settings", "lora_alpha is 4"),
    Fault("adapter on another base of the same shape", _on_another_base, "adapter_base", "not the one"),
    Fault("adapter on its own merged model", _on_its_merged_model, "adapter_base", "counts twice"),
)  # fmt: skip
