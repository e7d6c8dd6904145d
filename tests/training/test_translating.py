"""Back-translation: by models, and by an installed Apertium."""

import shutil
import stat
import subprocess
from pathlib import Path

import pytest
from pydantic import ValidationError
from tuning_material import tuning_data

from ticketkin.core.errors import JobError, MissingInputError
from ticketkin.training.augmentation import augment
from ticketkin.training.settings import AugmentSettings
from ticketkin.training.translating import ApertiumTranslator, translator
from tiny_model import WORDS

THERE, BACK = "eng-spa", "spa-eng"


def _has(mode: str) -> bool:
    program = shutil.which("apertium")
    if program is None:
        return False
    listed = subprocess.run([program, "-l"], capture_output=True, text=True, check=False)
    return mode in listed.stdout.split()


needs_apertium = pytest.mark.skipif(
    not (_has(THERE) and _has(BACK)), reason="Apertium is not installed with its pair eng-spa"
)


def _apertium_of(folder: Path, script: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Put a program named apertium before all others; it has the mode eng-spa, and translates by `script`."""
    program = folder / "apertium"
    program.write_text(f'#!/bin/sh\nif [ "$1" = -l ]; then echo "  eng-spa"; exit 0; fi\n{script}\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")


def _model(folder: Path) -> Path:
    """A random two-layer sequence-to-sequence model over the tests' words."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import BartConfig, BartForConditionalGeneration, PreTrainedTokenizerFast

    vocabulary = {word: n for n, word in enumerate(["<s>", "<pad>", "</s>", "<unk>", *WORDS])}
    words = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    words.pre_tokenizer = pre_tokenizers.Whitespace()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, bos_token="<s>", eos_token="</s>", pad_token="<pad>", unk_token="<unk>"
    )
    config = BartConfig(
        vocab_size=len(vocabulary), d_model=16, encoder_layers=1, decoder_layers=1, encoder_attention_heads=2,
        decoder_attention_heads=2, encoder_ffn_dim=16, decoder_ffn_dim=16, max_position_embeddings=300,
        forced_eos_token_id=None, max_length=12,
    )  # fmt: skip
    BartForConditionalGeneration(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def test_back_translation_goes_through_both_models(tmp_path: Path) -> None:
    import torch

    torch.manual_seed(0)
    there, back = (_model(tmp_path / name) for name in ("there", "back"))
    asked = AugmentSettings(methods=("back-translation",), share=0.3, translators=(str(there), str(back)))
    data = tuning_data()
    augmented = augment(data, asked, 0, offline=True)
    again = augment(data, asked, 0, offline=True)
    assert augmented.data.texts == again.data.texts
    assert augmented.added["back-translation"] > 0
    missing = asked.model_copy(update={"translators": (str(there), str(tmp_path / "nowhere"))})
    with pytest.raises(MissingInputError, match=r"translation model .*nowhere' can't be loaded"):
        augment(data, missing, 0, offline=True)


@pytest.mark.parametrize(
    "name", ["apertium:", "apertium:-d", "apertium:../x", "apertium:en es", "apertium:a\n"]
)
def test_what_is_no_mode_of_apertium_is_refused(name: str) -> None:
    with pytest.raises(ValidationError, match=r"names no mode of Apertium.*'apertium -l'"):
        AugmentSettings(methods=("back-translation",), translators=(name, "apertium:spa-eng"))


def test_apertium_that_is_not_there_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(MissingInputError, match=r"needs the program apertium.*apt-get install apertium "):
        translator("apertium:eng-spa", offline=True)


def test_a_mode_that_is_not_there_names_those_that_are(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _apertium_of(tmp_path, "touch was-asked; cat", monkeypatch)
    monkeypatch.chdir(tmp_path)
    asked = AugmentSettings(
        methods=("back-translation",), translators=("apertium:eng-spa", "apertium:spa-eng")
    )
    with pytest.raises(MissingInputError, match=r"no mode 'spa-eng'; installed: eng-spa\. .*or install"):
        augment(tuning_data(), asked, 0, offline=True)
    assert not (tmp_path / "was-asked").exists()


@pytest.mark.parametrize(
    "script", ["echo 'no such dictionary' >&2; exit 1", "cat >/dev/null", "tr -d '\\000'", "tail -c +2"]
)
def test_apertium_that_loses_texts_is_no_translation(
    script: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _apertium_of(tmp_path, script, monkeypatch)
    with pytest.raises(JobError, match=r"gave no translation of each text by its mode 'eng-spa'"):
        translator("apertium:eng-spa", offline=True).translated(["one", "two"])


@needs_apertium
def test_apertium_translates_there_and_back() -> None:
    asked = AugmentSettings(
        methods=("back-translation",), share=0.3, translators=(f"apertium:{THERE}", f"apertium:{BACK}")
    )
    there = translator(asked.translators[0], offline=True)
    assert there.translated(["The printer does not work.", "", "The red house"]) == [
        "La impresora no obra.", "", "La casa roja",
    ]  # fmt: skip
    augmented = augment(tuning_data(), asked, 0, offline=True)
    assert augmented.added["back-translation"] > 0
    assert augmented.data.digest() == augment(tuning_data(), asked, 0, offline=True).data.digest()


@needs_apertium
def test_each_text_is_translated_as_if_it_came_alone() -> None:
    texts = ["^", "", "[", "red", "house ^a/b<n>$ x.", "as well\n", "\\", " \0 [[", "It works.", "as"]
    there = ApertiumTranslator.installed(THERE)
    together = there.translated(texts)
    assert together == [there.translated([text])[0] for text in texts]
    assert together[2] == "[" and together[5].endswith("\n") and together[8].endswith(".")


@needs_apertium
def test_no_mark_stands_at_an_unknown_word_and_signs_stay() -> None:
    text = "qwxyzt [monday] {a} foo<n>$ #y *z <b>x</b> c:\\temp/x @q"
    translated = ApertiumTranslator.installed(THERE).translated([text])[0]
    assert translated.startswith("qwxyzt [") and translated.endswith("foo<n>$ #y *z <b>x</b> c:\\temp/x @q")
