"""Inside the worker: take commands from the pipe, carry them out, answer, end with the parent.

The protocol runs on duplicates of stdin and stdout; stdout itself is sent to stderr, and stderr is a
file, so that nothing that TensorFlow prints can be taken for an answer.
"""

from __future__ import annotations

import os
import signal
import sys
import traceback
from typing import BinaryIO

from resnet_bench.errors import BenchError, OutOfMemoryError
from resnet_bench.runtime.lifetime import die_with_parent
from resnet_bench.worker.backends.base import NewBackend
from resnet_bench.worker.commands import Commands
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


def serve(channel: Channel, worker: Commands) -> None:
    """Answer commands until `Finish` or end of file."""
    for line in channel.commands:
        command = decode_command(line)
        reply = answer(worker, command)
        channel.send(reply)
        if isinstance(command, Finish):
            return
        if command.then_stop:
            os.killpg(0, signal.SIGSTOP)


def answer(worker: Commands, command: object) -> Replies:
    """The reply to a command; an error becomes a `Failed`."""
    try:
        return worker.carry_out(command)
    except BenchError as error:
        failure = error
    except MemoryError:
        failure = OutOfMemoryError("Host memory ran out.", "Use a smaller --batch-size or --image-size.")
    except Exception as error:
        traceback.print_exc()
        failure = worker.translate(error)
    return Failed(kind=failure.kind, message=failure.message, remedy=failure.remedy, phase=worker.phases.name)


def main(new_backend: NewBackend | None = None) -> None:
    """Entry point of a worker process; its first argument is the parent's process id.

    `new_backend` takes the place of the backend that `--runtime` names, for tests and peers.
    """
    die_with_parent(int(sys.argv[1]))
    channel = Channel.from_stdio()
    serve(channel, Commands(channel.send, new_backend))
    # Leave without TensorFlow's destructors: they may hang in threads of the pipeline, and all that
    # matters has been sent.
    sys.stderr.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
