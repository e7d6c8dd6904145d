"""Silent failures: faults of the field, planted. What a plain script prints, and what Ticketkin says.

    python benchmarks/silent_failures.py
    python benchmarks/silent_failures.py --clean runs/eclipse   # false alarms on a finished run, too

Each fault is real: files are saved wrongly, trainings are run with the fault. The plain script uses
sentence-transformers, peft and scikit-learn as a notebook would, and prints its number without a word.
"""

import argparse
import os
import shutil
import sys
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from rich.console import Console
from rich.table import Table
from sklearn.metrics import f1_score, roc_auc_score

from data_faults import DATA_FAULTS, DataFault, Desk, checks_of
from ticketkin.core.artifacts import read_json
from ticketkin.core.checks import Check, Outcome
from ticketkin.core.tables import FloatArray, IntArray, Tickets
from ticketkin.doctor.adapters import Subject, examine_adapter
from ticketkin.doctor.models import examine_model
from ticketkin.doctor.runs import changed_artifacts, identical_metrics
from ticketkin.encoders.encoding import encode_texts
from ticketkin.encoders.loading import LoadedEncoder, load_encoder, load_float32
from ticketkin.encoders.serving import write_serving
from ticketkin.encoders.settings import EncoderSettings
from ticketkin.evaluation.diagnostics.labels import LabelledPairs, circular_labels, class_support
from ticketkin.evaluation.diagnostics.leakage import leakage_checks
from ticketkin.evaluation.diagnostics.redundancy import metric_redundancy
from ticketkin.evaluation.diagnostics.similarities import split_mismatch, trivial_threshold
from ticketkin.evaluation.pair_decisions import PairScores
from ticketkin.tickets.composing import compose_texts
from ticketkin.tickets.importing import import_tickets
from ticketkin.tickets.kin import kin_groups
from ticketkin.tickets.links import links_from_tickets
from ticketkin.tickets.sample import write_sample
from ticketkin.tickets.settings import TicketSettings
from ticketkin.training.head import train_head
from ticketkin.training.lora import train_lora
from ticketkin.training.positives import PositivePairs
from ticketkin.training.preparation import TunedEncoder
from ticketkin.training.record_checks import record_checks
from ticketkin.training.settings import HeadSettings, LoraSettings
from ticketkin.training.tuning_data import TuningData

N_TICKETS = 400
SEED = 5
CLEAN_SEEDS = (1, 2, 3, 4)


