"""Configuration: one frozen model a stage, composed into `workflows.settings.Settings`.

Order of precedence: defaults < ticketkin.toml < environment (TICKETKIN_SECTION__NAME) < flags
(`--set section.name=value`). Functions below `workflows/` receive their own part only.
"""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, model_validator

from ticketkin.core.stage_settings import StageSettings

PairSource = Literal[
    "links", "hard-negatives", "tfidf-hybrid", "curriculum-bands", "cross-category-positives", "borderline"
]
# What every generator of random numbers takes.
LARGEST_SEED = 2**32 - 1
Epochs = Annotated[int, Field(ge=0, le=10_000)]


class TicketSettings(StageSettings):
    """Reading, cleaning, redacting and composing tickets."""

    mapping: dict[str, str] = Field(default_factory=dict)
    """Ticket field to column name, for exports that are not recognised (`--map`)."""
    encoding: str = "auto"
    """Encoding of CSV and JSON files, such as cp1251; 'auto' finds it and notes a guess."""
    template: str = "{title}\n{description}"
    """Text a model reads; fields in braces. Context fields such as {category} belong at the end."""
    strip_mail_threads: bool = False
    """Drop quoted mail threads and signatures from descriptions."""
    redact: bool = True
    """Replace personal data and secrets by placeholders such as [EMAIL]."""
    redact_words: Path | None = None
    """File of names, user ids and phrases, one a line, that become [NAME] (`--redact-words`)."""
    redact_names: bool = False
    """Replace what a spaCy pipeline takes for a person's name; needs the extra `names` and a pipeline."""
    names_pipelines: tuple[str, ...] = ()
    """Packages of the spaCy pipelines for names, e.g. en_core_web_sm; none means every installed one."""
    max_characters: int = Field(default=20_000, ge=100, le=10_000_000)
    """Longer texts are cut here, counted and reported."""
    unreadable_times: Literal["error", "ignore"] = "error"
    """'error' refuses a file in which more than a tenth of the opening times can't be read."""


class LinkSettings(StageSettings):
    """Where links come from."""

    columns: tuple[str, ...] = ()
    """Column names of a link file: source, target and optionally kind (`--link-columns`)."""
    kinds: dict[str, str] = Field(default_factory=dict)
    """Link type as written in a file to duplicate, related, causal or ignore; added to the presets."""
    silver: Literal["auto", "never"] = "auto"
    """'auto' makes circular silver links only where people left none."""
    silver_pairs: int = Field(default=2_000, ge=10, le=1_000_000)
    """Number of silver pairs, 40 % positive, 30 % hard and 30 % easy negatives."""


class SplitSettings(StageSettings):
    """Train, evaluation and holdout."""

    by: Literal["category", "time"] = "category"
    """'category' splits at random, stratified; 'time' holds out the most recent kin groups."""
    train: float = Field(default=0.765, gt=0, lt=1)
    """Share of tickets to train on."""
    evaluation: float = Field(default=0.135, gt=0, lt=1)
    """Share of tickets to choose on; the rest is the holdout."""
    near_identical: float = Field(default=0.9, ge=0.5, le=1)
    """Estimated Jaccard similarity of word 3-shingles above which two texts share a template."""

    @model_validator(mode="after")
    def _leaves_a_holdout(self) -> "SplitSettings":
        if self.train + self.evaluation >= 1:
            raise ValueError(
                f"train + evaluation is {self.train + self.evaluation:g}; it must leave a holdout, "
                "so keep it below 1"
            )
        return self


class PairSettings(StageSettings):
    """Training and test pairs."""

    sources: tuple[PairSource, ...] = Field(default=("links", "hard-negatives"), min_length=1)
    """Where training pairs come from, in this order. Test pairs always come from links."""
    n_drawn: int = Field(default=2_000, ge=10, le=10_000_000)
    """Pairs that a source which draws from similarities adds, at most."""
    hybrid_hard_share: float = Field(default=0.3, ge=0, lt=1)
    """Share of hard negatives among the pairs of 'tfidf-hybrid'."""
    hard_negatives_per_positive: int = Field(default=3, ge=1, le=20)
    """Mined negatives for each positive."""
    max_positives_per_group: int = Field(default=50, ge=1, le=100_000)
    """Large kin groups are sampled down to this many positives."""
    false_negative_margin: float = Field(default=0.95, gt=0, le=1)
    """A negative more similar than this share of its positive's similarity is taken for unmarked kin."""
    n_neighbours: int = Field(default=50, ge=5, le=10_000)
    """Neighbours of each ticket searched for hard negatives."""


