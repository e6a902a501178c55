"""`keras.applications.ResNet50` as its users write it, under TensorFlow's own defaults: the reference to compare with.

Nothing of ours but the input pipeline: Keras' network, optimizer and loss in a plain `tf.function`, and no environment
variable or thread setting. `--source synthetic` is a float32 batch that stays on the device. Neighbours: `data/` makes
the other sources' batches, `config/runtime_support.py` says which options it has.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from resnet_bench.config import Config, resolved_value
from resnet_bench.errors import BenchError, ConfigError
from resnet_bench.records.base import Notice
from resnet_bench.records.run import DataFacts, Memory, ModelFacts, StepResult
from resnet_bench.runtime.keras_backend import require_tensorflow
from resnet_bench.runtime.resolve import resolve
from resnet_bench.worker.backends.base import Backend, Ended, Started
from resnet_bench.worker.phases import Phases
from resnet_bench.worker.timing import Bench

if TYPE_CHECKING:
    from resnet_bench.data import Input
    from resnet_bench.records.machine import Machine


class KerasReference(Backend):
    """The reference network, its step, and the batches that it reads."""

    def __init__(self, phases: Phases) -> None:
        super().__init__(phases)
        self._machine: Machine | None = None
        self._step: Any = None
        self._input: Input | None = None

    def prepare_environment(self, requested: Config) -> tuple[Notice, ...]:
        """Import TensorFlow and Keras as they are."""
        del requested
        require_tensorflow()
        import keras  # noqa: F401
        import tensorflow as tf  # noqa: F401

        return ()

    def start(self, requested: Config) -> Started:
        """Choose the device. The resolved configuration says what Keras' network is, whatever the defaults are."""
        import keras

        from resnet_bench import runtime
        from resnet_bench.runtime.contradictions import contradictions
        from resnet_bench.runtime.environment import collect

        machine = self._machine = runtime.find_machine(requested, runtime.inspect_host())
        config, notices = resolve(requested, machine)
        config = replace(
            config,
            model=replace(config.model, variant="v1", conv_bias=True, batch_norm="keras"),
            step=replace(config.step, label_smoothing=0.0, weight_decay=0.0),
        )
        _show_device(machine, config.runtime.memory_growth)
        keras.utils.set_random_seed(config.runtime.seed)
        about = (Notice.make("keras_reference"), *contradictions(config, machine, os.environ))
        return Started(config, machine, collect(machine), (*notices, *about))

    def open_input(self) -> None:
        """Open the source; a synthetic batch is made with the step."""
        from resnet_bench import runtime
        from resnet_bench.data import default_cache_dir, open_input

        assert self.config is not None
        assert self._machine is not None
        if self.config.data.has_pipeline:
            threads = runtime.threads(self.config, self._machine)
            self._input = open_input(self.config, threads, default_cache_dir(), "/CPU:0")

    def build(self) -> ModelFacts | None:
        """Keras' network, counted as ours is."""
        from resnet_bench import model as models

        assert self.config is not None
        if self.scope == "pipeline":
            raise ConfigError("--runtime keras has no pipeline of its own to measure.", "Use --runtime tensorflow.")
        self._step = _Step(self.config)
        return models.facts(self._step.model, self.config)

    def trace(self) -> None:
        """Trace the step on batches like those that it will read."""
        self._step.trace(as_pixels=self._input is not None)

    def first_call(self) -> None:
        """Run the step once."""
        self._step.dispatch(1)
        self._step.wait()

    def attach(self) -> Bench:
        """Read from the source from now on."""
        from resnet_bench.runtime.telemetry import Probe

        assert self._machine is not None
        if self._input is not None:
            self._step.batches = iter(self._input.dataset)  # type: ignore[arg-type]
        return Bench(self._step, Probe(self._machine))

    def data_facts(self) -> DataFacts:
        """The source's own facts."""
        return DataFacts(source="synthetic") if self._input is None else self._input.facts

    def prepared_notices(self) -> tuple[Notice, ...]:
        """How the input departs from what was requested."""
        return () if self._input is None else (*self._input.notices, *self.happened())

    def happened(self) -> tuple[Notice, ...]:
        """What happened to the processes of a tf.data service."""
        return () if self._input is None else self._input.happened()

    def finish(self) -> Ended:
        """The last loss, or whether the last probabilities are numbers."""
        import numpy as np

        assert self.config is not None
        last = self._step.last.numpy()
        finite = bool(np.isfinite(last).all())
        loss = float(last) if finite and self.config.step.mode == "train" else None
        return Ended(
            result=StepResult(loss=loss, finite=finite),
            memory=Memory(host_peak_bytes=self.phases.peaks),
            skipped_records=0 if self._input is None else self._input.skipped(),
        )

    def explain(self, error: BaseException) -> BenchError | None:
        """The record that is to blame, where it is the data."""
        return None if self._input is None else self._input.explain(error)