class Bench:
    """Tickets, pairs, the base model and one trained adapter; each made when first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def place(self, name: str) -> Path:
        """Return an unused path below the bench's folder."""
        return self.folder / name

    @cached_property
    def encoder(self) -> LoadedEncoder:
        """The packaged MiniLM."""
        return load_encoder(EncoderSettings(offline=True, device="cpu", max_length_tokens=64))

    @cached_property
    def tickets(self) -> Tickets:
        """Synthetic incidents."""
        path = self.place("sample.csv")
        write_sample(path, N_TICKETS, SEED)
        return import_tickets([path], TicketSettings()).tickets

    @cached_property
    def texts(self) -> list[str]:
        """Their texts."""
        return compose_texts(self.tickets, TicketSettings().template)

    @cached_property
    def groups(self) -> IntArray:
        """Kin group of every ticket."""
        return kin_groups(self.tickets, links_from_tickets(self.tickets).links).group

    @cached_property
    def embeddings(self) -> FloatArray:
        """Untouched embeddings."""
        return encode_texts(self.encoder, self.texts, None, EncoderSettings())

    @cached_property
    def pairs(self) -> tuple[IntArray, IntArray, IntArray]:
        """Left, right, label: 60 kin pairs and as many random strangers."""
        generator = np.random.default_rng(SEED)
        left, right = np.triu_indices(len(self.groups), 1)
        kin = self.groups[left] == self.groups[right]
        chosen = np.concatenate([generator.choice(np.flatnonzero(kin == side), 60) for side in (True, False)])
        return left[chosen], right[chosen], np.repeat([1, 0], 60)

    def area(self, model: Any) -> float:
        """Return the ROC-AUC of a model's cosines on the pairs, as a notebook computes it."""
        left, right, labels = self.pairs
        a, b = (
            model.encode([self.texts[row] for row in side], normalize_embeddings=True)
            for side in (left, right)
        )
        return float(roc_auc_score(labels, (a * b).sum(axis=1)))

    def base(self) -> Any:
        """Return a freshly loaded base."""
        model: Any = load_float32(self.encoder.source, "cpu")
        model.max_seq_length = 64
        return model

    @cached_property
    def tuning_data(self) -> TuningData:
        """Forty kin pairs in three phases, no mined negatives."""
        left, right, labels = self.pairs
        kin = labels == 1
        n = int(kin.sum())
        return TuningData(
            texts=self.texts, left=left[kin], right=right[kin], phase=np.arange(n) % 3 + 1,
            group=self.groups[left[kin]], negatives=np.full((n, 1), -1), group_of_row=self.groups,
            labelled_left=left, labelled_right=right, labels=labels,
            labelled_phase=np.arange(len(labels)) % 3 + 1,
        )  # fmt: skip

    def train(self, name: str, settings: LoraSettings, data: TuningData | None = None) -> TunedEncoder:
        """Train an adapter."""
        return train_lora(self.encoder, data or self.tuning_data, settings, self.place(name), SEED)

    @cached_property
    def trained(self) -> TunedEncoder:
        """A healthy adapter."""
        return self.train("healthy", LORA)

    def adapter(self, name: str) -> Path:
        """Return a copy of the healthy adapter to spoil."""
        return Path(shutil.copytree(self.trained.adapter_folder, self.place(name)))


LORA = LoraSettings(epochs_per_phase=(1, 1, 1), batch_size=12, max_length_tokens=48, contrastive_weight=0.0)


@dataclass(frozen=True)
class Fault:
    """One fault: how it is planted, what the plain script prints, what Ticketkin says."""

    name: str
    run: Callable[[Bench], tuple[str, Sequence[Check]]]
    expected: str
    """Code of the check that must find it."""
    says: str = ""
    """What its evidence must say, where one check names several faults."""


def _adapter_at_the_wrong_level(bench: Bench) -> tuple[str, Sequence[Check]]:
    from peft import LoraConfig, PeftModel, get_peft_model

    folder = bench.place("wrong_level")
    wrapped: Any = get_peft_model(bench.base(), LoraConfig(r=4, target_modules=["query", "value"]))
    _with_values(wrapped)
    wrapped.save_pretrained(str(folder))
    loaded: Any = PeftModel.from_pretrained(bench.base()[0].auto_model, str(folder))
    model = bench.base()
    model[0].model = loaded
    printed = f"base AUC {bench.area(bench.base()):.4f}, tuned AUC {bench.area(model):.4f}"
    return printed, examine_adapter(Subject(folder, bench.encoder.source))


def _with_values(model: Any) -> None:
    """Give every lora_B values, as training would."""
    import torch

    torch.manual_seed(0)
    with torch.no_grad():
        for name, weight in model.named_parameters():
            if "lora_B" in name:
                weight.normal_(0, 0.05)


def _model_that_is_drawn_anew(bench: Bench) -> tuple[str, Sequence[Check]]:
    from peft import LoraConfig, get_peft_model

    folder = bench.place("wrapped")
    model = bench.base()
    config = LoraConfig(r=4, target_modules=["query", "value"])
    model[0].auto_model = get_peft_model(model[0].auto_model, config)
    _with_values(model)
    model.save_pretrained(str(folder), create_model_card=False)
    return f"AUC {bench.area(load_float32(str(folder), 'cpu')):.4f}", examine_model(folder)


