"""Option checks of how the step ran: XLA, oneDNN, device, threads, and a stable graph. Pure."""

from __future__ import annotations

from resnet_bench.config import resolved_value
from resnet_bench.config.fields import Value
from resnet_bench.evidence.check_input import NOT_RUN_IN_PASS, Check, CheckInput, truth
from resnet_bench.records.evidence import OptionCheck

LOG = "XLA's lines in the worker's log (device_compilation_profiler)"
COUNTER = "the step's own count of its traces"
SCHEDULER = "/proc/self/task/*/schedstat, before the first and after the last timed round"
BUSY_SHARE = 0.1
"""Of the window: a thread that was busy for less hardly took part."""


def checks(case: CheckInput) -> list[OptionCheck]:
    """XLA, a stable graph, oneDNN, the device, no calls to the host."""
    return [*_xla(case), _stable(case), *_onednn(case), _device(case), _host_calls(case)]


XLA = Check("xla", "XLA compiles the step", options=("xla",), unconditional=True)


def _xla(case: CheckInput) -> list[OptionCheck]:
    if not case.config.step.xla:
        return _no_xla(case)
    logged = [window.compilations for window in case.seen.windows if window.compilations is not None]
    if case.seen.compilations is not None:
        logged.append(len(case.seen.compilations))
    if not logged:
        why = "no process got as far as its timed rounds"
        return [case.check(XLA, requested=True, source=LOG, why=why)]
    compiled, facts = case.seen.compiled, dict[str, Value]()
    works = min(logged) > 0
    if compiled is not None:
        products = sum(compiled.convolutions.values()) + sum(compiled.dots.values())
        works = works and products > 0
        facts = {"module": compiled.source, "products": products}
    observed = f"{min(logged)} functions compiled"
    return [case.check(XLA, requested=True, observed=observed, source=LOG, holds=truth(works), facts=facts)]


def _no_xla(case: CheckInput) -> list[OptionCheck]:
    """With --no-xla nothing may be compiled: environment variables can make TensorFlow do so by itself."""
    compilations, clusters = case.seen.compilations, case.seen.xla_clusters
    if compilations is None and clusters is None:
        return [case.check(XLA, requested=False, why=NOT_RUN_IN_PASS)]
    compiled = max(len(compilations or ()), clusters or 0)
    facts: dict[str, Value] = {"compilations": len(compilations or ()), "clusters": clusters}
    return [
        case.check(
            XLA,
            requested=False,
            observed=f"{compiled} functions compiled",
            source=f"{LOG}, executed graphs" if clusters is not None else LOG,
            holds=truth(compiled == 0),
            facts=facts,
        )
    ]


STABLE_GRAPH = Check("stable_graph", "retraces and recompilations in the timed window", unconditional=True)


def _stable(case: CheckInput) -> OptionCheck:
    windows = case.seen.windows
    if not windows:
        return case.check(STABLE_GRAPH, requested=0, why="no process got as far as its timed rounds")
    retraces = sum(window.traces_inside for window in windows)
    known = [window.compilations_inside for window in windows if window.compilations_inside is not None]
    facts: dict[str, Value] = {"retraces": retraces, "recompilations": sum(known) if known else None}
    source = f"{COUNTER}, {LOG}" if known else COUNTER
    observed = retraces + sum(known)
    return case.check(
        STABLE_GRAPH, requested=0, observed=observed, source=source, holds=truth(observed == 0), facts=facts
    )


ONEDNN = Check("onednn", "oneDNN", options=("onednn",))


def _onednn(case: CheckInput) -> list[OptionCheck]:
    # The resolved value is what TensorFlow uses, so only the request has the option as given.
    option = case.requested.runtime.onednn
    requested = (case.config.runtime.onednn if option == "auto" else option) == "on"
    executed, log = case.seen.executed, case.seen.onednn
    if case.on_gpu:
        return []
    if case.config.step.xla:
        why = "XLA compiles the step; oneDNN's kernels replace TensorFlow's, which do not run"
        return [case.check(ONEDNN, requested=requested, holds="not_applicable", why=why)]
    if executed is None and log is None:
        return [case.check(ONEDNN, requested=requested, why=NOT_RUN_IN_PASS)]
    operations = executed.onednn if executed is not None else 0
    executions = log.executions // log.steps if log is not None and log.steps else 0
    used = operations + executions > 0
    facts: dict[str, Value] = {"operations": operations, "executions_per_step": executions}
    if log is not None and log.steps:
        facts["weight_reorders_per_step"] = log.weight_reorders // log.steps
        facts["reorders_per_step"] = log.reorders // log.steps
        facts["reorder_share"] = log.reorder_s / log.total_s if log.total_s else None
    sources = [one.source for one in (executed, log) if one is not None]
    emulated = requested and not used and case.emulates
    return [
        case.check(
            ONEDNN,
            requested=requested,
            observed=used,
            source=", ".join(sources),
            holds="emulated" if emulated else truth(used == requested),
            why="oneDNN has no kernels here for the 16-bit type" if emulated else "",
            facts=facts,
        )
    ]