Runtime = Literal["torch", "openvino", "openvino-int8", "onnx-int8"]
"""What executes an encoder."""
AskedRuntime = Runtime | Literal["auto"]
"""What a user asks for; 'auto' is the fastest whose fidelity holds."""


class EncoderSettings(StageSettings):
    """The base model and how texts are encoded."""

    base_model: str = "sentence-transformers/all-mpnet-base-v2"
    """Hub name or local folder of the untouched encoder (`--base-model`)."""
    offline: bool = False
    """Use no network; without a local base model the packaged all-MiniLM-L6-v2."""
    max_length_tokens: int | None = Field(default=None, ge=8, le=131_072)
    """Longer texts are cut; None keeps the model's own limit."""
    batch_size: int = Field(default=16, ge=1, le=65_536)
    """Texts a batch while encoding; halves by itself when memory runs out."""
    device: Literal["auto", "cuda", "mps", "cpu"] = "auto"
    """'auto' takes CUDA, then MPS, then CPU."""
    runtime: AskedRuntime = "torch"
    """What executes the encoder. 'openvino' is exact to 1e-6 and faster on a CPU; the two in int8 are several
    times faster and close; 'auto' takes the first of openvino-int8, onnx-int8 and openvino that is installed,
    stays true to torch and is faster. A run is judged with 'torch' unless asked otherwise."""


class AugmentSettings(StageSettings):
    """More training positives from altered texts; never for the head, never for evaluation pairs."""

    methods: tuple[Literal["deletion", "swap", "duplication", "synonyms", "back-translation"], ...] = ()
    """In turn over the positives; none by default."""
    share: float = Field(default=0.5, gt=0, le=5)
    """Altered positives for each positive."""
    word_share: float = Field(default=0.1, gt=0, le=0.5)
    """Share of a text's words that 'deletion', 'swap', 'duplication' and 'synonyms' touch."""
    placement: Literal["mixed", "own-phase"] = "mixed"
    """In the phase of the positive they come from, or in a phase of their own before the first."""
    wordnet: str | None = None
    """Folder with WordNet's data.noun, data.verb, data.adj and data.adv, for 'synonyms'."""
    translators: tuple[str, ...] = ()
    """Two translation models, there and back, by hub name or folder, for 'back-translation'."""

    @model_validator(mode="after")
    def _has_what_its_methods_need(self) -> "AugmentSettings":
        if "synonyms" in self.methods and self.wordnet is None:
            raise ValueError("'synonyms' needs augment.wordnet, a folder with WordNet's data.noun and others")
        if "back-translation" in self.methods and len(self.translators) != 2:
            raise ValueError(
                f"'back-translation' needs two augment.translators, there and back; {len(self.translators)} "
                "given"
            )
        return self


class HeadSettings(StageSettings):
    """The linear head on frozen embeddings."""

    learning_rate: float = Field(default=3e-4, gt=0, le=1)
    """AdamW learning rate."""
    epochs: int = Field(default=10, ge=1, le=10_000)
    """Passes over the positives."""
    batch_size: int = Field(default=128, ge=2, le=65_536)
    """Positives a batch; kin groups are masked, never negatives of each other."""


class OptimiserSettings(StageSettings):
    """What every gradient training of the encoder shares."""

    learning_rate: float = Field(default=2e-5, gt=0, le=1)
    """Peak AdamW learning rate."""
    weight_decay: float = Field(default=0.0, ge=0, le=10)
    """AdamW weight decay."""
    schedule: Literal["constant", "linear", "cosine", "hold_cosine"] = "linear"
    """After the warm-up: the peak throughout, a linear or cosine decay, or a hold before the cosine."""
    warmup_share: float = Field(default=0.1, ge=0, lt=1)
    """Share of all steps spent warming up."""
    warmup_steps: int = Field(default=0, ge=0, le=10_000_000)
    """Steps spent warming up at least, whatever their share."""
    hold_share: float = Field(default=0.2, ge=0, lt=1)
    """Share of all steps at the peak before a 'hold_cosine' decays."""
    lowest_rate: float = Field(default=0.0, ge=0, le=1)
    """Learning rate below which no schedule falls."""
    batch_size: int = Field(default=32, ge=2, le=65_536)
    """Examples a step; halves when memory runs out."""
    max_length_tokens: int = Field(default=128, ge=8, le=131_072)
    """Tokens read of each text while training."""
    precision: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """'auto' takes bfloat16 on CUDA, float16 where it lacks that, float32 elsewhere."""
    gradient_checkpointing: bool = False
    """Recompute activations instead of keeping them: less memory, a third more time."""
    patience: int = Field(default=0, ge=0, le=10_000)
    """Epochs without a better MRR on the evaluation links before it stops with the best epoch's weights; 0
    trains to the end without looking."""
    checkpoint_steps: int = Field(default=20, ge=1, le=10_000_000)
    """A killed training continues from the last of these."""