def _adapter_against_its_own_object(bench: Bench) -> tuple[str, Sequence[Check]]:
    base = bench.base()
    tuned = base  # what peft hands back shares the modules of what it was given
    tuned.load_adapter(str(bench.trained.adapter_folder))
    areas = bench.area(base), bench.area(tuned)
    measured = {name: {"roc_auc": areas[0]} for name in ("base", "tuned")}
    return f"base AUC {areas[0]:.4f}, tuned AUC {areas[1]:.4f}", [identical_metrics(measured)]


def _zero_updates(bench: Bench) -> tuple[str, Sequence[Check]]:
    from safetensors.torch import load_file, save_file

    folder = bench.adapter("zero")
    path = folder / "adapter_model.safetensors"
    tensors = {n: t * 0 if "lora_B" in n else t for n, t in load_file(path).items()}
    save_file(tensors, path, metadata={"format": "pt"})
    model = bench.base()
    model.load_adapter(str(folder))
    return f"tuned AUC {bench.area(model):.4f}", examine_adapter(Subject(folder, bench.encoder.source))


def _positives_of(bench: Bench) -> PositivePairs:
    data = bench.tuning_data
    return PositivePairs(data.left, data.right, data.phase, data.group, data.negatives)


def _hard_coded_rate(bench: Bench) -> tuple[str, Sequence[Check]]:
    configured = HeadSettings(learning_rate=3e-4, epochs=3)
    ignored = configured.model_copy(update={"learning_rate": 2e-6})
    head = train_head(bench.embeddings, _positives_of(bench), ignored, SEED)
    record = head.record.model_copy(update={"settings": configured.model_dump()})
    return f"final loss {head.record.history.loss[-1]:.4f}", record_checks(record)


def _rate_too_low(bench: Bench) -> tuple[str, Sequence[Check]]:
    result = bench.train("slow", LORA.model_copy(update={"learning_rate": 5e-6}))
    model = load_float32(str(result.folder), "cpu")
    model.max_seq_length = 64
    printed = f"final loss {result.record.history.loss[-1]:.4f}, tuned AUC {bench.area(model):.4f}"
    return printed, examine_adapter(Subject(result.adapter_folder, bench.encoder.source))


def _phases_ignored(bench: Bench) -> tuple[str, Sequence[Check]]:
    data = replace(bench.tuning_data, phase=np.full(len(bench.tuning_data.left), 3))
    record = bench.train("phases", LORA, data).record
    return f"3 phases, final loss {record.history.loss[-1]:.4f}", record_checks(record)


def _negatives_into_mnrl(bench: Bench) -> tuple[str, Sequence[Check]]:
    from sentence_transformers.sentence_transformer.losses import MultipleNegativesRankingLoss

    left, right, labels = bench.pairs
    model = bench.base()
    loss = MultipleNegativesRankingLoss(model)
    sides = [model.preprocess([bench.texts[row] for row in side[-16:]]) for side in (left, right)]
    value = float(loss(sides, None).detach())
    seen = {"kin": int(labels.sum()), "not_kin": int((labels == 0).sum())}
    record = bench.trained.record.model_copy(update={"examples": {"ranking": seen}})
    return f"loss {value:.4f} (on pairs labelled not kin)", record_checks(record)


def _labelled(bench: Bench, labels: IntArray, splits: Sequence[str] | None = None) -> LabelledPairs:
    left, right, _ = bench.pairs
    cosines = (bench.embeddings[left] * bench.embeddings[right]).sum(axis=1)
    frame = pl.DataFrame({
        "label": labels, "split": splits or ["train"] * len(left), "origin": ["file"] * len(left),
        "lexical_similarity": np.random.default_rng(0).random(len(left)), "base_similarity": cosines,
    })  # fmt: skip
    return LabelledPairs(frame, left, right, bench.texts, bench.groups)


def _labels_by_the_baseline(bench: Bench) -> tuple[str, Sequence[Check]]:
    left, right, _ = bench.pairs
    cosines = (bench.embeddings[left] * bench.embeddings[right]).sum(axis=1)
    labels = (cosines > np.median(cosines)).astype(np.int64)
    area = roc_auc_score(labels, cosines)
    return f"baseline AUC {area:.4f}", [circular_labels(_labelled(bench, labels))]


