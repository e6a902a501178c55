"""What `model.fit` costs: one fit call in a thread of its own, which takes exactly the steps it is given.

Owns `FitStep`. Network, loss, optimizer and normalisation are those of our own step; the loop, its metrics
and its callbacks are Keras'.
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any

import keras
import tensorflow as tf

from resnet_bench.config import Config, resolved_value
from resnet_bench.errors import BenchError
from resnet_bench.step.base import (
    Explain,
    Inside,
    Snapshot,
    StepOutcome,
    dummy_batch,
    endless,
    on_device,
    source_on,
    translated,
)
from resnet_bench.step.loss import cross_entropy
from resnet_bench.step.optimizer import make_optimizer
from resnet_bench.step.step_functions import counter_of, network_input, train_outcome

if TYPE_CHECKING:
    from resnet_bench.data import Input
    from resnet_bench.runtime import Runtime

ENDLESS_CALLS = 2**40


class StepClosed(Exception):  # noqa: N818 - a signal, not an error
    """Ends the fit call when its step is closed; never leaves the thread."""


class Gate(keras.callbacks.Callback):  # type: ignore[misc]
    """Lets `fit` start one call per permit. `done` calls have returned to Keras' loop.

    Only the beginning of a batch is watched: a callback that watches its end would make Keras read every
    loss from the device at once, which a plain `fit` leaves to another thread.
    """

    def __init__(self) -> None:
        super().__init__()
        self._change = threading.Condition()
        self._permits = 0
        self._begun = 0
        self._closed = False
        self._over = False
        self.done = 0
        self.failure: BaseException | None = None

    def on_train_batch_begin(self, batch: int, logs: Any = None) -> None:
        """Note that the call before this one is done; wait for a permit."""
        del batch, logs
        with self._change:
            self.done = self._begun
            self._change.notify_all()
            self._change.wait_for(lambda: self._closed or self._permits > self._begun)
            if self._closed:
                raise StepClosed
            self._begun += 1

    def permit(self, calls: int) -> None:
        """Allow that many more calls; does not wait."""
        with self._change:
            self._permits += calls
            self._change.notify_all()

    def drain(self) -> None:
        """Block until every permitted call is done; raises what ended the fit call, and `BenchError` if it ended by
        itself before that."""
        with self._change:
            self._change.wait_for(lambda: self._over or self.done == self._permits)
            if self.failure is not None:
                raise self.failure
            if self.done != self._permits:
                raise BenchError(
                    f"model.fit ended by itself after {self.done} of {self._permits} calls, so the requested steps did "
                    "not run.",
                    "Its input ended, or Keras limits the steps of an epoch (KERAS_MAX_STEPS_PER_EPOCH, keras.json).",
                )

    def close(self) -> None:
        """Let no further call start."""
        with self._change:
            self._closed = True
            self._change.notify_all()

    def ended(self, failure: BaseException | None) -> None:
        """Note that the fit call is over, and why."""
        with self._change:
            self._over, self.failure = True, failure
            self._change.notify_all()


class Normalized(keras.Model):  # type: ignore[misc]
    """The network with its normalisation in front, and Keras' own train step."""

    def __init__(self, config: Config, network: Any) -> None:
        super().__init__(name="normalized")
        self._config = config
        self._network = network
        self.traces = 0

    def call(self, images: Any, training: bool = False) -> Any:
        """uint8 images [B, H, W, C] to float32 logits [B, classes]."""
        return self._network(network_input(self._config, self._network, images), training=training)

    def train_step(self, data: Any) -> Any:
        """Keras' own; counted, because only a trace runs it in Python."""
        self.traces += 1
        return super().train_step(data)