class AdaptedSettings(OptimiserSettings):
    """Training on all texts without labels, before the other candidates begin."""

    objectives: tuple[Literal["mlm", "tsdae", "simcse"], ...] = Field(default=("mlm", "simcse"), min_length=1)
    """In this order: masked words, denoising auto-encoder, the same text twice under dropout."""
    texts: Literal["all", "train"] = "all"
    """Which tickets' texts; no link of any is read."""
    epochs: int = Field(default=1, ge=1, le=10_000)
    """Passes over the texts for each objective."""
    learning_rate: float = Field(default=2e-5, gt=0, le=1)
    """Peak AdamW learning rate."""
    mask_share: float = Field(default=0.15, gt=0, lt=1)
    """Share of words that 'mlm' hides."""
    deletion_share: float = Field(default=0.6, gt=0, lt=1)
    """Share of words that 'tsdae' drops from the text that is embedded."""


class TuningSettings(OptimiserSettings):
    """What tuning on kin adds."""

    epochs_per_phase: tuple[Epochs, Epochs, Epochs] = (1, 1, 1)
    """Passes over the easy, medium and hard phase; each phase keeps the earlier ones' positives."""
    batch_size: int = Field(default=32, ge=2, le=65_536)
    """Positives a batch (labelled pairs where there is no ranking loss); halves when memory runs out."""
    ranking_loss: Literal["none", "symmetric", "mnrl", "gist", "triplet"] = "symmetric"
    """On positives with mined negatives: InfoNCE in both directions or one, guided by the untouched model,
    or triplets."""
    labelled_loss: Literal["none", "cosent", "cosine", "angle", "online_contrastive"] = "cosent"
    """On labelled pairs."""
    contrastive_weight: float = Field(default=0.25, ge=0, le=1_000)
    """Weight of the labelled loss beside a ranking loss."""
    matryoshka_dimensions: tuple[Annotated[int, Field(ge=1, le=65_536)], ...] = ()
    """Losses are taken on the first so many dimensions too, so that embeddings may be cut there."""
    cached: bool = False
    """Gradients by way of cached embeddings: the memory of a small batch, the negatives of a large one."""


class LoraSettings(TuningSettings):
    """Low-rank adaptation of all linear layers."""

    rank: int = Field(default=16, ge=1, le=4_096)
    """Rank r of the update."""
    alpha: int = Field(default=32, ge=1, le=65_536)
    """Scale of the update is alpha / rank."""
    dropout: float = Field(default=0.05, ge=0, lt=1)
    """Dropout on the adapter's input."""
    learning_rate: float = Field(default=2e-4, gt=0, le=1)
    """Peak AdamW learning rate; about ten times that of full tuning."""


class FullSettings(TuningSettings):
    """Tuning of every weight."""

    batch_size: int = Field(default=16, ge=2, le=65_536)
    """Positives a batch; every weight has a gradient and two moments, so it needs more memory than LoRA."""


class StrengthSettings(StageSettings):
    """The sweep over the strength of a tuned candidate."""

    strengths: tuple[Annotated[float, Field(ge=0, le=10)], ...] = (0.0, 0.25, 0.5, 0.75, 1.0)
    """W + lambda * change; 0 is the untouched model and must be among them."""

    @model_validator(mode="after")
    def _holds_zero(self) -> "StrengthSettings":
        if 0.0 not in self.strengths:
            raise ValueError(f"strengths {self.strengths} must hold 0, the untouched model")
        return self


class FusionSettings(StageSettings):
    """The learned ranking over dense, lexical, field and time features."""

    depth: int = Field(default=60, ge=10, le=10_000)
    """Candidates taken from each first ranking."""
    folds: int = Field(default=5, ge=2, le=100)
    """Kin-group folds for weights and calibration that never saw what they score."""


