"""Objectives that need texts alone: masked words, denoising, the same text twice."""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ticketkin.core.errors import ConfigurationError
from ticketkin.training.losses import ranking_loss
from ticketkin.training.objective import Objective, embed_rows
from ticketkin.training.settings import AdaptedSettings
from ticketkin.training.tuning_data import Step

if TYPE_CHECKING:
    from torch import Tensor


def objective_named(name: str, model: Any, texts: Sequence[str], settings: AdaptedSettings) -> Objective:
    """Return the objective `name` over `texts`; `model` is changed in place by its training.

    Raises ConfigurationError where the architecture does not allow it.
    """
    kinds: dict[str, Callable[[Any, Sequence[str], AdaptedSettings], Objective]] = {
        "mlm": MaskedWords,
        "tsdae": Denoising,
        "simcse": TwiceUnderDropout,
    }
    return kinds[name](model, texts, settings)


class _TextObjective(Objective):
    def __init__(self, model: Any, texts: Sequence[str], settings: AdaptedSettings) -> None:
        self.model, self.texts, self.settings = model, texts, settings

    def _texts_of(self, step: Step) -> list[str]:
        return [self.texts[row] for row in step.positives]


class MaskedWords(_TextObjective):
    """Guess hidden words (Devlin et al. 2019, arXiv:1810.04805); the guessing layer begins at random."""

    def __init__(self, model: Any, texts: Sequence[str], settings: AdaptedSettings) -> None:
        from transformers import AutoModelForMaskedLM, DataCollatorForLanguageModeling

        super().__init__(model, texts, settings)
        encoder = model.transformers_model
        try:
            guesser: Any = AutoModelForMaskedLM.from_config(encoder.config)
        except ValueError as error:
            raise _not_for(encoder, "mlm") from error
        # The trained encoder replaces the prediction model's own encoder, so the loss trains its weights.
        setattr(guesser, guesser.base_model_prefix, encoder)
        guesser.tie_weights()
        self.guesser = guesser.to(model.device).train()
        self._collate = DataCollatorForLanguageModeling(
            model.tokenizer, mlm_probability=settings.mask_share, return_tensors="pt"
        )

    def own_weights(self) -> dict[str, "Tensor"]:
        """Return the weights of the prediction layer."""
        return _beside(self.guesser, self.model)

    def loss(self, step: Step) -> "Tensor":
        """Return the mean cross-entropy of the hidden words."""
        tokens = self.model.tokenizer(
            self._texts_of(step), truncation=True, max_length=self.model.max_seq_length, verbose=False
        )
        rows = [
            {"input_ids": ids, "attention_mask": mask}
            for ids, mask in zip(tokens["input_ids"], tokens["attention_mask"], strict=True)
        ]
        batch = {name: value.to(self.model.device) for name, value in self._collate(rows).items()}
        if not bool((batch["labels"] >= 0).any()):  # short texts: nothing was hidden by chance
            nothing: Tensor = self.guesser(**batch).logits.sum() * 0.0
            return nothing
        loss: Tensor = self.guesser(**batch).loss
        return loss


class Denoising(_TextObjective):
    """Reconstruct a text from the embedding of its remaining words (TSDAE, Wang et al. 2021)."""

    def __init__(self, model: Any, texts: Sequence[str], settings: AdaptedSettings) -> None:
        from sentence_transformers.sentence_transformer.losses import DenoisingAutoEncoderLoss

        super().__init__(model, texts, settings)
        try:
            self._decoder: Any = DenoisingAutoEncoderLoss(model, tie_encoder_decoder=True)
        except (ValueError, AttributeError, KeyError, TypeError, AssertionError) as error:
            raise _not_for(model.transformers_model, "tsdae") from error
        self._decoder.decoder.to(model.device).train()

    def own_weights(self) -> dict[str, "Tensor"]:
        """Return the weights of the decoder that it does not share with the encoder."""
        return _beside(self._decoder.decoder, self.model)

    def loss(self, step: Step) -> "Tensor":
        """Return the mean cross-entropy of the words of the whole text."""
        whole = self._texts_of(step)
        sides = [self.model.preprocess([self._damaged(text) for text in whole]), self.model.preprocess(whole)]
        on_device = [
            {n: v.to(self.model.device) if hasattr(v, "to") else v for n, v in side.items()} for side in sides
        ]
        loss: Tensor = self._decoder(on_device, None)
        return loss

    def _damaged(self, text: str) -> str:
        """Drop words at random, by torch's numbers so that a continued training draws the same."""
        import torch

        words = text.split()
        if len(words) < 2:
            return text
        drawn = torch.rand(len(words)).numpy()
        kept = np.flatnonzero(drawn >= self.settings.deletion_share)
        return " ".join(words[place] for place in (kept if len(kept) else [int(drawn.argmax())]))


class TwiceUnderDropout(_TextObjective):
    """A text under two dropout masks is a positive (SimCSE, Gao et al. 2021, arXiv:2104.08821)."""

    def __init__(self, model: Any, texts: Sequence[str], settings: AdaptedSettings) -> None:
        super().__init__(model, texts, settings)
        rates = [module.p for module in model.modules() if type(module).__name__ == "Dropout"]
        if not any(rate > 0 for rate in rates):
            raise ConfigurationError(
                f"{type(model.transformers_model).__name__} has no dropout, so 'simcse' would compare a text "
                "with its exact double; leave it out of adapted.objectives"
            )

    def loss(self, step: Step) -> "Tensor":
        """Return InfoNCE in both directions; texts that repeat one of the batch are no negatives."""
        import torch

        texts = self._texts_of(step)
        one, other = (embed_rows(self.model, texts, self.model.device) for _ in range(2))
        same = np.array(texts, dtype=object)
        masked = torch.from_numpy((same[:, None] == same[None, :]) & ~np.eye(len(texts), dtype=np.bool_))
        return ranking_loss(one, other, one[:0], masked.to(one.device))


def _beside(whole: Any, encoder: Any) -> dict[str, "Tensor"]:
    """Return the parameters of `whole` that are not the encoder's, by name; the encoder's must learn too."""
    of_encoder = {id(weight) for weight in encoder.parameters()}
    return {f"own.{n}": weight for n, weight in whole.named_parameters() if id(weight) not in of_encoder}


def _not_for(encoder: Any, objective: str) -> ConfigurationError:
    return ConfigurationError(
        f"The architecture {type(encoder).__name__} does not allow {objective!r}; set adapted.objectives to "
        "what it does allow, such as simcse"
    )
