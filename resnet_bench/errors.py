"""Every way this tool can refuse or fail, each with its exit code.

Owns the `BenchError` family. The command line turns one of these into one line on stderr; a worker
sends it to its parent as data. Imports nothing of the package.
"""

from __future__ import annotations


class BenchError(Exception):
    """What went wrong and what to do next, for the person who typed the command.

    `message` names the option or file, the value received and what is allowed; `remedy` says what to
    try. `exit_code` is what the command line exits with.
    """

    exit_code = 1
    kind = "error"

    def __init__(self, message: str, remedy: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}".rstrip()


class ConfigError(BenchError):
    """An option, or a combination of options, that is not allowed."""

    exit_code = 2
    kind = "config"


class DataError(BenchError):
    """An input file, record or image that cannot be used."""

    exit_code = 3
    kind = "data"


class DeviceError(BenchError):
    """A device that was requested, or that the machine has, cannot be used."""

    exit_code = 4
    kind = "device"


class OutOfMemoryError(BenchError):
    """Host or device memory ran out."""

    exit_code = 5
    kind = "out_of_memory"


class WorkerError(BenchError):
    """A worker process crashed, was killed or fell silent."""

    exit_code = 6
    kind = "worker"


class BudgetError(BenchError):
    """The time budget ended before anything could be measured."""

    exit_code = 7
    kind = "budget"


class RecordError(BenchError):
    """A record that cannot be read or written."""

    exit_code = 8
    kind = "record"


class SlowerError(BenchError):
    """`--fail-if-slower`: a slowdown beyond the threshold at 95 % confidence."""

    exit_code = 9
    kind = "slower"


class IncomparableError(BenchError):
    """Records whose workload or machine differ, or that hold nothing to compare."""

    exit_code = 10
    kind = "incomparable"


class NotValidError(BenchError):
    """`--require-valid`: the run finished, but its verdict is not `valid`."""

    exit_code = 11
    kind = "not_valid"


class StreamError(BenchError):
    """Standard output is full or closed."""

    exit_code = 12
    kind = "output"


ERRORS: dict[str, type[BenchError]] = {
    error.kind: error
    for error in (
        BenchError,
        ConfigError,
        DataError,
        DeviceError,
        OutOfMemoryError,
        WorkerError,
        BudgetError,
        RecordError,
        SlowerError,
        IncomparableError,
        NotValidError,
        StreamError,
    )
}


def from_kind(kind: str, message: str, remedy: str) -> BenchError:
    """The error of that `kind`, rebuilt from what a worker sent."""
    return ERRORS.get(kind, BenchError)(message, remedy)