def _leakage_of(bench: Bench, splits: dict[str, IntArray], texts: list[str] | None = None) -> list[Check]:
    return leakage_checks(bench.tickets, texts or bench.texts, "{title}", bench.groups, splits, 0.9)


def _tickets_in_both(bench: Bench) -> tuple[str, Sequence[Check]]:
    rows = np.random.default_rng(SEED).permutation(N_TICKETS)
    splits = {"train": rows[:300], "holdout": rows[250:]}
    return f"{len(splits['train'])} train, {len(splits['holdout'])} test", _leakage_of(bench, splits)


def _by_kin_group(bench: Bench) -> dict[str, IntArray]:
    half = bench.groups % 2 == 0
    return {"train": np.flatnonzero(half), "holdout": np.flatnonzero(~half)}


def _near_repeats_across(bench: Bench) -> tuple[str, Sequence[Check]]:
    splits = _by_kin_group(bench)
    texts = list(bench.texts)
    for one, other in zip(splits["train"][:20], splits["holdout"][:20], strict=True):
        texts[other] = f"{texts[one]} (call 4711)"
    printed = f"{len(splits['train'])} train, {len(splits['holdout'])} test, no id in both"
    return printed, _leakage_of(bench, splits, texts)


def _resolution_in_text(bench: Bench) -> tuple[str, Sequence[Check]]:
    notes = bench.tickets.frame["close_notes"].to_list()
    texts = [f"{text}\n{note}" for text, note in zip(bench.texts, notes, strict=True)]
    model = bench.base()
    left, right, labels = bench.pairs
    a, b = (model.encode([texts[row] for row in side], normalize_embeddings=True) for side in (left, right))
    area = roc_auc_score(labels, (a * b).sum(axis=1))
    return f"AUC {area:.4f}", _leakage_of(bench, _by_kin_group(bench), texts)


def _easy_training_hard_test(bench: Bench) -> tuple[str, Sequence[Check]]:
    left, right, labels = bench.pairs
    easy = (bench.embeddings[left] * bench.embeddings[right]).sum(axis=1)
    kin, rest = np.flatnonzero(labels == 1), np.flatnonzero(labels == 0)
    easy_pairs = np.r_[kin[np.argsort(-easy[kin])[:30]], rest[np.argsort(easy[rest])[:30]]]
    hard_pairs = np.setdiff1d(np.arange(len(labels)), easy_pairs)
    check = split_mismatch(
        {"train": easy[easy_pairs], "holdout": easy[hard_pairs]},
        {"train": labels[easy_pairs], "holdout": labels[hard_pairs]},
    )
    return f"training AUC {roc_auc_score(labels[easy_pairs], easy[easy_pairs]):.4f}", list(check)


def _f1_on_balanced_pairs(bench: Bench) -> tuple[str, Sequence[Check]]:
    left, right, labels = bench.pairs
    # Notebooks balance kin against lookalikes: the nearest strangers of each.
    hard = bench.embeddings[left] @ bench.embeddings.T
    hard[bench.groups[left][:, None] == bench.groups[None, :]] = -1
    cosines = np.r_[
        (bench.embeddings[left] * bench.embeddings[right]).sum(axis=1)[labels == 1], hard[labels == 1].max(1)
    ]
    truth = np.repeat([1, 0], 60)
    thresholds = np.unique(cosines)
    scores = [f1_score(truth, cosines >= t) for t in thresholds]
    best = float(thresholds[int(np.argmax(scores))])
    check = trivial_threshold("base", PairScores(cosines, truth, np.arange(120)), best)
    return f"F1 {max(scores):.4f}", [check]


def _class_absent(bench: Bench) -> tuple[str, Sequence[Check]]:
    _, _, labels = bench.pairs
    splits = np.array(["train", "evaluation", "holdout"])[np.arange(len(labels)) % 3]
    splits[(splits == "evaluation") & (labels == 1)] = "train"
    accuracy = float((labels[splits == "evaluation"] == 0).mean())
    check = class_support(_labelled(bench, labels, splits.tolist()))
    return f"validation accuracy {accuracy:.4f}", list(check)


