"""From a requested configuration to a step that is ready to be timed, in the order that every backend shares.

Imports no framework. Neighbours: `backends/` do each step of it, `commands.py` calls it for `Prepare`,
`handlers/evidence.py` for the untimed pass.
"""

from __future__ import annotations

from pathlib import Path

from resnet_bench.config import Config
from resnet_bench.records.run import ColdStart
from resnet_bench.worker import protocol as p
from resnet_bench.worker.backends.base import Backend


def start(backend: Backend, requested: Config) -> Config:
    """Set the environment, import the framework, find the device, resolve the configuration and report it."""
    phases = backend.phases
    with phases.enter("import"):
        early = backend.prepare_environment(requested)
    with phases.enter("start"):
        found = backend.start(requested)
    backend.config = found.config
    phases.send(
        p.Resolved(
            config=found.config,
            machine=found.machine,
            environment=found.environment,
            notices=(*early, *found.notices),
        )
    )
    return found.config


def prepare(backend: Backend, command: p.Prepare) -> p.Prepared:
    """Start the framework, open the data, build, trace, run the first step, and attach the step to its input.

    The data is found before anything slow happens, but nothing is read ahead until all is compiled.
    """
    phases = backend.phases
    process_s = phases.instruments.process_age_s()
    backend.log = Path(command.log_path)
    start(backend, command.config)
    backend.choose_scope(command.part)
    with phases.enter("data"), phases.listing():
        backend.open_input()
    with phases.enter("build"):
        model = backend.build()
    with phases.enter("trace"):
        backend.trace()
    with backend.around_first_call(), phases.enter("first step"):
        backend.first_call()
    compile_s, notices = backend.compile_seconds()
    with phases.enter("data"):
        backend.bench = backend.attach()
    return p.Prepared(
        cold_start=_cold_start(backend, process_s, compile_s),
        model=model,
        data=backend.data_facts(),
        notices=(*notices, *backend.prepared_notices()),
        peak_host_bytes=max(phases.peaks.values(), default=None),
    )


def _cold_start(backend: Backend, process_s: float | None, compile_s: float | None) -> ColdStart:
    seconds, config = backend.phases.seconds, backend.config
    assert config is not None
    return ColdStart(
        process_s=process_s,
        import_s=seconds.get("import"),
        start_s=seconds.get("start"),
        build_s=seconds.get("build"),
        # Keras traces model.fit's step in its first call, so there is nothing to tell apart.
        trace_s=None if config.step.loop == "fit" else seconds.get("trace"),
        compile_s=compile_s,
        first_step_s=seconds.get("first step"),
        data_s=seconds.get("data"),
    )
