"""Every error Ticketkin raises on purpose.

The tree::

    TicketkinError                  one plain line for the user, never a traceback
    ├── InputError                  what the user gave can't be used (exit code 2)
    │   ├── UnreadableFileError     a file is missing, damaged, empty, too large or of an unknown kind
    │   ├── MappingError            columns can't be matched to ticket fields
    │   ├── LeakageError            a field known only after resolution was asked for as model input
    │   ├── ConfigurationError      a setting is unknown or out of range
    │   ├── OutputRefusedError      what would be written is a source, or would replace what is not ours
    │   └── UnsafeArtifactError     pickle, a path outside the run folder, remote code
    └── JobError                    the input was fine, the work could not be done (exit code 1)
        ├── MissingInputError       a stage lacks what an earlier stage makes; names the command
        ├── DamagedArtifactError    a file of a run can't be read; names the command that makes it again
        ├── StaleInputError         files of a run don't belong together; names the command
        ├── RunLockedError          another process works in this run folder
        ├── ModelUnavailableError   the encoder can't be had; names --offline and --base-model
        ├── MissingExtraError       an optional package is not installed; names the extra
        ├── NotEnoughDataError      too few tickets, links or classes for the step
        ├── StoreUnavailableError   the database can't be reached, is full, or was stopped
        ├── ModelNotReadyError      a process of a service can't answer by a model yet, or not at all
        └── InactiveAdapterError    an adapter changes nothing after reload

A message says what came, what is allowed, and what to do.
"""


class TicketkinError(Exception):
    """Base of all errors Ticketkin raises on purpose."""

    exit_code = 1


class InputError(TicketkinError):
    """What the user gave can't be used."""

    exit_code = 2


class UnreadableFileError(InputError):
    """A file is missing, damaged, empty, too large or of an unknown kind."""


class MappingError(InputError):
    """Columns can't be matched to ticket fields."""


class LeakageError(InputError):
    """A field known only after resolution was asked for as model input."""


class ConfigurationError(InputError):
    """A setting is unknown or out of range."""


class OutputRefusedError(InputError):
    """What would be written is a source, or would replace what Ticketkin did not write."""


class UnsafeArtifactError(InputError):
    """An artifact could run code or lies outside its folder."""


class JobError(TicketkinError):
    """The input was fine, the work could not be done."""


class MissingInputError(JobError):
    """A stage lacks what an earlier stage makes."""


class DamagedArtifactError(JobError):
    """A file of a run can't be read; the message names the command that makes it again."""


class StaleInputError(JobError):
    """What a command would read is not what the records of the run say; the message names the command."""


class RunLockedError(JobError):
    """Another process works in this run folder."""


class ModelUnavailableError(JobError):
    """The encoder can't be loaded or fetched."""


class MissingExtraError(JobError):
    """An optional package is not installed."""


class NotEnoughDataError(JobError):
    """Too few tickets, links or classes for the step."""


class ModelNotReadyError(JobError):
    """A process of a service can't answer by a model yet, or not at all."""


class StoreUnavailableError(JobError):
    """The database of a service can't be reached, is full, or was stopped."""


class InactiveAdapterError(JobError):
    """An adapter leaves the embeddings unchanged after reload."""
