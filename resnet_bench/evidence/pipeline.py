"""Option checks of the input pipeline, from tf.data's own model of the running iterator. Pure."""

from __future__ import annotations

from resnet_bench.config import resolved_value
from resnet_bench.config.fields import Value
from resnet_bench.evidence.check_input import Check, CheckInput, truth
from resnet_bench.records.evidence import OptionCheck, PipelineNode

MODEL = "get_model_proto of the running iterator"
IN_SERVICE = "it runs in the tf.data service's workers, which cannot be seen through the service"
NUM_PARALLEL_CALLS = Check(
    "num_parallel_calls",
    "images decoded in parallel",
    options=(
        "num_parallel_calls",
        "map_parallelization",
    ),
)
PREFETCH_BUFFER_SIZE = Check(
    "prefetch_buffer_size",
    "batches prefetched",
    options=(
        "prefetch_buffer_size",
        "inject_prefetch",
    ),
)


def checks(case: CheckInput) -> list[OptionCheck]:
    """Parallel maps, prefetching, and what tf.data added; nothing for synthetic input.

    With a tf.data service, images are decoded in its workers, whose pipelines cannot be read from here; batches are
    still prefetched in this process.
    """
    data = case.config.data
    if not data.has_pipeline:
        return []
    calls, depth = resolved_value(data.num_parallel_calls), resolved_value(data.prefetch_buffer_size)
    nodes = case.seen.pipeline
    if nodes is None:
        why = (
            "tf.data keeps no model of this pipeline" if case.seen.windows else "no process got as far as timed rounds"
        )
        if case.config.step.loop == "fit":
            why = "model.fit does not expose its iterator"
        elif not data.autotune:
            why = "tf.data models a pipeline only while it autotunes (--autotune)"
        return [
            case.check(NUM_PARALLEL_CALLS, requested=calls, why=why),
            case.check(PREFETCH_BUFFER_SIZE, requested=depth, why=why),
        ]
    if data.data_service is not None:
        return [case.check(NUM_PARALLEL_CALLS, requested=calls, why=IN_SERVICE), _prefetch(case, nodes, depth)]
    return [_parallel_calls(case, nodes, calls), _prefetch(case, nodes, depth)]


def _parallel_calls(case: CheckInput, nodes: tuple[PipelineNode, ...], requested: int) -> OptionCheck:
    """The decoding map is the most parallel one; the other maps only regroup."""
    parallel = [node.parallelism or 1 for node in nodes if "Map" in node.name and "Interleave" not in node.name]
    found = max(parallel, default=1)
    tuned = any(node.tuned for node in nodes if "ParallelMap" in node.name or "MapAndBatch" in node.name)
    facts: dict[str, Value] = {"stages": " <- ".join(node.name for node in nodes), "autotuned": tuned}
    return case.check(
        NUM_PARALLEL_CALLS,
        requested=requested,
        observed=found,
        source=MODEL,
        holds=truth(found == requested),
        facts=facts,
    )


def _prefetch(case: CheckInput, nodes: tuple[PipelineNode, ...], requested: int) -> OptionCheck:
    buffers = [node.buffer_size or 0 for node in nodes if node.name.startswith("Prefetch")]
    wanted = 1 if requested else 0
    # On a GPU, batches are also prefetched to the device.
    extra = 1 if case.on_gpu else 0
    right = wanted <= len(buffers) <= wanted + extra and (not requested or requested in buffers)
    if case.config.data.inject_prefetch:
        right = len(buffers) >= wanted and (not requested or requested in buffers)
    return case.check(
        PREFETCH_BUFFER_SIZE,
        requested=requested,
        observed=max(buffers, default=0),
        source=MODEL,
        holds=truth(right),
        facts={"prefetches": len(buffers)},
    )
