"""One configuration three times, interleaved: end to end, its model alone, its pipeline alone.

Whatever happens, the result is a `BottleneckRecord`. Neighbours: `paired/interleave.py` alternates the rounds,
`analysis/bottleneck.py` says what the three speeds mean, `cli/bottleneck.py` asks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence

import resnet_bench
from resnet_bench.analysis.bottleneck import analyse, efficiency
from resnet_bench.config import Config
from resnet_bench.config.option import protocol_of
from resnet_bench.data.service import LOCAL
from resnet_bench.errors import ConfigError
from resnet_bench.experiments.ending import ended
from resnet_bench.experiments.ignored_options import ignored_options
from resnet_bench.experiments.paired import interleave
from resnet_bench.experiments.paired.interleave import Interleaver
from resnet_bench.experiments.paired.side import Budget, Side
from resnet_bench.experiments.process import CLOSING_S
from resnet_bench.experiments.progress import PairedObserver
from resnet_bench.records.ab import SideFacts
from resnet_bench.records.base import Estimate, Notice, distinct
from resnet_bench.records.bottleneck import BottleneckRecord, BottleneckSamples, Sharing
from resnet_bench.records.files import new_id, now
from resnet_bench.records.machine import Machine
from resnet_bench.records.record import Configuration
from resnet_bench.runtime.resolve import usable_cpus
from resnet_bench.worker.interface import Worker
from resnet_bench.worker.process import WorkerProcess

WHOLE, MODEL, PIPELINE = "end to end", "model alone", "pipeline alone"


def check(config: Config) -> None:
    """Refuse a configuration without both a model and a pipeline to measure."""
    if config.step.mode == "input":
        raise ConfigError("--mode input has no model to measure.", "Use --mode train or infer.")
    if not config.data.has_pipeline:
        raise ConfigError(
            "--source synthetic has no pipeline to measure.",
            "Use --source photos, tfrecord or folder; the model alone is measured with synthetic data anyway.",
        )
    if config.step.batch_size == "max":
        raise ConfigError(
            "--batch-size max works with run only: with other live processes, less memory is free.",
            "Find it with bench-cli run, then give the number.",
        )


def measure(
    config: Config,
    given: tuple[str, ...] = (),
    observer: PairedObserver | None = None,
    started: float | None = None,
    new_worker: Callable[[], Worker] = WorkerProcess,
) -> BottleneckRecord:
    """Measure the three interleaved and return the result; blocks. `--processes` are the repetitions, `--rounds` the
    rounds of each, of `--steps` steps, or about half a second.

    `started` is when the command began (`time.monotonic`), which the budget counts from. Raises `ConfigError` where
    `check` does; everything else becomes the outcome.
    """
    check(config)
    started = time.monotonic() if started is None else started
    created = now()
    runs = _interleaver(config, started, observer, new_worker)
    outcome, failed = ended(runs.run)
    facts = runs.facts
    first = next((each for each in facts.values() if each.machine is not None), facts[WHOLE])
    repetitions = [_repetition(each) for each in runs.done]
    analysis = None
    if repetitions and first.machine is not None:
        analysis = analyse(repetitions, sharing_of(first.machine), _usable(config, first.machine))
    return BottleneckRecord(
        id=new_id(),
        created_at=created,
        tool_version=resnet_bench.__version__,
        outcome=outcome,
        failed_side=failed,
        config=Configuration(requested=config, resolved=first.resolved, given=given),
        machine=first.machine,
        environment=first.environment,
        model=facts[WHOLE].model,
        data=facts[WHOLE].data,
        repetitions=tuple(repetitions),
        analysis=analysis,
        warnings=_warnings(
            facts.values(), [*ignored_options(given, protocol_of("bottleneck"), "bench-cli bottleneck"), *runs.notices]
        ),
        wall_s=time.monotonic() - started,
    )


def _interleaver(
    config: Config, started: float, observer: PairedObserver | None, new_worker: Callable[[], Worker]
) -> Interleaver:
    measured = config.measure
    budget = Budget(
        turns=measured.rounds,
        steps=measured.steps,
        pairs=measured.processes,
        max_time_s=measured.max_time - CLOSING_S - (time.monotonic() - started),
        silence_s=measured.timeout,
    )
    sides = {
        WHOLE: Side("", config, new_worker),
        MODEL: Side("", config, new_worker, scope="model"),
        PIPELINE: Side("", config, new_worker, scope="pipeline"),
    }

    def estimate(done: Sequence[interleave.Repetition]) -> Estimate:
        machine = runs.facts[WHOLE].machine
        assert machine is not None, "a side that timed rounds knows its machine"
        return efficiency([_repetition(each) for each in done], sharing_of(machine))

    runs = Interleaver(sides, budget, estimate, observer, equal_steps=False)
    return runs


def sharing_of(machine: Machine) -> Sharing:
    """Whether the model has a device of its own or shares the cores with the pipeline."""
    return "own device" if machine.device_kind == "gpu" else "shared cores"


def _usable(config: Config, machine: Machine) -> int | None:
    """Cores for the pipeline; None where it runs in a service elsewhere."""
    service = config.data.data_service
    if service is not None and not service.startswith(LOCAL):
        return None
    return usable_cpus(machine.cpus, machine.cpu_quota)


def _repetition(found: interleave.Repetition) -> BottleneckSamples:
    return BottleneckSamples(
        end_to_end=found.rounds[WHOLE],
        model=found.rounds[MODEL],
        pipeline=found.rounds[PIPELINE],
        interleaved=found.interleaved,
    )


def _warnings(sides: Iterable[SideFacts], own: Sequence[Notice]) -> tuple[Notice, ...]:
    return distinct([*own, *(notice for side in sides for notice in side.notices)])