class _Step:
    """One compiled function with the batches that it is called with; `last` is the last call's result."""

    steps_per_call = 1
    own_thread = False

    def __init__(self, config: Config) -> None:
        import keras
        import tensorflow as tf

        height, width = resolved_value(config.model.image_size)
        self.images_per_call = batch = resolved_value(config.step.batch_size)
        self.model = keras.applications.ResNet50(
            weights=None, input_shape=(height, width, 3), classes=config.model.classes
        )
        self._function = _train(self.model, config) if config.step.mode == "train" else _infer(self.model)
        images = tf.random.stateless_uniform((batch, height, width, 3), (1, 2))
        self._resident = (images, tf.zeros((batch,), tf.int32))
        self.batches: Iterator[Any] | None = None
        self.last: Any = None
        self.steps_run = 0

    def trace(self, as_pixels: bool) -> None:
        """Trace; `as_pixels`: for uint8 images, as the pipeline makes them."""
        import tensorflow as tf

        if as_pixels:
            images, labels = self._resident
            self._resident = tf.cast(images * 255, tf.uint8), labels
        self._function.get_concrete_function(*self._resident)

    def dispatch(self, calls: int) -> None:
        """Run that many steps."""
        for _ in range(calls):
            self.last = self._function(*(self._resident if self.batches is None else next(self.batches)))
            self.steps_run += 1

    def wait(self) -> None:
        """Read the last result on the host."""
        self.last.numpy()


def _train(model: Any, config: Config) -> Any:
    import keras
    import tensorflow as tf

    rate, momentum = resolved_value(config.step.learning_rate), config.step.momentum
    sgd = config.step.optimizer == "sgd"
    optimizer = keras.optimizers.SGD(rate, momentum=momentum) if sgd else keras.optimizers.Adam(rate)
    optimizer.build(model.trainable_variables)
    loss_of = keras.losses.SparseCategoricalCrossentropy()

    @tf.function  # type: ignore[untyped-decorator]
    def train(images: Any, labels: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = loss_of(labels, model(_preprocessed(images), training=True))
        gradients = tape.gradient(loss, model.trainable_variables)
        optimizer.apply_gradients(zip(gradients, model.trainable_variables, strict=True))
        return loss

    return train


def _infer(model: Any) -> Any:
    import tensorflow as tf

    @tf.function  # type: ignore[untyped-decorator]
    def infer(images: Any, labels: Any) -> Any:
        del labels
        return model(_preprocessed(images), training=False)

    return infer


def _preprocessed(images: Any) -> Any:
    """Pixels as the network wants them; float images are so already."""
    import keras
    import tensorflow as tf

    if images.dtype != tf.uint8:
        return images
    return keras.applications.resnet50.preprocess_input(tf.cast(images, tf.float32))


def _show_device(machine: Machine, memory_growth: bool) -> None:
    """Let TensorFlow see the chosen device alone."""
    import tensorflow as tf

    if machine.device_kind == "cpu":
        tf.config.set_visible_devices([], "GPU")
        return
    gpu = tf.config.list_physical_devices("GPU")[int(machine.device.partition(":")[2])]
    tf.config.set_visible_devices([gpu], "GPU")
    tf.config.experimental.set_memory_growth(gpu, memory_growth)


def new_backend(phases: Phases) -> KerasReference:
    """The backend of `--runtime keras`."""
    return KerasReference(phases)
