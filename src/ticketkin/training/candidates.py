"""The registry of candidates: what can be tried, and what stages, artifacts, help and figures need to know.

A candidate that is tuned and not named anywhere else gets its stage, its folder, its embeddings, its row in
every table and its line in every figure from its entry here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from ticketkin.encoders.settings import EncoderSettings
    from ticketkin.training.tuning_methods import TuningMethod


class Color(StrEnum):
    """Colours told apart by colour-blind readers too (Okabe and Ito 2008, and three between them)."""

    BLUE = "#0072b2"
    ORANGE = "#d55e00"
    GREEN = "#009e73"
    PURPLE = "#aa4499"
    GREY = "#6b7684"
    BROWN = "#8c5a2b"
    SKY = "#56a3d9"
    BLACK = "#222222"
    PINK = "#cc79a7"


@dataclass(frozen=True)
class LineStyle:
    """How a candidate is drawn in every figure, as Matplotlib takes it."""

    color: Color
    dash: str | tuple[int, tuple[float, ...]] = "-"
    marker: str = "o"


@dataclass(frozen=True)
class ForwardPass:
    """A text of a new ticket that goes through an encoder."""

    embedding: str
    """Name of the resulting embedding in the ranking."""
    encoder: Literal["base", "start", "best"]
    """The untouched one, the one that tuning began with, or the best one where its training is slow (of a
    quick one, the head, the ranking holds the weights)."""


@dataclass(frozen=True)
class Candidate:
    """One entry of the registry."""

    name: str
    title: str
    """The title of its stage, where it has one."""
    style: LineStyle
    about: str = ""
    """What it is, in a few words for a reader who knows none of the names."""
    role: Literal["lexical", "encoder", "ranking"] = "encoder"
    always: bool = False
    """It is part of every run, whatever is asked for."""
    by_default: bool = False
    """It is part of a run that names no candidates."""
    is_slow: bool = False
    """Its training takes minutes: the provisional table does not wait for it."""
    passes: tuple[ForwardPass, ...] = ()
    """Encoder passes of a ranking for a new ticket; an encoder candidate needs one pass over the text."""
    is_learned: bool = False
    """Whether it is a ranking whose score is a probability of kinship; others give a similarity."""
    builds_on: str = ""
    """A ranking that it adds to, and that must be in the race beside it; "" for none."""
    reads_pairs: bool = False
    """Whether it reads a new ticket together with each of the first of its list: so many more passes."""
    section: str = ""
    """The section of the settings that its training reads; "" for one that is not trained."""
    more_sections: tuple[str, ...] = ()
    """Further sections that its training reads."""
    method: "Callable[[Any, EncoderSettings, int], TuningMethod] | None" = None
    """Makes, of its section, the encoder's settings and a seed, the way it is tuned on links; None for one
    with a stage of its own.
    """

    def forward_passes(self, start: str, best: str) -> list[tuple[ForwardPass, str]]:
        """Return what a new ticket costs: each pass with the name of its encoder.

        `start` is the encoder that tuning began with, `best` the best of the encoders alone.
        """
        if self.role == "encoder":
            return [(ForwardPass(self.name, "base"), self.name)]
        named = {"base": "base", "start": start, "best": best}
        return [
            (one, named[one.encoder])
            for one in self.passes
            if one.encoder != "best" or CANDIDATES[best].is_slow
        ]

    @property
    def is_trained(self) -> bool:
        """Whether it has a training of its own."""
        return bool(self.section)


def _lora(section: Any, encoder: "EncoderSettings", seed: int) -> "TuningMethod":
    from ticketkin.training.tuning_methods import Lora

    return Lora(section, encoder, seed)


def _full(section: Any, encoder: "EncoderSettings", seed: int) -> "TuningMethod":
    from ticketkin.training.tuning_methods import Full

    return Full(section, encoder, seed)


_LEARNED_FROM = (
    ForwardPass("base", "start"),
    ForwardPass("encoder", "best"),
)
CANDIDATES: dict[str, Candidate] = {
    candidate.name: candidate
    for candidate in (
        Candidate(
            "lexical",
            "Compare words",
            LineStyle(Color.GREY, ":", "s"),
            about="words in common, no model",
            role="lexical",
            always=True,
            by_default=True,
        ),
        Candidate(
            "base",
            "Encode with the untouched model",
            LineStyle(Color.ORANGE, "--", "o"),
            about="the untouched model: compares meaning",
            always=True,
            by_default=True,
        ),
        Candidate(
            "adapted",
            "Train the encoder on all texts, without labels",
            LineStyle(Color.BROWN, (0, (3, 1, 1, 1)), "P"),
            about="the model, trained further on your texts",
            section="adapted",
        ),
        Candidate(
            "head",
            "Tune a linear head on frozen embeddings",
            LineStyle(Color.GREEN, "-.", "^"),
            about="the model with a light adjustment learned from your links",
            by_default=True,
            section="head",
            more_sections=("strength", "fusion"),
        ),
        Candidate(
            "lora",
            "Tune the encoder with LoRA",
            LineStyle(Color.PURPLE, (0, (6, 1.5)), "D"),
            about="the model, tuned on your links",
            by_default=True,
            is_slow=True,
            section="lora",
            more_sections=("strength", "augment"),
            method=_lora,
        ),
        Candidate(
            "full",
            "Tune every weight of the encoder",
            LineStyle(Color.SKY, (0, (1, 1)), "X"),
            about="the model, every weight of it tuned on your links",
            is_slow=True,
            section="full",
            more_sections=("strength", "augment"),
            method=_full,
        ),
        Candidate(
            "hybrid",
            "Add up words and the untouched model",
            LineStyle(Color.BLACK, (0, (4, 2)), "*"),
            about="words and meaning added up; needs no links",
            role="ranking",
            passes=(ForwardPass("base", "base"),),
            always=True,
            by_default=True,
        ),
        Candidate(
            "fusion",
            "Learn a ranking",
            LineStyle(Color.BLUE, "-", "v"),
            about="words, meaning, fields and filing order, weighed as your links teach",
            role="ranking",
            passes=_LEARNED_FROM,
            is_learned=True,
            by_default=True,
        ),
        Candidate(
            "reranker",
            "Train a cross-encoder for the first of each list",
            LineStyle(Color.PINK, (0, (5, 1, 1, 1, 1, 1)), "h"),
            role="ranking",
            is_slow=True,
            passes=_LEARNED_FROM,
            is_learned=True,
            builds_on="fusion",
            reads_pairs=True,
            about="the learned ranking, whose first candidates a second model reads beside the ticket",
            section="reranker",
        ),
    )
}


def trained_candidates() -> list[Candidate]:
    """Return the candidates with a training of their own, in the order they are trained."""
    return [candidate for candidate in CANDIDATES.values() if candidate.is_trained]


def trained_encoders() -> list[Candidate]:
    """Return the encoders with a training of their own: each leaves embeddings of all tickets."""
    return [candidate for candidate in trained_candidates() if candidate.role == "encoder"]


def searched_candidates() -> list[str]:
    """Return the names of those whose settings can be searched: tuned on links."""
    return [candidate.name for candidate in trained_candidates() if "strength" in candidate.more_sections]


def slow_candidates() -> list[str]:
    """Return the names of those that the provisional table does not wait for."""
    return [candidate.name for candidate in CANDIDATES.values() if candidate.is_slow]


def always_tried() -> list[str]:
    """Return the names of those that are part of every run."""
    return [candidate.name for candidate in CANDIDATES.values() if candidate.always]


def known_candidate(name: str) -> str:
    """Return `name`. Raises ValueError where the registry holds no such candidate."""
    if name not in CANDIDATES:
        raise ValueError(f"{name!r} is no candidate; choose among {', '.join(CANDIDATES)}")
    return name


def known_encoder(name: str) -> str:
    """Return `name`. Raises ValueError where the registry holds no such encoder."""
    encoders = [candidate.name for candidate in CANDIDATES.values() if candidate.role == "encoder"]
    if name not in encoders:
        raise ValueError(f"{name!r} is no encoder; choose among {', '.join(encoders)}")
    return name
