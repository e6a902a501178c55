"""What `data make` wrote and what `data check` found, on a terminal."""

from __future__ import annotations

from pathlib import Path

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from resnet_bench import units
from resnet_bench.data.manifest import Manifest
from resnet_bench.data.verify_shards import CheckReport
from resnet_bench.report.terminal.rich_text import add_row, facts, indented, spaced, whole_line
from resnet_bench.report.words.next_step import step

SHOWN_SIZES = 8
SHOWN_DAMAGE = 50
_BARS = " ▁▂▃▄▅▆▇█"


def made(manifest: Manifest, output: Path, shards_found: int) -> RenderableType:
    """The shards in `output`, and the command that measures them."""
    shards = f"{len(manifest.shards)} shards, {units.size(manifest.bytes)}"
    low, high = manifest.label_range or (None, None)
    earlier = f", {shards_found} of them from an earlier run" if shards_found else ""
    pixels, density = units.count(manifest.mean_pixels), f"{manifest.mean_bytes_per_pixel:.2f}"
    rows = [
        ("shards", shards + earlier),
        ("images", f"on average {pixels}pixels and {density} bytes per pixel"),
        ("sizes", _shares(manifest.sizes, manifest.images)),
        ("encodings", _shares(manifest.encodings, manifest.images)),
        ("bytes / pixel", _histogram(manifest.bytes_per_pixel)),
        ("classes", f"{manifest.classes}, stored labels {low} to {high}"),
        ("skipped", f"{len(manifest.skipped)} bad images, named in the manifest" if manifest.skipped else ""),
        ("left out", manifest.left_out),
    ]
    data = ["--source", "tfrecord", "--data", f"{output}/*.tfrecord", "--classes", str(manifest.classes)]
    command = step("measure the pipeline that reads them", ["bench-cli", "data", "bench", *data])
    title = Text(f"{manifest.images:,} images in {output}", style="bold")
    return spaced([title, indented(facts(rows)), whole_line("Next:", command)])


def _shares(counts: dict[str, int], total: int) -> str:
    ordered = sorted(counts.items(), key=lambda item: (item[0] == "other", -item[1]))
    shown = [f"{name} {units.share(count / max(1, total))}" for name, count in ordered[:SHOWN_SIZES]]
    more = len(ordered) - SHOWN_SIZES
    return ", ".join(shown) + (f", {more} more" if more > 0 else "")


def _histogram(counts: dict[str, int]) -> str:
    """A bar per step of 0.05 from the first to the last that has images."""
    if not counts:
        return units.UNKNOWN
    steps = {round(float(name) / 0.05 - 0.5): count for name, count in counts.items()}
    low, high, most = min(steps), max(steps), max(steps.values())
    if high - low > 60:
        return f"{low * 0.05:.2f} to {(high + 1) * 0.05:.2f}"
    bars = "".join(_BARS[-(-steps.get(step, 0) * (len(_BARS) - 1) // most)] for step in range(low, high + 1))
    return f"{low * 0.05:.2f} {bars} {(high + 1) * 0.05:.2f}"


def checked(report: CheckReport) -> RenderableType:
    """What was read, and every error."""
    what = f"{report.files:,} files, {report.records:,} records, {units.size(report.bytes)}"
    against = "against the manifest" if report.manifest else "without a manifest"
    parts: list[RenderableType] = [Text(f"{report.path}: {what}, {against}")]
    if report.labels is None:
        parts.append(Text("Labels were not checked: pass --classes.", style="dim"))
    if report.sound:
        return Group(*parts, Text("No errors.", style="green"))
    wrong = []
    if report.shards:
        wrong.append(f"{len(report.shards)} files")
    if report.damaged:
        wrong.append(f"{len(report.damaged)} records")
    parts += [Text(f"Errors in {' and '.join(wrong)}:", style="red"), Text(), _problems(report)]
    if len(report.damaged) > SHOWN_DAMAGE:
        parts.append(Text(f"... and {len(report.damaged) - SHOWN_DAMAGE:,} more records: --json has all.", style="dim"))
    return Group(*parts)


def _problems(report: CheckReport) -> Table:
    grid = Table(box=None, header_style="dim", pad_edge=False)
    for name in ("file", "record", "offset", "kind", "problem"):
        grid.add_column(name, justify="right" if name in ("record", "offset") else "left", overflow="fold")
    for file in report.shards:
        add_row(grid, file.file, "", "", file.kind, file.problem)
    for one in report.damaged[:SHOWN_DAMAGE]:
        add_row(grid, one.file, str(one.record), f"{one.offset:,}", one.kind, one.problem)
    return grid
