"""The step of a training to an accuracy: loss, hits and update in one compiled function, inference in another.

Computes what `bodies.train_body` does, with the optimizers of this package, and hands its variables out and in
by name, for checkpoints. With several replicas each takes an equal part of every batch. `training/loop.py` drives it.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np
import tensorflow as tf

from resnet_bench.config import Config
from resnet_bench.errors import DataError
from resnet_bench.step.base import Snapshot, batch_specs, dummy_batch, translated
from resnet_bench.step.loss import hits
from resnet_bench.step.optimizer import make_optimizer
from resnet_bench.step.step_functions import network_input, with_logits

if TYPE_CHECKING:
    from resnet_bench.runtime import Runtime


HOST = "/CPU:0"


class TrainingStep:
    """A network in training; see `training.loop.Stepper` for the methods that a loop calls.

    `config` is resolved; `model` gives float32 logits [B, classes]. `trace` and `first_call` come first, in this order.
    """

    def __init__(self, config: Config, rt: Runtime, model: Any) -> None:
        self._config, self._rt, self._model = config, rt, model
        self._strategy = rt.strategy
        self._replicas: int = rt.strategy.num_replicas_in_sync
        # Where whole batches arrive: each replica's device takes its part from the host.
        self._entry = rt.device if self._replicas == 1 else HOST
        self._optimizer = make_optimizer(config, rt, model)
        self._rate: float | None = None
        self._update: Any = None
        self._infer: Any = None

    def trace(self) -> None:
        """Trace both functions; nothing runs."""
        specs = batch_specs(self._config, self._entry)
        with self._guarded():
            self._update = self._compiled(self._train, *specs)
            self._infer = self._compiled(self._logits, specs[0])

    def first_call(self) -> None:
        """Run both on a dummy batch, and undo what that changed. Compiles under XLA; blocks."""
        with self._guarded():
            before = Snapshot([variable.value for variable in self._variables()])
            images, labels = dummy_batch(self._config, self._entry)
            self._update(images, labels)
            self._infer(images)
            self._rt.wait()
            before.restore()

    def train(self, images: Any, labels: Any, learning_rate: float) -> Any:
        """Hand over one step; returns its loss and hits, as tensors."""
        images_spec, labels_spec = batch_specs(self._config, self._entry)
        with self._guarded():
            if learning_rate != self._rate:
                self._optimizer.learning_rate = self._rate = learning_rate
            return self._update(tf.cast(images, images_spec.dtype), tf.cast(labels, labels_spec.dtype))

    def collect(self, steps: list[Any]) -> tuple[list[float], int]:
        """Losses and hits of these steps. Blocks."""
        with self._guarded():
            return [float(loss) for loss, _ in steps], sum(int(found) for _, found in steps)

    def logits(self, images: Any) -> Any:
        """Inference on a whole batch, float32 [B, classes]. Blocks."""
        with self._guarded():
            return self._infer(tf.cast(images, tf.uint8)).numpy()

    def state(self) -> dict[str, Any]:
        """Every variable of the network and the optimizer. Blocks."""
        return {name: variable.numpy() for name, variable in self._named().items()}

    def restore(self, state: Mapping[str, Any]) -> None:
        """Set every variable. `DataError` where one is missing, unknown or of another shape."""
        self._assign(self._named(), state)
        self._rate = None

    def weights(self) -> dict[str, Any]:
        """The network's variables. Blocks."""
        return {name: variable.numpy() for name, variable in self._named_weights().items()}

    def restore_weights(self, weights: Mapping[str, Any]) -> None:
        """Set the network's variables. `DataError` as in `restore`."""
        self._assign(self._named_weights(), weights)

    def skipped(self, steps: int) -> int | None:
        """How many of all `steps` so far loss scaling skipped; None without loss scaling. Blocks."""
        return steps - int(self._optimizer.iterations.numpy()) if self._rt.loss_scaling else None

    def _train(self, images: Any, labels: Any) -> tuple[Any, Any]:
        if self._replicas == 1:
            return self._train_part(images, labels)
        losses, found = self._strategy.run(self._train_part, (self._parts(images), self._parts(labels)))
        loss = self._strategy.reduce(tf.distribute.ReduceOp.MEAN, losses, axis=None)
        return loss, self._strategy.reduce(tf.distribute.ReduceOp.SUM, found, axis=None)

    def _logits(self, images: Any) -> Any:
        if self._replicas == 1:
            return self._logits_part(images)
        logits = self._strategy.run(self._logits_part, (self._parts(images),))
        return tf.concat(self._strategy.experimental_local_results(logits), axis=0)

    def _parts(self, whole: Any) -> Any:
        """A value per replica: its equal part of a batch, in order."""
        parts = tf.split(whole, self._replicas)
        return self._strategy.experimental_distribute_values_from_function(
            lambda context: parts[context.replica_id_in_sync_group]
        )

    def _train_part(self, images: Any, labels: Any) -> tuple[Any, Any]:
        loss, gradients, logits = with_logits(self._config, self._model, self._optimizer, images, labels)
        self._optimizer.apply(gradients, self._model.trainable_variables)
        if self._replicas > 1:
            self._average_statistics()
        return loss, hits(labels, tf.cast(logits, tf.float32), 1)

    def _average_statistics(self) -> None:
        """Give batch norm's moving statistics the same values on every replica: the mean of what each has seen.

        Left alone, each replica would keep its own and test with them, and only the first's would be saved.
        """
        layers = [layer for layer in self._model.layers if layer.trainable]
        moving = [variable.value for layer in layers for variable in layer.non_trainable_variables]
        if moving:
            context = tf.distribute.get_replica_context()
            means = context.all_reduce(tf.distribute.ReduceOp.MEAN, [tf.identity(variable) for variable in moving])
            for variable, mean in zip(moving, means, strict=True):
                variable.assign(mean)

    def _logits_part(self, images: Any) -> Any:
        return tf.cast(self._model(network_input(self._config, self._model, images), training=False), tf.float32)

    def _compiled(self, function: Any, *specs: Any) -> Any:
        return tf.function(function, jit_compile=self._rt.jit, autograph=False).get_concrete_function(*specs)

    @contextlib.contextmanager
    def _guarded(self) -> Iterator[None]:
        with translated(self._config), tf.device(self._entry):
            yield

    def _variables(self) -> list[Any]:
        return [*self._model.variables, *self._optimizer.variables]

    def _named_weights(self) -> dict[str, Any]:
        return _named("model", self._model.variables)

    def _named(self) -> dict[str, Any]:
        return {**self._named_weights(), **_named("optimizer", self._optimizer.variables)}

    @staticmethod
    def _assign(variables: Mapping[str, Any], values: Mapping[str, Any]) -> None:
        differing = sorted(variables.keys() ^ values.keys())
        differing += [name for name in variables if name in values and variables[name].shape != values[name].shape]
        if differing:
            raise DataError(
                f"The checkpoint belongs to another network or optimizer: {differing[0]} and "
                f"{len(differing) - 1} more variables differ.",
                "Resume with the options that it was begun with.",
            )
        for name, variable in variables.items():
            variable.assign(np.asarray(values[name]))


def _named(group: str, variables: list[Any]) -> dict[str, Any]:
    """Variables by their place and path, which no two share."""
    return {f"{group}/{number:04d}/{variable.path}": variable for number, variable in enumerate(variables)}