DEVICE = Check("device", "device", options=("device",), unconditional=True)


def _device(case: CheckInput) -> OptionCheck:
    requested, seen = case.config.runtime.device, case.seen
    wanted = f"{requested.partition(':')[0].upper()}:0"  # A process sees one GPU, whatever its number.
    found: dict[str, str] = {}
    if seen.output_device is not None:
        found["the device of the last step's result"] = seen.output_device.rpartition("device:")[2]
    if seen.executed is not None and seen.executed.devices:
        found[seen.executed.source] = " and ".join(sorted(seen.executed.devices))
    if seen.compiled is not None:
        found[seen.compiled.source] = f"{seen.compiled.platform.upper()}:0"
    if not found:
        return case.check(DEVICE, requested=requested, why=NOT_RUN_IN_PASS)
    wrong = [device for device in found.values() if device != wanted]
    elsewhere = seen.executed.elsewhere if seen.executed is not None else ()
    return case.check(
        DEVICE,
        requested=requested,
        observed=(wrong or [wanted])[0],
        source=", ".join(found),
        holds=truth(not wrong and not elsewhere),
        facts={"elsewhere": ", ".join(elsewhere[:3])} if elsewhere else {},
    )


HOST_CALLS = Check("host_calls", "calls to Python or the host in a step", unconditional=True)


def _host_calls(case: CheckInput) -> OptionCheck:
    looked = [one for one in (case.seen.traced, case.seen.executed) if one is not None]
    if not looked:
        return case.check(HOST_CALLS, requested=0, why=NOT_RUN_IN_PASS)
    found = sorted({name for one in looked for name in one.host_calls})
    facts: dict[str, Value] = {"operations": ", ".join(found[:3])} if found else {}
    return case.check(
        HOST_CALLS,
        requested=0,
        observed=len(found),
        source=", ".join(one.source for one in looked),
        holds=truth(not found),
        facts=facts,
    )


THREADS = Check("threads", "cores used, at most", options=("threads",))


def threads(case: CheckInput) -> list[OptionCheck]:
    """Cores kept busy in the timed window, against the threads allowed."""
    requested = resolved_value(case.config.runtime.threads)
    windows = [window for window in case.seen.windows if window.busiest and window.wall_s > 0]
    if not windows:
        why = "the system does not report CPU time by thread" if case.seen.windows else "nothing was timed"
        return [case.check(THREADS, requested=requested, why=why)]
    cores = max(sum(window.threads.values()) / window.wall_s for window in windows)
    busy = max(sum(seconds >= BUSY_SHARE * window.wall_s for seconds in window.busiest) for window in windows)
    # Allowed: threads inside operations, those that run operations, the pipeline's, and Python's own. Fewer is no
    # failure: small operations are not parallelized.
    allowed = requested + resolved_value(case.config.runtime.inter_op_threads) + _data_threads(case) + 1
    pools = max(windows, key=lambda window: window.wall_s).threads
    facts: dict[str, Value] = {"threads_busy": busy, "allowed_in_all": allowed}
    facts |= {f"cpu_s of {name}": round(seconds, 3) for name, seconds in list(pools.items())[:6]}
    return [
        case.check(
            THREADS,
            requested=requested,
            observed=round(cores, 3),
            source=SCHEDULER,
            holds=truth(cores <= allowed),
            facts=facts,
        )
    ]


def _data_threads(case: CheckInput) -> int:
    if not case.config.data.has_pipeline:
        return 0
    private = resolved_value(case.config.data.private_threadpool_size)
    return private or resolved_value(case.config.data.num_parallel_calls)
