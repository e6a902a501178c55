"""Inside the worker: take commands from the pipe, carry them out, answer, die with the parent.

The protocol runs on duplicates of stdin and stdout; stdout itself is sent to stderr, and stderr is a
file, so that nothing that TensorFlow prints can be taken for an answer.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from collections.abc import Callable
from typing import BinaryIO, Protocol

from resnet_bench.errors import BenchError, OutOfMemoryError
from resnet_bench.runtime.lifetime import die_with_parent
from resnet_bench.worker.commands import Phases
from resnet_bench.worker.protocol import Failed, Finish, Message, Replies, decode_command, encode


class Channel:
    """The worker's end of the pipe."""

    def __init__(self, commands: BinaryIO, answers: BinaryIO) -> None:
        self.commands = commands
        self._answers = answers

    @classmethod
    def from_stdio(cls) -> Channel:
        """Claim stdin and stdout for the protocol, and send prints to stderr."""
        commands, answers = os.fdopen(os.dup(0), "rb"), os.fdopen(os.dup(1), "wb", buffering=0)
        null = os.open(os.devnull, os.O_RDONLY)
        os.dup2(null, 0)
        os.close(null)
        os.dup2(2, 1)
        return cls(commands, answers)

    def send(self, message: Message) -> None:
        """Write one message at once."""
        self._answers.write(encode(message))


class CommandLoop(Protocol):
    """Who carries commands out: `phases.Phases`, or a peer under test."""

    phase: str

    def carry_out(self, command: object) -> Replies:
        """The reply to one command."""

    def translate(self, error: BaseException) -> BenchError:
        """What an unexpected exception means to the user."""


def serve(channel: Channel, worker: CommandLoop) -> None:
    """Answer commands until `Finish` or end of file."""
    for line in channel.commands:
        command = decode_command(line)
        reply = _answer(worker, command)
        channel.send(reply)
        if isinstance(command, Finish):
            return
        if command.then_stop:
            os.killpg(0, signal.SIGSTOP)


def _answer(worker: CommandLoop, command: object) -> Replies:
    try:
        return worker.carry_out(command)
    except BenchError as error:
        failure = error
    except MemoryError:
        failure = OutOfMemoryError("Host memory ran out.", "Use a smaller --batch-size or --image-size.")
    except Exception as error:
        traceback.print_exc()
        failure = worker.translate(error)
    return Failed(kind=failure.kind, message=failure.message, remedy=failure.remedy, phase=worker.phase)


def main(new_worker: Callable[[Callable[[Message], None]], CommandLoop] = Phases) -> None:
    """Entry point of a worker process; its first argument is the parent's process id."""
    die_with_parent(int(sys.argv[1]))
    channel = Channel.from_stdio()
    serve(channel, new_worker(channel.send))
    # Leave without TensorFlow's destructors: they may hang in threads of the pipeline, and all that
    # matters has been sent.
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
