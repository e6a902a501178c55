"""Runs that were spoiled below the options, on tiny networks: each check fails where it should."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import keras
import msgspec
import pytest
import tensorflow as tf

from resnet_bench import evidence
from resnet_bench.config import Config
from resnet_bench.evidence import graph, live
from resnet_bench.evidence.threads import ThreadWatch
from resnet_bench.model.normalization import FusedBatchNormalization
from resnet_bench.records.evidence import OptionCheck, Seen
from resnet_bench.records.run import ModelFacts
from resnet_bench.step.make import make_step
from tests.support import tiny_steps

pytestmark = pytest.mark.usefixtures("keras_state")
Layer = Callable[[Any], Any]


def network(between: Layer = lambda x: x, *, second: str | None = None, norm: Layer | None = None) -> Any:
    """Two convolutions with a fused batch norm each; `between` them, `second` (a dtype) and `norm` are where a test
    puts its spoke into the wheel."""
    policy = keras.config.dtype_policy().name
    inputs = keras.Input((tiny_steps.SIZE, tiny_steps.SIZE, 3), name="images")
    x = keras.layers.Conv2D(6, 3, padding="same", use_bias=False, name="one")(inputs)
    x = between(keras.layers.ReLU()(FusedBatchNormalization(name="one_bn")(x)))
    x = keras.layers.Conv2D(6, 3, padding="same", use_bias=False, dtype=second or policy, name="two")(x)
    x = (norm or FusedBatchNormalization(name="two_bn"))(x)
    x = keras.layers.GlobalAveragePooling2D()(keras.layers.ReLU()(x))
    return keras.Model(inputs, keras.layers.Dense(tiny_steps.CLASSES, dtype="float32", name="last")(x))


def facts(convolutions: int = 2) -> ModelFacts:
    return ModelFacts(
        name="tiny",
        variant="v1.5",
        convolutions=convolutions,
        batch_norms=2,
        trainable_parameters=1,
        parameters=1,
        macs=1,
        input_shape=(8, 8, 3),
        classes=tiny_steps.CLASSES,
    )


def checks(
    model: Any, *given: str, convolutions: int = 2, run_as: dict[str, Any] | None = None, **options: Any
) -> dict[str, OptionCheck]:
    """What is claimed of steps that were really run; `run_as` are options that were not obeyed."""
    config = tiny_steps.configuration(
        **{"device": "cpu", "onednn": "off", "threads": 2, "inter_op_threads": 2, **options}
    )
    changed = {**options, **(run_as or {})}
    step = make_step(tiny_steps.configuration(**changed), tiny_steps.runtime(), model)
    step.trace()
    with live.collected_graphs() as partitions:
        step.first_call()
    step.attach(tiny_steps.resident())

    def run() -> tuple[int | None, bool | None]:
        step.dispatch(2)
        outcome = step.finish()
        return outcome.skipped, outcome.finite

    changes = live.changes(model, 2, run)
    inside = step.inside()
    seen = Seen(
        traced=graph.count(graph.nodes_of_function(inside.graph), "traced", "/CPU:0"),
        executed=live.executed(partitions, "executed", "/CPU:0", graph.sizes(inside.graph)),
        xla_clusters=live.xla_clusters(partitions),
        changes=changes,
        output_device=inside.output_device,
    )
    return {check.name: check for check in evidence.check_options(config, given, seen, model=facts(convolutions))}


NEEDS_A_WINDOW = {"stable_graph", "threads", "rounding"}


def refuted(found: dict[str, OptionCheck]) -> set[str]:
    """The checks that failed; all others that were run passed."""
    unknown = {name for name, check in found.items() if check.holds is None}
    assert unknown <= NEEDS_A_WINDOW
    return {name for name, check in found.items() if check.holds == "false"} - {"onednn"}


def test_an_honest_network_is_not_accused() -> None:
    found = checks(network())
    assert refuted(found) == set()
    assert found["batch_norm"].observed in ("2 fused", "2 fused with activation", "1 fused, 1 fused with activation")
    assert found["training"].observed == "8 of 8 variables and 4 of 4 statistics changed"
    assert found["precision"].facts == {"share in float32": 1.0}


def test_a_layer_left_in_float32() -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    found = checks(network(second="float32"), "precision", precision="mixed_bfloat16")
    assert {"precision_asked", "precision"} <= refuted(found)
    assert 0 < found["precision_asked"].facts["share in float32"] < 1  # type: ignore[operator]


def test_a_transpose_in_the_middle() -> None:
    found = checks(network(keras.layers.Permute((2, 1, 3))))
    assert refuted(found) == {"layout_changes"}


def test_an_unfused_batch_norm() -> None:
    found = checks(network(norm=keras.layers.BatchNormalization()), "batch_norm")
    assert refuted(found) == {"batch_norm"}
    assert found["batch_norm"].facts["separate"] == 1
    assert found["batch_norm"].explicit


def test_a_frozen_variable() -> None:
    model = network()
    model.get_layer("two").trainable = False
    found = checks(model)
    assert "training" in refuted(found)
    assert "two/kernel" in str(found["training"].facts["unchanged"])


def test_statistics_that_stand_still() -> None:
    model = network(norm=FusedBatchNormalization(momentum=1.0))
    assert refuted(checks(model)) == {"training"}


class Constant(keras.layers.Layer):  # type: ignore[misc]
    """Gives ones, whatever comes in."""

    def call(self, inputs: Any) -> Any:
        return tf.ones(inputs.shape[1:], inputs.dtype)[tf.newaxis]


def test_a_convolution_that_is_folded_to_a_constant() -> None:
    beside = keras.layers.Conv2D(6, 3, padding="same", use_bias=False)

    def branch(x: Any) -> Any:
        return keras.layers.Add()([x, beside(Constant()(x))])

    found = checks(network(branch), convolutions=3, mode="infer", freeze=True)
    assert refuted(found) == {"convolutions"}
    assert (found["convolutions"].requested, found["convolutions"].observed) == (3, 2)


def test_a_python_function_in_the_step() -> None:
    class Detour(keras.layers.Layer):  # type: ignore[misc]
        def call(self, inputs: Any) -> Any:
            return tf.ensure_shape(tf.numpy_function(lambda values: values, [inputs], inputs.dtype), inputs.shape)

    assert refuted(checks(network(Detour()), mode="infer")) == {"host_calls"}


def test_variables_that_were_not_frozen() -> None:
    found = checks(network(), "freeze", mode="infer", freeze=True, run_as={"freeze": False})
    assert "freeze" in refuted(found)
    assert refuted(checks(network(), "freeze", mode="infer", freeze=True)) == set()


def test_frozen_batch_norms_are_seen_inside_the_convolutions() -> None:
    assert checks(network(), mode="infer", freeze=True)["batch_norm"].observed == "2 folded into a convolution"


def test_a_retrace_inside_the_window() -> None:
    traces = []

    def total(images: Any) -> Any:
        traces.append(1)
        return tf.reduce_sum(images)

    step = tf.function(total)
    step(tf.ones((4, 8)))
    watch = ThreadWatch(lambda: len(traces), None)
    watch.begin()
    step(tf.ones((4, 8)))
    quiet = watch.end()
    watch.begin()
    step(tf.ones((3, 8)))
    disturbed = watch.end()
    assert (quiet.traces_inside, disturbed.traces_inside) == (0, 1)
    assert quiet.wall_s > 0


def test_what_the_device_keeps_of_float32_is_measured() -> None:
    found = live.arithmetic("/CPU:0")
    assert found.product_epsilon == found.convolution_epsilon == 2.0**-23


# In a process of their own: what TensorFlow reads when it is loaded

BELOW = """
import os, sys, pathlib, json
log = sys.argv[1]
os.dup2(os.open(log, os.O_WRONLY | os.O_CREAT), 2)
from resnet_bench.evidence import graph, live
from resnet_bench.evidence.threads import ThreadWatch
import tensorflow as tf

