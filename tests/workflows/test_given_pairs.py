"""A run that starts from files of labelled pairs: frozen test pairs stay frozen, nothing crosses."""

import itertools
import json
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from scipy.stats import pearsonr, spearmanr
from sklearn.feature_extraction.text import TfidfVectorizer

from ticketkin.cli.entry import main
from ticketkin.core.errors import InputError
from ticketkin.core.tables import SplitName
from ticketkin.evaluation.verdict_words import first_sentence
from ticketkin.pairs.interchange import TextPairs, read_text_pairs, write_text_pairs
from ticketkin.workflows import artifacts as artifact
from ticketkin.workflows.comparison import compare_models
from ticketkin.workflows.comparison_grounds import PairFile
from ticketkin.workflows.configuration import read_job
from ticketkin.workflows.pair_checks import adversarial_pairs_given
from ticketkin.workflows.pair_files import pairs_of_run
from ticketkin.workflows.run_data import RunData
from ticketkin.workflows.stages.training import tuning_data_of


@pytest.fixture(scope="module")
def files(small_run: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """Training pairs with phases, test pairs, and training pairs that hold one or two texts of the test."""
    folder = tmp_path_factory.mktemp("pairs")
    train, test = (pairs_of_run(small_run, split) for split in (SplitName.TRAIN, SplitName.HOLDOUT))
    first, paired = test.left[0], set(zip(test.left, test.right, strict=True))
    # A stranger to the first, whatever the size of its kin group: the test file says nothing of the two.
    stranger = next(
        text for text in test.left if text != first and not {(first, text), (text, first)} & paired
    )
    leaking = TextPairs(
        left=[*train.left, first, first],
        right=[*train.right, train.right[0], stranger],
        labels=pl.Series([*train.labels.tolist(), 1, 0]).to_numpy(),
        phases=pl.Series([*train.phases.tolist(), 1, 1]).to_numpy(),  # type: ignore[union-attr]
        left_categories=[*(train.left_categories or []), "", ""],
        right_categories=[*(train.right_categories or []), "", ""],
    )
    write_text_pairs(leaking, folder / "train.json")
    write_text_pairs(test, folder / "test.json")
    return folder / "train.json", folder / "test.json"


def _run(arguments: list[str], monkeypatch: pytest.MonkeyPatch) -> int:
    monkeypatch.setattr(sys, "argv", ["ticketkin", *arguments])
    with pytest.raises(SystemExit) as stop:
        main()
    return int(stop.value.code or 0)


def _arguments(files: tuple[Path, Path], model: Path, out: Path) -> list[str]:
    return [
        "run", "--pairs", str(files[0]), "--test-pairs", str(files[1]), "--base-model", str(model),
        "--offline", "--candidates", "head,fusion", "--set", "evaluation.n_bootstrap=100",
        "--set", "relations.model=logistic", "--set", "relations.repeats=1", "--set", "relations.folds=2",
        "--set", "evaluation.by=split",
        "--out", str(out), "--json",
    ]  # fmt: skip


def test_the_test_pairs_are_the_holdout_and_nothing_else_is(
    files: tuple[Path, Path], tiny_encoder_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("TICKETKIN_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "run"
    assert _run(_arguments(files, tiny_encoder_folder, folder), monkeypatch) == 0
    captured = capsys.readouterr()
    report = json.loads(captured.out)
    output = " ".join(captured.err.split())
    assert "left out: 2 training pairs (1 kin and 1 stranger) hold a text of the test pairs" in output
    assert report["candidates"].keys() == {"lexical", "base", "head", "hybrid", "fusion"}
    test = read_text_pairs(files[1])
    kept = pairs_of_run(folder, SplitName.HOLDOUT)
    assert sorted(zip(kept.left, kept.right, kept.labels.tolist(), strict=True)) == sorted(
        zip(test.left, test.right, test.labels.tolist(), strict=True)
    )
    assert report["test_pairs_sha256"] == kept.digest() == test.digest()
    record = json.loads((folder / "candidates/head/training_metadata.json").read_text("utf-8"))
    assert record["pairs"] == report["pairs"] == json.loads((folder / "pairs.json").read_text("utf-8"))
    answer, _ = first_sentence(report["verdict"]["reason"])
    assert answer.endswith("; nobody has said who labelled these pairs.")
    assert report["links"]["labels_from"] == "unknown"
    assert report["pairs"]["sources"] == ["given"] and report["pairs"]["phases_from"] == "file"
    tickets = pl.read_parquet(folder / "tickets.parquet")
    splits = dict(pl.read_parquet(folder / "splits.parquet").iter_rows())
    held_out = {*test.left, *test.right}
    for ticket_id, text in tickets.select("ticket_id", "description").iter_rows():
        assert (splits[ticket_id] == "holdout") == (text in held_out)
    train = read_text_pairs(files[0])
    phase_of = {
        (a, b): phase
        for a, b, phase in zip(train.left, train.right, train.phases.tolist(), strict=True)  # type: ignore[union-attr]
    }
    trained = pairs_of_run(folder, SplitName.TRAIN)
    used = report["pairs"]["given"]["used"]["train"]
    assert len(trained) == used["kin"] + used["strangers"] > 20
    left_out = sum(sum(part["counts"].values()) for part in report["pairs"]["given"]["left_out"])
    judged = len(pairs_of_run(folder, SplitName.EVALUATION))
    drawn = sum(
        sum(part["counts"].values()) for part in report["pairs"]["drawn"] if part["source"] != "given"
    )
    assert len(trained) + judged - drawn + left_out == len(train)
    for a, b, phase in zip(trained.left, trained.right, trained.phases.tolist(), strict=True):  # type: ignore[union-attr]
        assert phase_of[a, b] == phase
    tuned_on = tuning_data_of(RunData.of(folder, read_job(folder)))
    assert tuned_on.phases_are_given and tuned_on.labelled_phase.tolist() == trained.phases.tolist()  # type: ignore[union-attr]
    checks = {check["code"]: check for check in report["diagnostics"]}
    assert "phase_order" in checks
    served = json.loads((folder / "model/training_metadata.json").read_text("utf-8"))
    assert [check["code"] for check in served["checks"]] == [check["code"] for check in report["diagnostics"]]
    _assert_adversarial_pairs_are_the_files_own(RunData.of(folder, read_job(folder)), test)
    assert _run(["run", "--resume", "--out", str(folder), "--dry-run", "--json"], monkeypatch) == 0
    assert {stage["state"] for stage in json.loads(capsys.readouterr().out)} == {"done"}


def _assert_adversarial_pairs_are_the_files_own(data: RunData, test: TextPairs) -> None:
    """Kin across categories and strangers within one, each labelled in a file, no ticket trained on."""
    mined = adversarial_pairs_given(data)
    categories = data.tickets.frame["category"].to_list()
    labels = {
        frozenset((a, b)): label
        for a, b, label in zip(test.left, test.right, test.labels.tolist(), strict=True)
    }
    in_test = 0
    for left, right, label in zip(mined.left, mined.right, mined.labels.tolist(), strict=True):
        assert (categories[left] == categories[right]) == (label == 0)
        pair = frozenset((data.texts[left], data.texts[right]))
        in_test += pair in labels
        assert labels.get(pair, label) == label
    expected = [
        label
        for (a, b, label) in zip(test.left, test.right, test.labels.tolist(), strict=True)
        if a != b and _against_category(data, a, b, label)
    ]
    assert in_test == len(expected) > 0


def _against_category(data: RunData, left: str, right: str, label: int) -> bool:
    category = dict(zip(data.texts, data.tickets.frame["category"].to_list(), strict=True))
    one, other = category[left], category[right]
    return bool(one and other) and (one == other) == (label == 0)


def test_without_test_pairs_the_holdout_comes_from_the_one_file(
    files: tuple[Path, Path], tiny_encoder_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("TICKETKIN_CACHE", str(tmp_path / "cache"))
    arguments = _arguments(files, tiny_encoder_folder, tmp_path / "run")
    place = arguments.index("--test-pairs")
    stated = ["--labels-from", "rule"]
    arguments[arguments.index("head,fusion")] = "base"
    assert _run([*arguments[:place], *arguments[place + 2 :], *stated], monkeypatch) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["verdict"]["reason"].startswith("A rule labelled these pairs, so they prove nothing")
    assert report["verdict"]["answer"] == "unproven" and report["links"]["by_origin"].keys() == {"rule"}
    checks = {check["code"]: check for check in report["diagnostics"]}
    assert checks["circular_labels"]["outcome"] == "failed"
    assert "a rule made the labels" in checks["circular_labels"]["evidence"]
    assert report["splits"]["holdout"]["n_queries"] > 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--test-pairs", "{test}"], "--test-pairs goes with --pairs"),
        (["{train}", "--pairs", "{train}"], "--pairs stands for the whole export"),
        (["--pairs", "nowhere.json"], "nowhere.json: no such file"),
        (["{train}", "--labels-from", "person"], "--labels-from says who labelled a file of pairs"),
        (["--pairs", "{train}", "--labels-from", "me"], "pairs.labels_from: got 'me'"),
    ],
)
def test_what_does_not_go_together_is_reported(
    files: tuple[Path, Path], arguments: list[str], message: str, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    filled = [part.format(train=files[0], test=files[1]) for part in arguments]
    code = _run(["run", *filled, "--offline", "--out", str(tmp_path / "run")], monkeypatch)
    assert code == InputError.exit_code
    assert message in " ".join(capsys.readouterr().err.split())


def _kin_alone(path: Path) -> Path:
    words = ["".join(letters) for letters in itertools.product("abcdef", repeat=3)]
    pairs = [[" ".join(words[n : n + 5]), " ".join(words[n + 2 : n + 7])] for n in range(0, 200, 7)]
    path.write_text(json.dumps({"positive_pairs": pairs, "negative_pairs": []}))
    return path


def test_strangers_are_mined_where_a_file_brings_none_but_never_into_frozen_pairs(
    tiny_encoder_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("TICKETKIN_CACHE", str(tmp_path / "cache"))
    path = _kin_alone(tmp_path / "kin.json")
    options = ["--base-model", str(tiny_encoder_folder), "--offline", "--candidates", "base"]
    options += ["--set", "evaluation.by=split", "--set", "evaluation.n_bootstrap=100"]
    options += ["--set", "relations.model=logistic", "--set", "relations.repeats=1"]
    options += ["--set", "relations.folds=2"]
    assert _run(["run", "--pairs", str(path), *options, "--out", str(tmp_path / "run")], monkeypatch) == 0
    for split in SplitName:
        assert set(pairs_of_run(tmp_path / "run", split).labels.tolist()) == {0, 1}
    frozen = ["run", "--pairs", str(path), "--test-pairs", str(path), *options]
    capsys.readouterr()
    assert _run([*frozen, "--out", str(tmp_path / "frozen")], monkeypatch) != 0
    assert "Error: " in capsys.readouterr().err


def _cut_by_word_overlap(path: Path) -> Path:
    """Pairs that are kin where scikit-learn's TF-IDF cosine is above .5, and strangers below .3."""
    draw = np.random.default_rng(0)
    words = np.array([f"{a}{b}{c}" for a in "bcdfg" for b in "aeiou" for c in "lmnrst"])
    texts = [" ".join(draw.choice(words, 6, replace=False)) for _ in range(120)]
    for place in range(0, 120, 2):  # every other text repeats some words of the one before
        kept = int(draw.integers(0, 7))
        texts[place + 1] = " ".join([*texts[place].split()[:kept], *texts[place + 1].split()[kept:]])
    rows = TfidfVectorizer(ngram_range=(1, 2), stop_words="english").fit_transform(texts)
    left, right = np.arange(0, 120, 2), np.arange(1, 120, 2)
    left, right = np.append(left, draw.integers(0, 120, 90)), np.append(right, draw.integers(0, 120, 90))
    cosines = np.asarray(rows[left].multiply(rows[right]).sum(axis=1)).ravel()
    chosen = [row for row in range(len(left)) if left[row] != right[row] and not 0.3 <= cosines[row] <= 0.5]
    write_text_pairs(
        TextPairs(
            [texts[left[row]] for row in chosen],
            [texts[right[row]] for row in chosen],
            (cosines[chosen] > 0.5).astype(np.int64),
        ),
        path,
    )
    return path


def test_labels_that_word_overlap_cut_are_named_and_prove_nothing(
    tiny_encoder_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.setenv("TICKETKIN_CACHE", str(tmp_path / "cache"))
    path = _cut_by_word_overlap(tmp_path / "cut.json")
    arguments = [
        "run", "--pairs", str(path), "--labels-from", "person", "--base-model", str(tiny_encoder_folder),
        "--offline", "--candidates", "lexical", "--set", "evaluation.n_bootstrap=100",
        "--set", "evaluation.folds=2", "--set", "evaluation.repeats=1", "--set", "evaluation.shuffles=1",
        "--set", "relations.model=logistic", "--set", "relations.repeats=1", "--set", "relations.folds=2",
        "--out", str(tmp_path / "run"), "--json",
    ]  # fmt: skip
    assert _run(arguments, monkeypatch) == 0
    report = json.loads(capsys.readouterr().out)
    circular = next(check for check in report["diagnostics"] if check["code"] == "circular_labels")
    assert (
        circular["outcome"] == "failed"
        and "reproduces the labels of the training pairs" in circular["evidence"]
    )
    assert report["verdict"]["answer"] != "yes"
    untouched = json.loads((tmp_path / "run/model/training_metadata.json").read_text("utf-8"))
    assert untouched["candidate"] == "base" and "method" not in untouched
    measured = report["candidates"]["base"]["evaluation"]["retrieval"]["mrr"]["value"]
    assert untouched["metrics"]["evaluation"]["mrr"] == measured


def test_correlations_are_taken_over_the_grades_of_a_file(
    files: tuple[Path, Path], tiny_encoder_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    generator = np.random.default_rng(0)
    graded = []
    for file in files:
        pairs = read_text_pairs(file)
        grades = np.where(
            pairs.labels == 1, generator.integers(3, 6, len(pairs)), generator.integers(1, 3, len(pairs))
        )
        graded.append(tmp_path / file.name)
        columns = {"texts1": pairs.left, "texts2": pairs.right, "labels": grades.tolist()}
        graded[-1].write_text(json.dumps(columns))
    command = _arguments((graded[0], graded[1]), tiny_encoder_folder, tmp_path / "run")
    command[command.index("head,fusion")] = "base"
    assert _run([*command, "--set", "pairs.kin_from=3"], monkeypatch) == 0
    report = json.loads(capsys.readouterr().out)
    held_out = report["candidates"]["base"]["holdout"]["pairs"]
    data = RunData.of(tmp_path / "run", read_job(tmp_path / "run"))
    at = {text: row for row, text in enumerate(data.texts)}
    test = read_text_pairs(graded[1], 3)
    assert test.grades is not None
    base = data.embeddings(artifact.BASE_EMBEDDINGS)
    left, right = ([at[text] for text in side] for side in (test.left, test.right))
    similarities = np.einsum("ij,ij->i", base[left], base[right])
    assert held_out["n_graded"] == len(test)
    for name, oracle in (("spearman", spearmanr), ("pearson", pearsonr)):
        expected = oracle(similarities, test.grades).statistic
        assert held_out[name]["value"] == pytest.approx(expected, abs=1e-4)
        assert held_out[name]["value"] != pytest.approx(oracle(similarities, test.labels).statistic, abs=1e-4)
    page = (tmp_path / "run" / "report.html").read_text("utf-8")
    assert f"Spearman and Pearson over the grades of the file ({len(test):,} pairs)" in page
    notes = {one["name"]: one["note"] for one in report["readiness"]["criteria"]}
    assert notes["spearman"] == "over the grades of the file"
    compared = compare_models(
        [], PairFile(graded[1], data.job.settings.encoder, kin_from=3), str(tiny_encoder_folder)
    )
    expected = spearmanr(similarities, test.grades).statistic
    assert compared.rows[0].metrics["spearman"].value == pytest.approx(expected, abs=1e-4)
    assert compared.judged_on.endswith(", Spearman over their grades")


def test_labels_that_name_kinds_become_links_of_those_kinds(
    small_run: Path, tiny_encoder_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    data = RunData.of(small_run, read_job(small_run))
    at, texts = data.tickets.position, data.texts
    rows = data.links.frame.select("source", "target", "kind").iter_rows()
    records = [{"text_a": texts[at[s]], "text_b": texts[at[t]], "label": kind} for s, t, kind in rows]
    n_causal = sum(record["label"] == "causal" for record in records)
    apart = pairs_of_run(small_run, SplitName.TRAIN)
    strangers = [
        {"text_a": a, "text_b": b, "label": "none"}
        for a, b, label in zip(apart.left, apart.right, apart.labels.tolist(), strict=True)
        if label == 0
    ][:40]
    records += [*strangers, {"text_a": "the same", "text_b": "the same", "label": "duplicate"}]
    path, out = tmp_path / "relationship_pairs.json", tmp_path / "run"
    path.write_text(json.dumps(records), "utf-8")
    monkeypatch.setenv("TICKETKIN_CACHE", str(tmp_path / "cache"))
    arguments = [
        "run", "--pairs", str(path), "--base-model", str(tiny_encoder_folder), "--offline",
        "--candidates", "lexical", "--set", "evaluation.n_bootstrap=100", "--set", "relations.repeats=1",
        "--set", "evaluation.by=split",
        "--set", "relations.model=logistic", "--set", "relations.folds=2", "--out", str(out),
    ]  # fmt: skip
    assert _run(arguments, monkeypatch) == 0
    output = " ".join(capsys.readouterr().err.split())
    assert "1 pair holds the same text twice: left out" in output
    record = json.loads((out / "relations/relations.json").read_text())
    assert record["learned"] and record["mixture_of_none"]["told"] > 0
    contradicted = len(record["contradictions"])
    assert n_causal - contradicted <= record["counts"]["causal"] <= n_causal
    pairs = pl.read_parquet(out / "pairs.parquet")
    related = pl.read_parquet(out / "links.parquet").filter(pl.col("kind") != "duplicate")
    given = {frozenset(pair) for pair in pairs.select("left", "right").iter_rows()}
    neither = {frozenset(pair) for pair in related.select("source", "target").iter_rows()}
    assert given & neither <= {frozenset((a, b)) for a, b, _ in record["contradictions"]}
    assert len(neither) > len(record["contradictions"])
