"""Requests that are refused for more than what they say: who sends them, how often, and what is not there."""

from collections.abc import Mapping

from ticketkin.core.errors import InputError


class RefusedError(InputError):
    """A request that its sender may not make, or not now."""

    status = 403
    headers: Mapping[str, str] = {}


class UnknownTicketError(RefusedError):
    """No stored ticket has this id or number."""

    status = 404


class TooLargeError(RefusedError):
    """More than one request may hold."""

    status = 413


class UnknownAnswerError(RefusedError):
    """There is no such answer."""

    status = 404


class UnknownProposalError(RefusedError):
    """There is no such proposal."""

    status = 404


class UnknownSourceError(RefusedError):
    """No source of this name has sent tickets."""

    status = 404


class ConflictError(RefusedError):
    """What is asked for does not go with what was done before."""

    status = 409


class NotSignedInError(RefusedError):
    """Nobody knows who sends this."""

    status = 401
    headers: Mapping[str, str] = {"WWW-Authenticate": "Bearer"}


class TooManyRequestsError(RefusedError):
    """More than one sender may ask for in a minute."""

    status = 429

    def __init__(self, message: str, seconds: float) -> None:
        super().__init__(message)
        self.headers = {"Retry-After": str(max(1, round(seconds)))}
