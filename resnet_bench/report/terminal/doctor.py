"""The report of `bench-cli doctor` on a terminal: the machine, its measured peaks, recommendations."""

from __future__ import annotations

from rich.console import Group, RenderableType
from rich.text import Text

from resnet_bench import units
from resnet_bench.report.terminal.notices import notice_list
from resnet_bench.report.terminal.rich_text import facts, indented, spaced, whole_line
from resnet_bench.runtime.doctor import DoctorReport
from resnet_bench.runtime.resolve import native_16bit

NAME_WIDTH = 18
NEXT = "measure this machine: bench-cli run"


def render(found: DoctorReport) -> RenderableType:
    """The whole report: facts by group, then recommendations."""
    groups = (
        ("Processor", _cpu(found)),
        ("GPU", _gpu(found)),
        ("TensorFlow", _tensorflow(found)),
        ("Measured peaks", _peaks(found)),
        ("Profiler", _profiler(found)),
    )
    blocks = [_titled(title, facts(rows, NAME_WIDTH)) for title, rows in groups if rows]
    advice = notice_list(found.notices) if found.notices else Text("None: this machine is well configured.")
    return spaced([*blocks, _titled("Recommendations", advice), whole_line("Next:", NEXT)])


def _titled(title: str, content: RenderableType) -> RenderableType:
    return Group(Text(title, style="bold"), indented(content))


def _cpu(found: DoctorReport) -> list[tuple[str, str]]:
    cpu = found.environment.cpu
    quota = "no quota" if cpu.cpu_quota is None else f"cgroup quota {cpu.cpu_quota:g}"
    limit = "" if cpu.memory_limit_bytes is None else f", limited to {units.size(cpu.memory_limit_bytes)}"
    return [
        ("model", cpu.model or "unknown"),
        ("usable cores", f"{found.usable_cpus} (affinity {cpu.cpus}, {quota})"),
        ("instructions", " ".join(cpu.flags) if cpu.flags else "unknown"),
        ("native 16-bit", ", ".join(native_16bit(found.machine)) or "none: emulated in float32"),
        ("governor", cpu.governor or "unknown"),
        ("memory", f"{units.size(cpu.memory_bytes)}{limit}"),
    ]


def _gpu(found: DoctorReport) -> list[tuple[str, str]]:
    rows = []
    for gpu in found.environment.gpus or ():
        capability = ".".join(str(part) for part in gpu.compute_capability or ()) or "unknown"
        used = ", used" if gpu.index == found.environment.gpu_index else ""
        rows += [
            (f"gpu {gpu.index}", f"{gpu.name or 'unknown'}{used}"),
            ("memory", units.size(gpu.memory_bytes)),
            ("compute capability", capability),
            ("driver", f"{gpu.driver_version or 'unknown'} (CUDA {gpu.driver_cuda_version or 'unknown'})"),
        ]
    if not rows:
        rows = [("gpu", f"{found.gpus_present} present, none usable" if found.gpus_present else "none")]
    return rows


def _tensorflow(found: DoctorReport) -> list[tuple[str, str]]:
    tensorflow = found.environment.tensorflow
    if tensorflow is None:
        return []
    cuda = f"CUDA {tensorflow.built_cuda}, cuDNN {tensorflow.built_cudnn}" if tensorflow.cuda_build else "none"
    return [
        ("version", tensorflow.version),
        ("device", found.machine.device),
        ("oneDNN", {True: "on", False: "off", None: "unknown"}[tensorflow.onednn]),
        ("threads", f"{tensorflow.intra_op_threads} intra-op, {tensorflow.data_threads} for tf.data"),
        ("built for", cuda),
    ]


def _peaks(found: DoctorReport) -> list[tuple[str, str]]:
    if found.peaks is None:
        return []
    rows = [
        (f"matmul {peak.dtype}", f"{peak.value / 1e9:,.0f} GFLOP/s ({peak.size} x {peak.size})")
        for peak in found.peaks.matmul
    ]
    bandwidth = found.peaks.bandwidth
    if bandwidth is not None:
        rows.append(
            (
                "memory bandwidth",
                f"{bandwidth.value / 1e9:,.1f} GB/s ({units.size(bandwidth.working_set_bytes)} read and written)",
            )
        )
    return rows


def _profiler(found: DoctorReport) -> list[tuple[str, str]]:
    ready = found.profiler
    return [
        ("xprof", ready.xprof or "not installed"),
        ("tensorboard", ready.tensorboard or "not installed"),
    ]
