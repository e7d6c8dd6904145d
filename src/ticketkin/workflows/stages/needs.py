"""What a stage opens beside its inputs: models, programs and packages, as far as the job alone tells.

Each function raises as the stage itself would, hours later. No model is loaded, and none is fetched.
"""

from ticketkin.encoders.adapter import check_adapters_can_be_trained
from ticketkin.encoders.cross_encoder import check_cross_base
from ticketkin.encoders.loading import check_at_hand
from ticketkin.encoders.model_code import trust_code
from ticketkin.encoders.runtime.record import require_exports
from ticketkin.relations.cross_kinds import CROSS_ENCODER
from ticketkin.training.augmentation import check_augmentation
from ticketkin.training.candidates import Candidate
from ticketkin.training.cross_encoder import check_pair_reader
from ticketkin.training.settings import PairReaderSettings
from ticketkin.workflows.configuration import Job


def embedding_needs(job: Job) -> None:
    """Look for the base model, and for what executes it."""
    encoder = job.settings.encoder
    trust_code(encoder.trust_code)
    check_at_hand(encoder.base_model, offline=encoder.offline)
    require_exports(encoder.runtime)


def tuning_needs(candidate: Candidate, job: Job) -> None:
    """Look for what tuning on links needs: what alters texts, and peft for LoRA.

    Where folds judge and are not granted the time, nothing is tuned. Whether they judge may depend on the
    links: then an extra that is not installed may not be needed, whereas texts are altered by request alone.
    """
    settings = job.settings
    granted = settings.evaluation.tuned_in_folds
    if job.evaluation_by == "folds" and not granted:
        return
    check_augmentation(settings.augment, offline=settings.encoder.offline)
    if candidate.name == "lora" and (granted or job.evaluation_by == "split"):
        check_adapters_can_be_trained()


def reranker_needs(job: Job) -> None:
    """Look for the base of the reranker, which folds leave out."""
    if job.evaluation_by != "folds":
        _pair_reader_needs(job.settings.reranker, job)


def kinds_needs(job: Job) -> None:
    """Look for the base of cross-encoders of kinds and causes, where one is trained."""
    relations = job.settings.relations
    if relations.trains_cross_encoders or CROSS_ENCODER in relations.compare:
        _pair_reader_needs(relations.cross_encoder, job)


def _pair_reader_needs(settings: PairReaderSettings, job: Job) -> None:
    check_cross_base(settings.base_model, job.settings.encoder)
    check_pair_reader(settings)
