"""Every number among the settings has bounds that are kept, whatever way it comes in."""

import math
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, get_args, get_origin

import annotated_types
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from pydantic.fields import FieldInfo

from ticketkin.core.errors import ConfigurationError
from ticketkin.core.stage_settings import LARGEST_SEED
from ticketkin.workflows.configuration import load_settings
from ticketkin.workflows.settings import Settings


def _numbers(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, type, list[Any], int]]:
    """Yield name, type, constraints and count (0: no list) of every number, sections within sections too."""
    for name, field in model.model_fields.items():
        annotation = field.annotation
        if isinstance(annotation, type) and issubclass(annotation, BaseModel):
            yield from _numbers(annotation, f"{prefix}{name}.")
            continue
        for kind, metadata, count in _number_types(annotation, list(field.metadata), 0):
            yield f"{prefix}{name}", kind, metadata, count


def _number_types(annotation: Any, metadata: list[Any], count: int) -> Iterator[tuple[type, list[Any], int]]:
    if annotation in (int, float):
        yield annotation, metadata, count
    elif hasattr(annotation, "__metadata__"):
        inner = [m for data in annotation.__metadata__
                 for m in (data.metadata if isinstance(data, FieldInfo) else [data])]  # fmt: skip
        yield from _number_types(annotation.__origin__, inner, count)
    elif get_args(annotation):
        parts = [part for part in get_args(annotation) if part is not Ellipsis]
        n = len(parts) if get_origin(annotation) is tuple else 0
        for part in dict.fromkeys(parts):
            yield from _number_types(part, metadata, n)


NUMBERS = list(_numbers(Settings))
SIGNS = (annotated_types.Ge, annotated_types.Gt), (annotated_types.Le, annotated_types.Lt)


def refused(name: str, text: str) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(assignments=[f"{name}={text}"], environment={})
    message = str(caught.value)
    assert message.startswith(name), message
    assert len(message) < 2_000
    return message


def test_there_are_many_numbers() -> None:
    assert len(NUMBERS) > 70


@pytest.mark.parametrize(("name", "kind", "metadata", "count"), NUMBERS, ids=[n[0] for n in NUMBERS])
def test_every_number_has_bounds_and_keeps_them(
    name: str, kind: type, metadata: list[Any], count: int
) -> None:
    for signs in SIGNS:
        assert any(isinstance(constraint, signs) for constraint in metadata), f"{name} lacks a bound"
    for text in (
        "inf",
        "-inf",
        "nan",
        "true",
        "false",
        "1e400",
        "-1e300",
        "1e300",
        "-3",
        "9" * 5_000,
        "[[1]]",
    ):
        listed = f"[{', '.join([text] * count)}]" if count else text
        refused(name, listed)
    if kind is int:
        refused(name, f"[{', '.join(['2.5'] * count)}]" if count else "2.5")


@pytest.mark.parametrize("seed", [-1, LARGEST_SEED + 1, 10**30])
def test_seeds_that_no_generator_takes(seed: int) -> None:
    assert "seed: got" in refused("seed", str(seed))


def test_the_largest_seed_is_taken_everywhere() -> None:
    import numpy as np
    import torch
    from sklearn.utils import check_random_state

    seed = load_settings(assignments=[f"seed={LARGEST_SEED}"], environment={}).seed
    np.random.default_rng(seed)
    torch.manual_seed(seed)
    check_random_state(seed)


ODD_ASSIGNMENTS = [
    "",
    "=",
    "=3",
    " = ",
    "lora",
    "lora.=3",
    ".rank=3",
    "lora..rank=3",
    "lora=3",
    "lora=[1,2]",
    "lora.rank.deep=3",
    "lora.rank=",
    "lora.rank=3\nseed=4",
    "a.b.c.d.e.f.g.h.i.j=1",
    ".".join("x" * 5_000) + "=1",
    "x" * 10_000 + "=1",
    "lora.rank=" + "[" * 5_000,
    "lora.rank=" + "{a=" * 900,
    "lora.rank=1979-05-27",
    "tickets.mapping=3",
    "tickets.mapping.title.x=3",
    "candidates=lora,lora,\x1b[31m",
    "split.by=\x1b[2J",
    "encoder.base_model=a\x00b",
    "encoder.base_model=a\udcffb",
    "tickets.mapping.a\udcff=b",
    "seed=true",
    "seed=0x",
    "seed=1.5",
    "seed='1",
    "seed=∞",
]


@pytest.mark.parametrize("text", ODD_ASSIGNMENTS)
def test_odd_assignments_are_reported_plainly(text: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(assignments=[text], environment={})
    assert str(caught.value)


@given(st.text(st.characters(categories=None), max_size=40))
def test_any_assignment_is_a_setting_or_reported_plainly(text: str) -> None:
    for assignment in (text, f"lora.rank={text}", f"lora.{text}=1", f"encoder.base_model={text}"):
        try:
            load_settings(assignments=[assignment], environment={})
        except ConfigurationError:
            continue


@pytest.mark.parametrize(
    "name", ["TICKETKIN_", "TICKETKIN__", "TICKETKIN___RANK", "TICKETKIN_LORA__", "TICKETKIN_LORA"]
)
def test_a_malformed_variable_is_named(name: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load_settings(environment={name: "3"})
    assert name in str(caught.value) or "lora" in str(caught.value)


def test_what_is_no_settings_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    (tmp_path / "binary").write_bytes(os.urandom(3_000))
    (tmp_path / "nul").write_bytes(b"\x00" * 100)
    (tmp_path / "huge").write_bytes(b"#" * 5_000_000)
    (tmp_path / "nested").write_text("a = " + "[" * 3_000)
    (tmp_path / "digits").write_text("seed = " + "9" * 6_000)
    (tmp_path / "sections").write_text("[lora]\n[lora]\n")
    (tmp_path / "mixed").write_text("lora = 3\n")
    for name in sorted(path.name for path in tmp_path.iterdir()):
        with pytest.raises(ConfigurationError, match=r"\S") as caught:
            load_settings(Path(name), environment={})
        assert name in str(caught.value) or "lora" in str(caught.value)
    (tmp_path / "folder").rename(tmp_path / "ticketkin.toml")
    with pytest.raises(ConfigurationError, match="is no file"):
        load_settings(environment={})


def test_infinity_can_not_come_in_by_any_door(tmp_path: Path) -> None:
    config = tmp_path / "a.toml"
    config.write_text("[lora]\nlearning_rate = inf\n")
    for source in (
        {"config": config},
        {"flags": {"lora": {"learning_rate": math.inf}}},
        {"stored": {"lora": {"learning_rate": math.nan}}},
        {"environment": {"TICKETKIN_LORA__LEARNING_RATE": "inf"}},
    ):
        with pytest.raises(ConfigurationError, match=r"lora\.learning_rate"):
            load_settings(**{"environment": {}, **source})