def _head_not_saved(bench: Bench) -> tuple[str, Sequence[Check]]:
    from peft import LoraConfig, TaskType
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    source, folder = bench.encoder.source, bench.place("cross_encoder")
    classifier: Any = AutoModelForSequenceClassification.from_pretrained(source, num_labels=1)
    classifier.add_adapter(LoraConfig(task_type=TaskType.SEQ_CLS, r=4, target_modules=["query", "value"]))
    _with_values(classifier)
    classifier.save_pretrained(str(folder))
    again: Any = AutoModelForSequenceClassification.from_pretrained(source, num_labels=1)
    again.load_adapter(str(folder))
    inputs = AutoTokenizer.from_pretrained(source)(*bench.texts[:2], return_tensors="pt", truncation=True)
    score = float(again(**inputs).logits.sigmoid()[0, 0].detach())
    return f"score {score:.4f}", examine_adapter(Subject(folder))


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


def _stale_pairs(bench: Bench) -> tuple[str, Sequence[Check]]:
    from ticketkin.core.artifacts import hash_path, write_json

    folder = bench.place("run")
    (folder / "stages").mkdir(parents=True)
    _, _, labels = bench.pairs
    pl.DataFrame({"label": labels}).write_parquet(folder / "pairs.parquet")
    write_json(
        folder / "stages" / "pairs.json", {"outputs": {"pairs.parquet": hash_path(folder / "pairs.parquet")}}
    )
    pl.DataFrame({"label": 1 - labels}).write_parquet(folder / "pairs.parquet")
    return f"{len(pl.read_parquet(folder / 'pairs.parquet'))} pairs loaded", [changed_artifacts(folder)]


def _one_metric_twice(bench: Bench) -> tuple[str, Sequence[Check]]:
    left, right, labels = bench.pairs
    cosines = (bench.embeddings[left] * bench.embeddings[right]).sum(axis=1)
    areas = {
        "base": float(roc_auc_score(labels, cosines)),
        "head": float(roc_auc_score(labels, cosines**3 + cosines)),
    }
    areas["head"] -= 0.01
    values = {name: {"roc_auc": area, "separation": area} for name, area in areas.items()}
    return f"roc_auc {areas['base']:.4f}, separation {areas['base']:.4f}", [metric_redundancy(values)]


FAULTS = (
    Fault("adapter loaded at the wrong level", _adapter_at_the_wrong_level, "adapter_level"),
    Fault("adapter saved so that weights are drawn anew", _model_that_is_drawn_anew, "model_weights"),
    Fault("adapter compared with its own object", _adapter_against_its_own_object, "identical_metrics"),
    Fault("every B zero", _zero_updates, "adapter_zero"),
    Fault("learning rate hard-coded", _hard_coded_rate, "learning_rate"),
    Fault("learning rate too low to move anything", _rate_too_low, "adapter_change"),
    Fault("phases ignored, two are empty", _phases_ignored, "phases"),
    Fault("labelled negatives into MNRL", _negatives_into_mnrl, "labels"),
    Fault("labels by the baseline's own threshold", _labels_by_the_baseline, "circular_labels"),
    Fault("test tickets in training", _tickets_in_both, "leakage"),
    Fault("near-repeats across the border", _near_repeats_across, "leakage"),
    Fault("resolution notes in the text", _resolution_in_text, "resolution_in_text"),
    Fault("training pairs easy, test pairs hard", _easy_training_hard_test, "split_mismatch"),
    Fault("threshold by F1 on balanced pairs", _f1_on_balanced_pairs, "trivial_threshold"),
    Fault("a class absent from validation", _class_absent, "class_support"),
    Fault("cross-encoder head not saved", _head_not_saved, "adapter_head"),
    Fault("served with another token limit", _served_with_another_length, "model_serving"),
    Fault("half precision on a CPU", _half_precision, "model_precision"),
    Fault("stale pair file", _stale_pairs, "artifacts"),
    Fault("one metric under two names", _one_metric_twice, "metric_redundancy"),
)
_RAISED = (Outcome.FAILED, Outcome.WARNING)


