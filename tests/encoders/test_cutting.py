"""Texts cut behind the last token that is read: the model sees the same, whatever the text holds."""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import PreTrainedTokenizerFast

from ticketkin.encoders.cross_encoder import cut_pairs
from ticketkin.encoders.cutting import cut_texts, token_lengths
from ticketkin.encoders.loading import LoadedEncoder, load_folder
from ticketkin.encoders.settings import EncoderSettings

CORPUS = [
    "Outlook asks for the password again and again",
    "die Anmeldung schlägt fehl",
    "印刷できません 印刷",
]
LIMIT = 12


def _whitespace_bpe() -> Tokenizer:
    tokenizer = Tokenizer(models.BPE(unk_token="?"))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel()
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    tokenizer.train_from_iterator(
        CORPUS,
        trainers.BpeTrainer(vocab_size=400, special_tokens=["?", "<s>", "</s>"], initial_alphabet=alphabet),
    )
    return tokenizer


def _unigram_over_the_whole_text() -> Tokenizer:
    """Pieces are chosen over the whole text, so that a cut can change what stands before it."""
    tokenizer = Tokenizer(models.Unigram())
    trainer = trainers.UnigramTrainer(vocab_size=80, special_tokens=["?", "<s>", "</s>"], unk_token="?")
    tokenizer.train_from_iterator(CORPUS, trainer)
    return tokenizer


def _model(tokenizer: Tokenizer, **options: Any) -> Any:
    tokenizer.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> $B </s>", special_tokens=[("<s>", 1), ("</s>", 2)]
    )
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="?",
        bos_token="<s>",
        eos_token="</s>",
        pad_token="</s>",
        **options,
    )
    return SimpleNamespace(tokenizer=fast, transformers_model=object(), max_seq_length=LIMIT)


MODELS = {"bytes": _model(_whitespace_bpe()), "unigram": _model(_unigram_over_the_whole_text())}


def _read(model: Any, *texts: list[str]) -> list[list[int]]:
    given = model.tokenizer(*texts, truncation=True, max_length=LIMIT)
    return list(given["input_ids"])


@pytest.mark.parametrize("name", MODELS)
@given(
    texts=st.lists(
        st.one_of(st.text(max_size=200), st.sampled_from([text * 9 for text in CORPUS])), max_size=4
    )
)
def test_a_model_reads_the_same_of_a_cut_text(name: str, texts: list[str]) -> None:
    model = MODELS[name]
    cut, lengths = cut_texts(model, texts, LIMIT)
    if texts:
        assert _read(model, cut) == (whole := _read(model, texts))
        assert lengths.tolist() == [len(ids) for ids in whole]
    assert all(text.startswith(short) for text, short in zip(texts, cut, strict=True))


def test_a_long_text_is_cut_at_the_end_of_a_word_and_a_short_one_is_not() -> None:
    long, short = "Outlook asks for the password again " * 400, "the password"
    cut, _ = cut_texts(MODELS["bytes"], [long, short], LIMIT)
    assert cut[1] == short
    assert len(cut[0]) < 200 and long[len(cut[0])] == " "


def test_what_keeps_the_end_of_a_text_or_has_no_positions_is_not_cut() -> None:
    long = ["Outlook asks for the password again " * 40]
    of_the_end = _model(_whitespace_bpe(), truncation_side="left")
    no_transformer = SimpleNamespace(tokenizer=of_the_end.tokenizer, transformers_model=None)
    for model in (of_the_end, no_transformer):
        cut, lengths = cut_texts(model, long, LIMIT)
        assert cut == long and lengths.tolist() == [LIMIT]


@given(
    lefts=st.lists(
        st.sampled_from(["the password", *(text * 30 for text in CORPUS)]), min_size=1, max_size=3
    ),
    right=st.sampled_from(["again", *(text * 20 for text in CORPUS)]),
)
@settings(max_examples=40)
def test_a_cross_encoder_reads_the_same_of_cut_pairs(lefts: list[str], right: str) -> None:
    model = MODELS["bytes"]
    rights = [right] * len(lefts)
    cut, whole = _read(model, *cut_pairs(model, lefts, rights)), _read(model, lefts, rights)
    for one, other in zip(map(_sides, cut), map(_sides, whole), strict=True):
        assert sum(map(len, one)) == sum(map(len, other))
        for side, as_whole in zip(one, other, strict=True):  # an odd last token may go to the other side
            shared = min(len(side), len(as_whole))
            assert side[:shared] == as_whole[:shared] and abs(len(side) - len(as_whole)) <= 1


def _sides(ids: list[int]) -> tuple[list[int], list[int]]:
    end = ids.index(2)
    return ids[1:end], ids[end + 1 : -1]


def test_an_encoder_embeds_a_cut_text_as_the_whole(tiny_encoder_folder: Path) -> None:
    encoder: LoadedEncoder = load_folder(tiny_encoder_folder, EncoderSettings(device="cpu"))
    texts = ["printer error mail server slow login " * 100, "vpn"]
    cut, lengths = encoder.prepare(texts)
    assert len(cut[0]) < len(texts[0]) and lengths.tolist()[0] == encoder.max_length_tokens
    assert (encoder.embed(cut) == encoder.embed(texts)).all()
    assert token_lengths(encoder.model.tokenizer, texts)[0] > encoder.max_length_tokens


@given(st.integers(0, 320), st.integers(1, 40))
@settings(max_examples=15, deadline=None)
def test_many_texts_have_the_lengths_of_each_alone(n_texts: int, longest: int) -> None:
    tokenizer = _whitespace_bpe()
    texts = [
        " ".join(CORPUS[(place + word) % 3] for word in range(place % longest)) for place in range(n_texts)
    ]
    alone = [len(tokenizer.encode(text).ids) for text in texts]
    assert token_lengths(tokenizer, texts).tolist() == alone