class FitStep:
    """A `Step` whose steps are those of a running `model.fit`; `steps_per_execution` is `steps_per_call`."""

    own_thread = True

    def __init__(self, config: Config, rt: Runtime, model: Any) -> None:
        self.steps_per_call = config.step.steps_per_call
        self.images_per_call = resolved_value(config.step.batch_size) * self.steps_per_call
        self._config, self._rt = config, rt
        self._explain: Explain | None = None
        self._model = Normalized(config, model)
        self._optimizer = make_optimizer(config, rt, model)
        self._snapshot = Snapshot([variable.value for variable in (*model.variables, *self._optimizer.variables)])
        self._gate = Gate()
        self._thread: threading.Thread | None = None
        self._updates = counter_of(self._optimizer, rt.loss_scaling)

    @property
    def steps_run(self) -> int:
        """Steps since `attach`: the optimizer's updates, or with loss scaling those of the calls that Keras made."""
        return self._gate.done * self.steps_per_call if self._updates is None else self._updates()

    @property
    def traces(self) -> int:
        """How often Python traced the train step."""
        return self._model.traces

    def trace(self) -> None:
        """Compile in Keras' sense. Keras traces in its first call, and offers no way to do it before."""
        smoothing = self._config.step.label_smoothing
        with self._rt.strategy.scope():
            self._model.compile(
                optimizer=self._optimizer,
                loss=lambda labels, logits: cross_entropy(labels, logits, smoothing),
                # "auto" would be False on a CPU, under tf.distribute and with deterministic operations.
                jit_compile=self._rt.jit,
                steps_per_execution=self.steps_per_call,
                auto_scale_loss=False,  # make_optimizer has wrapped it already, and agrees over replicas.
            )
            self._model.make_train_function()

    def first_call(self) -> None:
        """Fit one call on a dummy batch, here and not in the thread; traces, and compiles under XLA."""
        with translated(self._config), tf.device(self._rt.device):
            batch = dummy_batch(self._config, self._rt.device)
            self._fit(endless(batch), 1, [])
            self._rt.wait()

    def attach(self, inp: Input) -> None:
        """Undo the dummy call's changes and start fitting on `inp`, held before its first batch."""
        assert self._thread is None, "a step reads one input"
        self._explain = inp.explain
        with translated(self._config, inp.explain), tf.device(self._rt.device):
            self._snapshot.restore()
            batch, dataset = source_on(self._rt.device, inp)
            if dataset is None:
                dataset = on_device(endless(batch), self._rt.device)
        self._thread = threading.Thread(target=self._work, args=(dataset,), name="fit", daemon=True)
        self._thread.start()

    def dispatch(self, calls: int) -> None:
        """Allow `calls` more calls; returns at once."""
        self._gate.permit(calls)

    def wait(self) -> None:
        """Block until they are done and the device is idle; raises what went wrong in the thread."""
        with translated(self._config, self._explain):
            if self._thread is not None:
                self._gate.drain()
            self._rt.wait()

    def finish(self) -> StepOutcome:
        """The result of the steps since `attach`; `loss` is the running mean that `fit` reports. Blocks."""
        self.wait()
        if self._gate.done == 0:
            return StepOutcome()
        loss = float(self._model.get_metrics_result()["loss"])
        return train_outcome(loss, self._optimizer, self._gate.done * self.steps_per_call, self._rt.loss_scaling)

    def inside(self) -> Inside:
        """Nothing: Keras keeps the function that it traced, and its iterator, to itself."""
        return Inside()

    def close(self) -> None:
        """End the fit call before its next batch, and its thread."""
        self._gate.close()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _work(self, dataset: Any) -> None:
        failure: BaseException | None = None
        try:
            with tf.device(self._rt.device):
                self._fit(dataset, ENDLESS_CALLS, [self._gate])
        except StepClosed:
            pass
        except BaseException as problem:
            failure = problem
        self._gate.ended(failure)

    def _fit(self, dataset: Any, calls: int, callbacks: list[Any]) -> None:
        self._model.fit(
            dataset,
            epochs=1,
            steps_per_epoch=calls * self.steps_per_call,
            callbacks=callbacks,
            verbose=0,
            shuffle=False,
        )