def false_alarms(folder: Path) -> list[str]:
    """Return what was raised on a finished run: its diagnostics and the doctor's round."""
    from ticketkin.workflows.examination import examine

    raised = [
        f"{check['code']} ({check['outcome']}): {check['evidence']}"
        for check in read_json(folder / "report.json")["diagnostics"]
        if check["outcome"] in _RAISED
    ]
    for subject in examine(folder, EncoderSettings(offline=True)):
        raised += [f"{subject.name}: {c.code} ({c.outcome}): {c.evidence}" for c in subject.checks
                   if c.outcome in _RAISED]  # fmt: skip
    return raised


def _add_row(table: Table, fault: Fault | DataFault, printed: str, checks: Sequence[Check]) -> bool:
    """Add what was said of a planted fault, and return whether it was named and explained rightly."""
    raised = [check for check in checks if check.outcome in _RAISED]
    right = next((c for c in raised if c.code == fault.expected and fault.says in c.evidence), None)
    named = f"{right.code}: {right.evidence}" if right else ", ".join(c.code for c in raised) or "nothing"
    table.add_row(fault.name, printed, named, "yes" if right else "NO")
    return right is not None


def _area_of(desk: Desk) -> str:
    """Return what a notebook prints: ROC-AUC of the links against as many random pairs, by words."""
    draw = np.random.default_rng(SEED)
    strangers = draw.integers(0, len(desk.tickets), (2, len(desk.left)))
    similar = desk.rankers["lexical"].pair_similarities
    values = np.r_[similar(desk.left, desk.right), similar(*strangers)]
    area = roc_auc_score(np.repeat([1, 0], len(desk.left)), values)
    return f"{len(desk.left)} links, AUC {area:.3f}"


def main() -> None:
    """Print the table; exit 1 if a fault goes by unseen."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clean", type=Path, nargs="*", default=[], help="finished runs without faults")
    parser.add_argument("--only", help="run the faults whose name holds this text")
    arguments = parser.parse_args()
    os.environ.setdefault("HF_HUB_OFFLINE", "1")
    warnings.simplefilter("ignore")
    table = Table("fault", "a plain script prints", "named by", "right?", box=None)
    n_caught, n_false, wanted = 0, 0, arguments.only or ""
    chosen = [fault for fault in FAULTS if wanted in fault.name]
    data_faults = [fault for fault in DATA_FAULTS if wanted in fault.name]
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        desk = Desk.of_sample(Path(folder), SEED)
        for data_fault in data_faults:
            planted = data_fault.plant(desk)
            n_caught += _add_row(table, data_fault, _area_of(planted), checks_of(planted))
        for seed in CLEAN_SEEDS:
            raised = [check.code for check in checks_of(Desk.of_sample(Path(folder), seed))
                      if check.outcome in _RAISED]  # fmt: skip
            n_false += len(raised)
            table.add_row(f"nothing planted, seed {seed}", "", ", ".join(raised) or "nothing", "")
        for fault in chosen:
            printed, checks = fault.run(bench)
            n_caught += _add_row(table, fault, printed, checks)
    console = Console(width=200)
    console.print(table)
    n_planted = len(chosen) + len(data_faults)
    console.print(
        f"{n_caught} of {n_planted} faults named rightly; {n_false} false alarms on {len(CLEAN_SEEDS)} desks"
    )
    for folder_ in arguments.clean:
        raised = false_alarms(folder_)
        console.print(
            f"{folder_.name}, no fault planted: {len(raised)} raised", *raised, sep="\n  ", markup=False
        )
    sys.exit(n_caught < n_planted or n_false > 0)


if __name__ == "__main__":
    main()