class CrossEncoderSettings(OptimiserSettings):
    """A model that reads both tickets of a pair at once: slower, and it sees how they differ."""

    base_model: str = "cross-encoder/ms-marco-MiniLM-L-6-v2"
    """Hub name or local folder; offline without it, the packaged MiniLM with a fresh head."""
    method: Literal["full", "lora"] = "full"
    """Which weights learn; the head always does."""
    rank: int = Field(default=16, ge=1, le=4_096)
    """Rank r of 'lora'."""
    alpha: int = Field(default=32, ge=1, le=65_536)
    """Scale of 'lora' is alpha / rank."""
    dropout: float = Field(default=0.05, ge=0, lt=1)
    """Dropout on the adapter's input."""
    learning_rate: float = Field(default=5e-5, gt=0, le=1)
    """Peak AdamW learning rate."""
    epochs: int = Field(default=3, ge=1, le=10_000)
    """Passes over the pairs."""
    batch_size: int = Field(default=16, ge=2, le=65_536)
    """Pairs a step; halves when memory runs out."""
    max_length_tokens: int = Field(default=512, ge=16, le=131_072)
    """Tokens of both tickets together; the longer one is cut until they fit."""
    validation_share: float = Field(default=0.2, gt=0, lt=1)
    """Share of the training blocks on which the threshold is chosen and the probability calibrated."""
    none_per_cause: float = Field(default=3.0, gt=0, le=1_000)
    """Pairs that are no cause for each that is, where causes alone are learned."""
    folds: int = Field(default=3, ge=2, le=100)
    """Folds of tickets; one training each."""


RelationModel = Literal[
    "majority", "embedding_logistic", "logistic", "svm", "kernel_svm", "trees", "mlp", "cross_encoder"
]


class RelationSettings(StageSettings):
    """Which kind of kin a pair is."""

    model: RelationModel = "kernel_svm"
    """The classifier that is kept."""
    compare: tuple[RelationModel, ...] = ()
    """Further classifiers to assess beside it; `ticketkin relations --compare` names all."""
    ablation: bool = False
    """Assess it without each group of features, too."""
    causes: bool = False
    """Train a cross-encoder for cause or not a cause, too."""
    cross_encoder: CrossEncoderSettings = CrossEncoderSettings()
    """How cross-encoders are trained."""
    contradictions: Literal["drop", "majority"] = "drop"
    """What becomes of a pair that is told as two kinds: left out, or what most say (ties are left out)."""
    none_per_linked: float = Field(default=3.0, gt=0, le=1_000)
    """Strangers drawn for each linked pair."""
    folds: int = Field(default=5, ge=2, le=100)
    """Folds of tickets; no ticket stands in two."""
    repeats: int = Field(default=3, ge=1, le=1_000)
    """Times the folds are drawn anew."""
    depth: int = Field(default=10, ge=1, le=10_000)
    """Nearest tickets of each that are classified."""
    say_precision: float = Field(default=0.8, gt=0, le=1)
    """Precision on evaluation tickets from which on a kind is said outright."""
    suggest_precision: float = Field(default=0.5, gt=0, le=1)
    """Precision from which on it is suggested; below it stays silent."""


class FamilySettings(StageSettings):
    """The graph of all kin."""

    said: bool = False
    """Add what the relation model says outright of every ticket's nearest earlier ones."""


class EvaluationSettings(StageSettings):
    """Metrics, thresholds, intervals."""

    n_bootstrap: int = Field(default=1_000, ge=100, le=1_000_000)
    """Resamples of kin groups behind each 95 % interval."""
    threshold_target: Literal["false_positive_rate", "precision", "f1"] = "false_positive_rate"
    """What the threshold is chosen for, on evaluation pairs only."""
    target_value: float = Field(default=0.05, gt=0, lt=1)
    """The false-positive rate not to exceed, or the precision to reach."""
    prevalence: float = Field(default=0.01, gt=0, lt=1)
    """Share of true kin among the pairs a user will meet; precision is stated at it."""
    negatives_per_positive: int = Field(default=5, ge=1, le=1_000)
    """Negatives in the fixed evaluation and holdout pairs."""


class ReadinessSettings(StageSettings):
    """What a model must reach before it is put to work; the defaults are strict."""

    roc_auc: float = Field(default=0.95, gt=0.5, le=1)
    """ROC-AUC of the holdout pairs; 'good' asks .85 and 'minimum' .75 whatever stands here."""
    spearman: float = Field(default=0.80, gt=0, le=1)
    """Spearman correlation on balanced pairs; for other shares of kin it is scaled by its ceiling there."""
    false_positive_rate: float = Field(default=0.20, gt=0, lt=1)
    """Share of strangers called kin at the chosen threshold, at most."""
    holdout_gap: float = Field(default=0.05, gt=0, lt=1)
    """Share by which MRR on the holdout may lie below that on the evaluation links."""
    latency_ms: float = Field(default=500.0, gt=0, le=86_400_000)
    """Milliseconds to encode one ticket and rank all others, at most."""
