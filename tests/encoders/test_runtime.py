"""Encoders exported to other runtimes: as torch embeds, without torch, made once, refused when damaged."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from architecture_material import saved_model
from hypothesis import given, settings
from hypothesis import strategies as st

from ticketkin.core.artifacts import hash_path, read_json, write_json
from ticketkin.core.errors import (
    MissingExtraError,
    MissingInputError,
    NotEnoughDataError,
    UnreadableFileError,
    UnsafeArtifactError,
)
from ticketkin.core.progress import SilentProgress
from ticketkin.core.tables import FloatArray
from ticketkin.encoders.encoding import encode_texts
from ticketkin.encoders.loading import LoadedEncoder, load_folder
from ticketkin.encoders.runtime import choosing, exporting, load_runtime, record
from ticketkin.encoders.runtime.choosing import Trial, choose_runtime
from ticketkin.encoders.runtime.exporting import NotExportableError, ensure_export, tokenisation_of
from ticketkin.encoders.runtime.fidelity import LIMITS, Fidelity, FidelityLimits, measure_fidelity
from ticketkin.encoders.runtime.serving import ExportedModel, export_folder
from ticketkin.encoders.runtime.tokens import TextTokenizer
from ticketkin.encoders.settings import EncoderSettings, Runtime
from tiny_model import WORDS, build_tiny_encoder

CPU = EncoderSettings(device="cpu", batch_size=4)
CALIBRATION = [f"{a} {b} {c}" for a, b, c in zip(WORDS, WORDS[7:], WORDS[3:], strict=False)]
TEXTS = ["printer error", "", "the mail server is down " * 20, "login", "vpn slow", "disk full"]
PACKAGES = {"openvino": "openvino", "openvino-int8": "nncf", "onnx-int8": "onnx"}
EXPORTED = [
    pytest.param(
        name,
        marks=pytest.mark.skipif(find_spec(package) is None, reason=f"{package} is not installed"),
    )
    for name, package in PACKAGES.items()
]
needs_openvino = pytest.mark.skipif(find_spec("openvino") is None, reason="openvino is not installed")
needs_onnx = pytest.mark.skipif(find_spec("onnx") is None, reason="onnx is not installed")


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TICKETKIN_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def encoder(tmp_path_factory: pytest.TempPathFactory) -> LoadedEncoder:
    return load_folder(build_tiny_encoder(tmp_path_factory.mktemp("source") / "tiny"), CPU)


@pytest.fixture(scope="module")
def export(encoder: LoadedEncoder) -> Callable[[Runtime], Path]:
    """Return where an export lies, made at first use beside its source."""

    def made(runtime: Runtime) -> Path:
        folder = export_folder(Path(encoder.source), runtime)
        ensure_export(encoder, runtime, CALIBRATION, folder)
        return folder

    return made


@pytest.mark.parametrize("runtime", EXPORTED)
def test_an_export_embeds_as_torch_does(
    encoder: LoadedEncoder, export: Callable[[Runtime], Path], runtime: Runtime
) -> None:
    embeddings = encode_texts(ExportedModel(export(runtime)), TEXTS, None, CPU)
    expected = encode_texts(encoder, TEXTS, None, CPU)
    assert embeddings.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(embeddings, axis=1), 1, atol=1e-5)
    cosines = np.einsum("ij,ij->i", embeddings, expected)
    assert cosines.mean() > LIMITS[runtime].cosine
    assert cosines.min() > (0.97 if runtime.endswith("int8") else 1 - 1e-5)


@pytest.mark.parametrize("runtime", EXPORTED)
def test_an_embedding_does_not_depend_on_its_neighbours(
    export: Callable[[Runtime], Path], runtime: Runtime
) -> None:
    model = ExportedModel(export(runtime))
    together = encode_texts(model, TEXTS, None, CPU)
    alone = np.concatenate([encode_texts(model, [text], None, CPU) for text in TEXTS])
    np.testing.assert_allclose(together, alone, atol=1e-6)


@pytest.mark.parametrize("runtime", EXPORTED)
def test_a_process_that_encodes_imports_no_torch(
    encoder: LoadedEncoder, export: Callable[[Runtime], Path], runtime: Runtime
) -> None:
    export(runtime)
    script = (
        "import sys, numpy\n"
        "from pathlib import Path\n"
        "from ticketkin.encoders.runtime import load_runtime\n"
        f"encoder = load_runtime(Path({encoder.source!r}), {runtime!r})\n"
        f"embeddings = encoder.encode({TEXTS!r})\n"
        "assert embeddings.shape == (6, 32) and encoder.n_forward_passes == 6\n"
        "heavy = {'torch', 'transformers', 'sentence_transformers'} & set(sys.modules)\n"
        "assert not heavy, heavy\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_torch_is_a_runtime_like_the_others(encoder: LoadedEncoder) -> None:
    loaded = load_runtime(Path(encoder.source), "torch", CPU)
    assert (loaded.runtime, loaded.fingerprint, loaded.dimension) == ("torch", encoder.fingerprint, 32)
    np.testing.assert_array_equal(loaded.encode(TEXTS), encode_texts(encoder, TEXTS, None, CPU))
    loaded.encode(["login", "login"])
    assert loaded.n_forward_passes == len(TEXTS) + 1


TOKENS = st.text(max_size=60) | st.sampled_from(
    [
        "Ошибка принтера",
        "プリンターが動かない",
        "الطابعة لا تعمل",
        "打印机" * 50,
        "a" * 5_000,
        "word " * 20_000,
        "\x00\x07 \u200b",
        "İSTANBUL é",
    ]
)


@settings(max_examples=60)
@given(st.lists(TOKENS | st.lists(st.sampled_from(WORDS)).map(" ".join), min_size=1, max_size=5))
def test_tokens_are_those_of_the_torch_path(encoder: LoadedEncoder, texts: list[str]) -> None:
    _same_tokens(encoder, texts)


@pytest.mark.parametrize(
    ("name", "architecture"), [("e5-base-v2", "bert"), ("all-mpnet-base-v2", "mpnet"), ("gemma", "gemma3")]
)
def test_tokens_are_those_of_the_torch_path_with_prompts_and_other_sides(
    tmp_path: Path, name: str, architecture: str
) -> None:
    encoder = load_folder(saved_model(tmp_path / name, architecture, "mean"), CPU)
    encoder = replace(encoder, max_length_tokens=7)
    encoder.model.max_seq_length = 7
    for side in ("left", "right"):
        encoder.model.tokenizer.padding_side = encoder.model.tokenizer.truncation_side = side
        _same_tokens(encoder, TEXTS)


def _same_tokens(encoder: LoadedEncoder, texts: list[str]) -> None:
    model = encoder.model
    tokenisation = tokenisation_of(model, encoder.max_length_tokens)
    tokenizer = TextTokenizer(model.tokenizer.backend_tokenizer.to_str().encode(), tokenisation)
    for text, row in zip(texts, tokenizer.tokens(texts), strict=True):
        expected = model.preprocess([text], prompt=tokenisation.prompt or None)
        for name, values in tokenizer.inputs(row).items():
            assert values.tolist() == expected[name].tolist(), (name, text)


@needs_openvino
@pytest.mark.parametrize(
    ("architecture", "pooling"),
    [
        ("bert", "cls"),
        ("mpnet", "mean"),
        ("modernbert", "cls"),
        ("qwen3", "lasttoken"),
    ],
)
def test_other_architectures_and_poolings_export(tmp_path: Path, architecture: str, pooling: str) -> None:
    encoder = load_folder(saved_model(tmp_path / architecture, architecture, pooling), CPU)
    ensure_export(encoder, "openvino", [], tmp_path / "export")
    embeddings = encode_texts(ExportedModel(tmp_path / "export"), TEXTS, None, CPU)
    np.testing.assert_allclose(embeddings, encode_texts(encoder, TEXTS, None, CPU), atol=1e-4)


@needs_openvino
def test_a_head_is_exported_with_its_encoder(encoder: LoadedEncoder, tmp_path: Path) -> None:
    import torch
    from sentence_transformers import SentenceTransformer
    from sentence_transformers.sentence_transformer.modules import Dense, Normalize

    torch.manual_seed(1)
    head = Dense(32, 16, activation_function=torch.nn.Identity())
    folder = tmp_path / "headed"
    SentenceTransformer(modules=[*encoder.model, head, Normalize()], device="cpu").save_pretrained(
        str(folder), create_model_card=False
    )
    headed = load_folder(folder, CPU)
    ensure_export(headed, "openvino", [], export_folder(folder, "openvino"))
    loaded = load_runtime(folder, "openvino", CPU)
    assert loaded.dimension == 16
    np.testing.assert_allclose(loaded.encode(TEXTS), encode_texts(headed, TEXTS, None, CPU), atol=1e-5)


def test_a_module_that_prepares_texts_itself_is_not_exported(
    encoder: LoadedEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from sentence_transformers.sentence_transformer.modules import LSTM

    monkeypatch.setattr(exporting, "require", lambda runtime, packages: None)
    encoder.model.append(LSTM(32, 8))
    try:
        with pytest.raises(NotExportableError, match=r"LSTM.*Use encoder.runtime=torch"):
            ensure_export(encoder, "openvino", [], tmp_path / "export")
    finally:
        del encoder.model[-1]
    assert not (tmp_path / "export").exists()


@pytest.mark.parametrize("runtime", EXPORTED)
def test_an_export_is_made_once(
    encoder: LoadedEncoder, export: Callable[[Runtime], Path], runtime: Runtime
) -> None:
    folder = export(runtime)
    before = {path: path.stat().st_mtime_ns for path in folder.iterdir()}
    ensure_export(encoder, runtime, CALIBRATION, folder)
    assert {path: path.stat().st_mtime_ns for path in folder.iterdir()} == before


@needs_openvino
@pytest.mark.parametrize("change", ["another model", "another openvino", "a byte", "a file less"])
def test_an_export_that_is_stale_or_damaged_is_made_again(
    encoder: LoadedEncoder,
    export: Callable[[Runtime], Path],
    tmp_path: Path,
    change: str,
) -> None:
    folder = Path(shutil.copytree(export("openvino"), tmp_path / "export"))
    if change in {"another model", "another openvino"}:
        values = read_json(folder / record.RECORD)
        old = {"source": "0" * 64} if change == "another model" else {"packages": {"openvino": "2024.1"}}
        write_json(folder / record.RECORD, values | old)
    elif change == "a byte":
        _flip(folder / "model.bin")
    else:
        (folder / "tokenizer.json").unlink()
    ensure_export(encoder, "openvino", CALIBRATION, folder)
    made = record.read_export(folder)
    assert made.is_current(encoder.fingerprint, "openvino", "")
    again, before = ExportedModel(folder), ExportedModel(export("openvino"))
    assert again.fingerprint == before.fingerprint


@needs_openvino
def test_int8_of_other_calibration_texts_is_another_export(
    encoder: LoadedEncoder, export: Callable[[Runtime], Path]
) -> None:
    made = record.read_export(export("openvino"))
    key = exporting.calibration_key
    assert made.is_current(encoder.fingerprint, "openvino", key("openvino", ["other"]))
    assert key("openvino-int8", ["a"]) != key("openvino-int8", ["b"])


def _flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 0xFF
    path.write_bytes(content)


@pytest.mark.parametrize("runtime", EXPORTED)
@pytest.mark.parametrize("damage", ["a byte", "cut", "no record", "no JSON", "other files", "another format"])
def test_a_damaged_export_is_refused_with_what_to_do(
    export: Callable[[Runtime], Path], tmp_path: Path, runtime: Runtime, damage: str
) -> None:
    folder = Path(shutil.copytree(export(runtime), tmp_path / "export"))
    model = folder / record.MODEL_FILES[runtime][-1]
    values = read_json(folder / record.RECORD)
    if damage == "a byte":
        _flip(model)
    elif damage == "cut":
        model.write_bytes(model.read_bytes()[:-10])
    elif damage == "no record":
        (folder / record.RECORD).unlink()
    elif damage == "no JSON":
        (folder / record.RECORD).write_text("{")
    elif damage == "other files":
        write_json(folder / record.RECORD, values | {"files": {"../elsewhere": "0"}})
    else:
        write_json(folder / record.RECORD, values | {"format": 99})
    with pytest.raises(UnreadableFileError, match="makes it again"):
        ExportedModel(folder)


def _accept(folder: Path, name: str) -> None:
    """Write the hash of a changed file into the record, as whoever forges one would."""
    values = read_json(folder / record.RECORD)
    write_json(folder / record.RECORD, values | {"files": values["files"] | {name: hash_path(folder / name)}})


@pytest.mark.parametrize("runtime", EXPORTED)
def test_garbage_with_a_right_hash_is_refused_too(
    export: Callable[[Runtime], Path], tmp_path: Path, runtime: Runtime
) -> None:
    folder = Path(shutil.copytree(export(runtime), tmp_path / "export"))
    for name in (record.MODEL_FILES[runtime][0], record.TOKENIZER):
        before = (folder / name).read_bytes()
        (folder / name).write_bytes(b"garbage")
        _accept(folder, name)
        with pytest.raises(UnreadableFileError, match="makes it again"):
            ExportedModel(folder)
        (folder / name).write_bytes(before)
        _accept(folder, name)


@needs_onnx
def test_weights_in_other_files_are_refused(export: Callable[[Runtime], Path], tmp_path: Path) -> None:
    import onnx

    folder = Path(shutil.copytree(export("onnx-int8"), tmp_path / "export"))
    model = onnx.load(str(folder / "model.onnx"))
    weights = next(one for one in model.graph.initializer if len(one.raw_data) > 100)
    (tmp_path / "elsewhere.bin").write_bytes(weights.raw_data)
    weights.ClearField("raw_data")
    weights.data_location = onnx.TensorProto.EXTERNAL
    weights.external_data.add(key="location", value=str(tmp_path / "elsewhere.bin"))
    (folder / "model.onnx").write_bytes(model.SerializeToString())
    _accept(folder, "model.onnx")
    with pytest.raises(UnsafeArtifactError, match="outside itself"):
        ExportedModel(folder)


@needs_openvino
def test_operations_of_a_plug_in_are_refused(export: Callable[[Runtime], Path], tmp_path: Path) -> None:
    folder = Path(shutil.copytree(export("openvino"), tmp_path / "export"))
    structure = (folder / "model.xml").read_text()
    (folder / "model.xml").write_text(structure.replace('version="opset1"', 'version="extension"', 1))
    _accept(folder, "model.xml")
    with pytest.raises(UnsafeArtifactError, match="'extension'"):
        ExportedModel(folder)


@needs_openvino
def test_a_structure_that_asks_for_files_of_this_machine_is_refused(
    export: Callable[[Runtime], Path], tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(export("openvino"), tmp_path / "export"))
    structure = (folder / "model.xml").read_text()
    entity = '<?xml version="1.0"?><!DOCTYPE net [<!ENTITY x SYSTEM "file:///etc/hostname">]>'
    (folder / "model.xml").write_text(entity + structure.partition("?>")[2])
    _accept(folder, "model.xml")
    with pytest.raises(UnreadableFileError, match="can't be loaded"):
        ExportedModel(folder)


@needs_openvino
def test_an_export_of_another_model_is_refused(export: Callable[[Runtime], Path], tmp_path: Path) -> None:
    export("openvino")
    other = build_tiny_encoder(tmp_path / "other", seed=5)
    shutil.copytree(export("openvino"), export_folder(other, "openvino"))
    with pytest.raises(UnreadableFileError, match="made from another model"):
        load_runtime(other, "openvino", CPU)


def test_without_an_export_it_says_how_to_make_one(encoder: LoadedEncoder, tmp_path: Path) -> None:
    bare = Path(shutil.copytree(encoder.source, tmp_path / "bare"))
    with pytest.raises(MissingInputError, match=r"no export for encoder\.runtime=openvino"):
        load_runtime(bare, "openvino", CPU)
    assert load_runtime(bare, "auto", CPU).runtime == "torch"


@needs_openvino
def test_auto_serves_the_preferred_export_there_is(encoder: LoadedEncoder, tmp_path: Path) -> None:
    bare = Path(shutil.copytree(encoder.source, tmp_path / "bare"))
    ensure_export(load_folder(bare, CPU), "openvino", [], export_folder(bare, "openvino"))
    assert load_runtime(bare, "auto", CPU).runtime == "openvino"


@needs_openvino
def test_a_shorter_limit_holds_in_the_export_too(
    encoder: LoadedEncoder, export: Callable[[Runtime], Path]
) -> None:
    export("openvino")
    short = EncoderSettings(device="cpu", max_length_tokens=8)
    loaded, whole = (load_runtime(Path(encoder.source), "openvino", asked) for asked in (short, CPU))
    expected = load_runtime(Path(encoder.source), "torch", short).encode(TEXTS)
    np.testing.assert_allclose(loaded.encode(TEXTS), expected, atol=1e-5)
    assert loaded.fingerprint != whole.fingerprint


def test_a_runtime_that_is_not_installed_names_its_extra(
    encoder: LoadedEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "installed", lambda packages: {})
    for runtime, extra in (("openvino", "openvino"), ("openvino-int8", "openvino"), ("onnx-int8", "onnx")):
        asked = EncoderSettings(device="cpu", runtime=runtime)
        with pytest.raises(MissingExtraError, match=rf"pip install 'ticketkin\[{extra}\]'"):
            choose_runtime(encoder, asked, Trial(CALIBRATION, TEXTS), tmp_path)
    model, choice = choose_runtime(
        encoder, EncoderSettings(device="cpu", runtime="auto"), Trial(CALIBRATION, TEXTS), tmp_path
    )
    assert model is encoder and choice.runtime == "torch"
    assert sorted(choice.refused) == ["onnx-int8", "openvino", "openvino-int8"]


@pytest.mark.skipif(find_spec("nncf") is None, reason="nncf is not installed")
def test_fixed_ranges_need_texts_to_calibrate_with(encoder: LoadedEncoder, tmp_path: Path) -> None:
    with pytest.raises(NotEnoughDataError, match="training tickets"):
        ensure_export(encoder, "openvino-int8", CALIBRATION[:3], tmp_path / "export")
    assert not (tmp_path / "export").exists()


class Lines(SilentProgress):
    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, message: str) -> None:
        self.lines.append(message)


@needs_openvino
def test_a_choice_is_measured_once_reported_and_recorded(encoder: LoadedEncoder, tmp_path: Path) -> None:
    asked = EncoderSettings(device="cpu", runtime="openvino")
    calls: list[int] = []

    def mrr(embeddings: FloatArray) -> float:
        calls.append(len(embeddings))
        return 0.5

    progress = Lines()
    for _ in range(2):
        model, choice = choose_runtime(encoder, asked, Trial([], TEXTS, mrr), tmp_path, progress)
        assert isinstance(model, ExportedModel) and choice.runtime == "openvino"
        assert choice.folder == tmp_path / "openvino" and choice.refused == {}
        assert choice.fidelity is not None and choice.fidelity.mrr_exported == 0.5
    assert calls == [6, 6]
    assert "cosine 1.0000" in progress.lines[0] and "MRR 0.500 against 0.500" in progress.lines[0]
    assert model.fingerprint != encoder.fingerprint


@needs_openvino
def test_an_export_that_ranks_otherwise_is_not_used(encoder: LoadedEncoder, tmp_path: Path) -> None:
    values = iter([0.6, 0.594])
    progress = Lines()
    model, choice = choose_runtime(
        encoder,
        EncoderSettings(device="cpu", runtime="openvino"),
        Trial([], TEXTS, lambda embeddings: next(values)),
        tmp_path,
        progress,
    )
    assert model is encoder and choice.runtime == "torch" and choice.fidelity is None
    assert "MRR on evaluation links -0.0060, at most 0.005 is allowed" in choice.refused["openvino"]
    assert "openvino is not used" in progress.lines[0] and "torch" in progress.lines[-1]


@pytest.mark.skipif(find_spec("onnxruntime") is None, reason="onnxruntime is not installed")
def test_auto_keeps_the_fastest_of_what_holds_for_how_texts_come(
    encoder: LoadedEncoder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The export of each name is the same model here; how fast each is, the test says.
    together = {"openvino-int8": 1.2, "onnx-int8": 1.1, "openvino": 0.9}
    alone = {"openvino-int8": 1.5, "onnx-int8": 3.0, "openvino": 2.0}
    measured = choosing._fidelity_of

    def known(*arguments: Any) -> Fidelity:
        runtime = arguments[4].name
        return replace(measured(*arguments), speedup=together[runtime], speedup_alone=alone[runtime])

    made = choosing.ensure_export

    def as_onnx(one: LoadedEncoder, runtime: str, texts: Sequence[str], folder: Path) -> object:
        return made(one, "onnx-int8", texts, folder)

    monkeypatch.setattr(choosing, "ensure_export", as_onnx)
    monkeypatch.setattr(choosing, "_fidelity_of", known)
    monkeypatch.setattr(choosing, "LIMITS", dict.fromkeys(LIMITS, FidelityLimits(0.0, 0.0)))
    asked = EncoderSettings(device="cpu", runtime="auto")
    for one_by_one, best in ((False, "openvino-int8"), (True, "onnx-int8")):
        progress = Lines()
        model, choice = choose_runtime(
            encoder, asked, Trial(CALIBRATION, TEXTS), tmp_path, progress, one_by_one=one_by_one
        )
        assert choice.runtime == best and choice.folder == tmp_path / best and model is not encoder
        assert set(choice.refused) == set(together) - {best}
        assert any(f"{best}:" in line and "times for a text alone" in line for line in progress.lines)
    assert (
        "0.90 times as fast"
        in choose_runtime(encoder, asked, Trial(CALIBRATION, TEXTS), tmp_path)[1].refused["openvino"]
    )


def test_torch_makes_no_export(encoder: LoadedEncoder, tmp_path: Path) -> None:
    model, choice = choose_runtime(encoder, CPU, Trial([], TEXTS), tmp_path)
    assert model is encoder and choice.runtime == "torch" and not list(tmp_path.glob("*"))


@settings(max_examples=30)
@given(st.integers(2, 40), st.integers(0, 1_000), st.floats(0, 1))
def test_fidelity_against_brute_force(n_texts: int, seed: int, noise: float) -> None:
    rng = np.random.default_rng(seed)
    one = rng.normal(size=(n_texts, 5)).astype(np.float32)
    other = one + noise * rng.normal(size=one.shape).astype(np.float32)
    one, other = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (one, other))
    fidelity = measure_fidelity(one, other, 2.0)
    k = min(10, n_texts - 1)
    shares = []
    for row in range(n_texts):
        rest = [text for text in range(n_texts) if text != row]
        nearest = [set(sorted(rest, key=lambda t: -(e[row] @ e[t]))[:k]) for e in (one, other)]
        shares.append(len(nearest[0] & nearest[1]) / k)
    assert fidelity.overlap_at_10 == pytest.approx(np.mean(shares), abs=1e-6)
    assert fidelity.cosine_mean == pytest.approx(
        np.mean([a @ b for a, b in zip(one, other, strict=True)]), abs=1e-5
    )
    assert fidelity.cosine_lowest <= fidelity.cosine_mean + 1e-6


def test_fidelity_of_values_that_are_no_numbers_does_not_hold() -> None:
    one = np.eye(3, dtype=np.float32)
    broken = measure_fidelity(one, one * np.nan, 1.0, lambda embeddings: float(embeddings[0, 0]))
    assert len(broken.faults(FidelityLimits(0.9, 0.0))) == 2
    with pytest.raises(ValueError, match="can't be compared"):
        measure_fidelity(one, one[:2], 1.0)
    good = Fidelity(3, 1.0, 1.0, 1.0, None, None, 2.0)
    assert good.faults(FidelityLimits(0.9, 0.9)) == [] and "2.0 times as fast" in good.line()
    assert json.dumps(good.line())
