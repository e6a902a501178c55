"""`keras.applications.ResNet50` as its users write it, under TensorFlow's own defaults.

Nothing of ours but the protocol: Keras' network, optimizer and loss, a plain `tf.function`, a float32
batch that lies on the device, and no environment variable or thread setting.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from resnet_bench.config import Config, resolved_value
from resnet_bench.errors import BenchError
from resnet_bench.records.run import ColdStart, DataFacts, Interference, Memory, StepCounts
from resnet_bench.worker import child
from resnet_bench.worker import protocol as p
from resnet_bench.worker.timing import Bench


class _Watch:
    """No probe: neither side's telemetry may cost the other anything."""

    def begin(self) -> None:
        """Nothing to remember."""

    def end(self) -> Interference:
        """Nothing known."""
        return Interference()


class _Step:
    """A compiled function with its resident batch."""

    steps_per_call = 1
    own_thread = False

    def __init__(self, config: Config) -> None:
        import keras
        import tensorflow as tf

        height, width = resolved_value(config.model.image_size)
        self.images_per_call = resolved_value(config.step.batch_size)
        model = keras.applications.ResNet50(weights=None, input_shape=(height, width, 3), classes=config.model.classes)
        images = tf.random.stateless_uniform((self.images_per_call, height, width, 3), (1, 2))
        labels = tf.zeros((self.images_per_call,), tf.int32)
        loss_of = keras.losses.SparseCategoricalCrossentropy()
        optimizer = keras.optimizers.SGD(0.01, momentum=0.9)

        @tf.function  # type: ignore[untyped-decorator]
        def train(images: Any, labels: Any) -> Any:
            with tf.GradientTape() as tape:
                loss = loss_of(labels, model(images, training=True))
            optimizer.apply_gradients(
                zip(tape.gradient(loss, model.trainable_variables), model.trainable_variables, strict=True)
            )
            return loss

        @tf.function  # type: ignore[untyped-decorator]
        def infer(images: Any, labels: Any) -> Any:
            del labels
            return model(images, training=False)

        self._function = train if config.step.mode == "train" else infer
        self._batch = (images, labels)
        self._last: Any = None

    def dispatch(self, calls: int) -> None:
        """Run that many steps."""
        for _ in range(calls):
            self._last = self._function(*self._batch)

    def wait(self) -> None:
        """Read the last result on the host."""
        self._last.numpy()


class Peer:
    """The worker's side of the protocol."""

    def __init__(self, send: Callable[[p.Message], None]) -> None:
        self.phase = "start"
        self._send = send
        self._bench: Bench | None = None

    def carry_out(self, command: object) -> p.Replies:
        """Answer what the duet asks."""
        if isinstance(command, p.Prepare):
            step = _Step(command.config)
            step.dispatch(1)
            step.wait()
            self._bench = Bench(step, _Watch())
            return p.Prepared(cold_start=ColdStart(), model=None, data=DataFacts(source="synthetic"))
        if isinstance(command, p.WarmUp | p.Measure):
            assert self._bench is not None
            rounds = command.steps if isinstance(command, p.WarmUp) else command.rounds
            steps = 1 if isinstance(command, p.WarmUp) else command.steps
            for one in self._bench.rounds(rounds, steps):
                self._send(p.RoundDone(round=one))
            return p.Timed()
        return p.Finished(memory=Memory(), counts=StepCounts())

    def translate(self, error: BaseException) -> BenchError:
        """Pass it on."""
        return BenchError(f"{type(error).__name__}: {error}")


if __name__ == "__main__":
    child.main(Peer)