@tf.function(autograph=False)
def convolve(images):
    return tf.nn.conv2d(images, tf.ones((3, 3, 8, 8)), 1, "SAME")

@tf.function(autograph=False, jit_compile=True)
def compiled(images):
    return tf.reduce_sum(images * 2.0)

with live.collected_graphs() as partitions:
    convolve(tf.random.normal((4, 8, 8, 8)))
executed = live.executed(partitions, "executed", "/CPU:0", {})
compiled(tf.ones((4, 8)))
watch = ThreadWatch(lambda: 1, pathlib.Path(log))
watch.begin()
compiled(tf.ones((4, 8)))
same = watch.end()
watch.begin()
compiled(tf.ones((5, 8)))
other = watch.end()
print(json.dumps([executed.onednn, same.compilations, same.compilations_inside, other.compilations_inside]))
"""


def test_onednn_switched_off_in_the_environment_and_a_shape_that_changes_under_xla(
    child: Callable[..., str], tmp_path: Any
) -> None:
    code = BELOW.replace("sys.argv[1]", repr(str(tmp_path / "log")))
    logging = {"TF_CPP_VMODULE": "device_compilation_profiler=1", "TF_CPP_MIN_LOG_LEVEL": "0"}
    off = child(code, TF_ENABLE_ONEDNN_OPTS="0", **logging)
    operations, before, inside, changed = msgspec.json.decode(off.splitlines()[-1], type=list[int])
    assert operations == 0
    assert (before, inside, changed) == (1, 0, 1)
    executed = Seen(executed=msgspec.structs.replace(_some_operations(), onednn=operations))
    asked = Config(runtime=msgspec.structs.replace(tiny_steps.configuration().runtime, onednn="on"))
    config = tiny_steps.configuration(device="cpu", threads=1, inter_op_threads=1, onednn="off")
    found = {one.name: one for one in evidence.check_options(config, ("onednn",), executed, requested=asked)}
    assert (found["onednn"].holds, found["onednn"].explicit) == ("false", True)


CLUSTERED = """
from resnet_bench.evidence import live
import tensorflow as tf
weights = tf.Variable(tf.ones((3, 3, 8, 8)))

@tf.function(autograph=False)
def convolve(images):
    return tf.reduce_sum(tf.nn.relu(tf.nn.conv2d(images, weights, 1, "SAME") * 2.0 + 1.0))

with live.collected_graphs() as partitions:
    convolve(tf.ones((4, 8, 8, 8)))
print(live.xla_clusters(partitions))
"""


@pytest.mark.parametrize(("flags", "compiled"), [("", False), ("--tf_xla_auto_jit=2 --tf_xla_cpu_global_jit", True)])
def test_xla_that_the_environment_switched_on(child: Callable[..., str], flags: str, compiled: bool) -> None:
    clusters = int(child(CLUSTERED, TF_XLA_FLAGS=flags).splitlines()[-1])
    assert (clusters > 0) is compiled
    config = tiny_steps.configuration(device="cpu", threads=1, inter_op_threads=1)
    found = {one.name: one for one in evidence.check_options(config, ("xla",), Seen(xla_clusters=clusters))}
    assert (found["xla"].holds, found["xla"].explicit) == ("false" if compiled else "true", True)


def _some_operations() -> Any:
    return graph.count([graph.Node("conv", "Conv2D", "float32")], "executed", "/CPU:0")
