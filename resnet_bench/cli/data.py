"""`bench-cli data`: make shards, check them, measure the pipeline that reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec
from rich.console import Console

from resnet_bench import cli
from resnet_bench.config import DataConfig
from resnet_bench.config.options import ConfigurationCommand, from_context, subset
from resnet_bench.errors import ConfigError, DataError

FIXED = {"mode": "input"}
OPTIONS = (
    *("preset", "image_size", "channels", "classes"),
    *(name for name in DataConfig.__struct_fields__ if name != "data_service"),
    *("batch_size", "device", "threads", "inter_op_threads", "onednn", "seed"),
    *("rounds", "max_time", "timeout", "output", "json"),
)


@click.group("data")
def command() -> None:
    """Make, check and measure image data and the input pipeline.

    \b
    bench-cli data make shards --count 2000              TFRecords from the embedded photographs
    bench-cli data make shards --source folder --data images/
    bench-cli data check shards                          every record, and every file against the manifest
    bench-cli data bench --source tfrecord --data 'shards/*.tfrecord'
    """


@command.command("make")
@click.argument("output", type=click.Path(path_type=Path, file_okay=False))
@click.option(
    "--source", type=click.Choice(["photos", "folder", "tfds"]), default="photos", show_default=True,
    help="Embedded photographs, a folder of class subfolders, or a TFDS data set on disk.",
)  # fmt: skip
@click.option("--data", help="The folder, or a TFDS version's folder (with dataset_info.json).")
@click.option("--split", default="train", show_default=True, help="Split of a TFDS data set.")
@click.option(
    "--count", type=click.IntRange(1, 10_000_000), default=512, show_default=True, help="Photographs to make."
)
@click.option("--sizes", default="imagenet", show_default=True, help="Mix of sizes: 500x375, or 500x375=3,375x500=1.")
@click.option("--quality", help="Mix of JPEG qualities: 92, 92/4:4:4, or 97/4:4:4=1,92=1.  [default: imagenet]")
@click.option(
    "--bytes-per-pixel", help="Mix of bytes per pixel instead, met by each image's quality: 0.6, or 0.4=1,0.8=3."
)
@click.option("--shards", type=click.IntRange(1, 99_999), help="Files.  [default: one per 1,250 images, at least 8]")
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="Seed of content and order.")
@click.option("--threads", type=click.IntRange(1, 1024), help="Images made at once.  [default: the usable cores]")
@click.option(
    "--on-bad-record", type=click.Choice(["error", "skip"]), default="error", show_default=True,
    help="What an image that cannot be read does.",
)  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Print the manifest alone on stdout.")
@click.pass_context
def make_command(ctx: click.Context, /, output: Path, **values: Any) -> None:
    """Write ImageNet-style TFRecord shards and a manifest into OUTPUT.

    Photographs are resampled and encoded as ImageNet's images are, unless --sizes, --quality or
    --bytes-per-pixel say otherwise; the manifest tells what came out. Images from a folder or from TFDS keep
    their bytes; labels are stored from 1. The same options give the same bytes. A start that was killed goes
    on where it stopped: give the same command again.
    """
    from resnet_bench.cli.progress.data import bar
    from resnet_bench.data import write_shards
    from resnet_bench.report.terminal import shards as report

    supply = _supply(ctx, values)
    with bar("writing", "images") as advance:
        result = write_shards.write_shards(
            supply,
            output,
            values["shards"] or write_shards.auto_shards(supply.count),
            values["threads"] or _usable_cpus(),
            skip=values["on_bad_record"] == "skip",
            on_progress=lambda state: advance(state.images, state.of, state.bytes),
        )
    if values["as_json"]:
        click.echo(msgspec.json.format(msgspec.json.encode(result.manifest), indent=2))
    else:
        Console().print(report.made(result.manifest, output, result.shards_found))


def _supply(ctx: click.Context, values: dict[str, Any]) -> Any:
    """Where the images come from; refuses options that this source has no use for."""
    from click.core import ParameterSource

    from resnet_bench.data import size_mix
    from resnet_bench.data.image_supply import Folder, Photographs
    from resnet_bench.data.tfds import Tfds

    source, data = values["source"], values["data"]
    of = {
        "photos": ("count", "sizes", "quality", "bytes_per_pixel", "seed"),
        "folder": ("data", "seed", "on_bad_record"),
        "tfds": ("data", "split", "on_bad_record"),
    }
    for name in sorted({name for names in of.values() for name in names} - set(of[source])):
        if ctx.get_parameter_source(name) == ParameterSource.COMMANDLINE:
            flag = f"--{name.replace('_', '-')}"
            raise ConfigError(f"{flag} says nothing to --source {source}.", "Leave it out, or choose another --source.")
    if source == "photos":
        mix = {name: values[name] for name in ("sizes", "quality", "bytes_per_pixel")}
        return Photographs(values["count"], values["seed"], size_mix.recipe(**mix), mix)
    if data is None:
        raise ConfigError(f"--source {source} needs --data.", "For instance --data imagenet/train.")
    return (
        Folder(data, values["seed"], values["on_bad_record"] == "skip")
        if source == "folder"
        else Tfds(data, values["split"])
    )


def _usable_cpus() -> int:
    from resnet_bench.runtime import inspect_host
    from resnet_bench.runtime.resolve import usable_cpus

    host = inspect_host()
    return usable_cpus(host.cpus, host.cpu_quota)


@command.command("check")
@click.argument("path")
@click.option("--classes", type=click.IntRange(1), help="Number of classes.  [default: the manifest's, else unchecked]")
@click.option(
    "--label-offset", type=int, default=-1, show_default=True, help="Added to stored labels, which count from 1."
)
@click.option("--threads", type=click.IntRange(1, 1024), help="Files read at once.  [default: the usable cores]")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON on stdout.")
@click.pass_context
def check_command(ctx: click.Context, /, path: str, **values: Any) -> None:
    """Read every byte of PATH (a folder of shards, a shard, or a glob in quotes) and name all that is wrong.

    Each record's framing, checksums, Example, label and image (decoded whole); and where a manifest lies
    beside the shards, what is missing, extra or changed. Exits with 3 where anything is wrong.
    """
    from resnet_bench.cli.progress.data import bar
    from resnet_bench.data import verify_shards
    from resnet_bench.report.terminal import shards as report

    with bar("checking", "files") as advance:
        found = verify_shards.check(
            path, values["threads"] or _usable_cpus(), values["classes"], values["label_offset"], advance
        )
    if values["as_json"]:
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))
    else:
        Console().print(report.checked(found))
    ctx.exit(0 if found.sound else DataError.exit_code)


@command.command("bench", cls=ConfigurationCommand)
@subset(*OPTIONS)
@click.option(
    "--epochs",
    type=click.IntRange(0, 1000),
    default=3,
    show_default=True,
    help="Passes over the data; 0 leaves them out.",
)
@click.option("--ablate", is_flag=True, help="Also change each option of the pipeline in turn.")
@click.option(
    "--plot", type=click.Path(path_type=Path, dir_okay=False), help="With --ablate: a bar chart (.svg, .png, .pdf)."
)
@click.pass_context
def bench_command(ctx: click.Context, /, epochs: int, ablate: bool, plot: Path | None, **_options: Any) -> None:
    """Measure the input pipeline alone: epochs from disk and memory, stage by stage, what limits it.

    First the files are read alone, then the whole pipeline runs for --epochs passes, from a page cache that was
    emptied. Then the pipeline up to each stage, all alive in one worker, in turns. With --ablate each option is
    changed alone, in turns against the full pipeline. Saves a record of mode input. Exit codes are those of `run`.
    """
    from resnet_bench.cli.exit import exit_code, show, signals
    from resnet_bench.cli.progress.run import run_progress
    from resnet_bench.cli.save_fallback import save_with_fallback
    from resnet_bench.experiments import data_bench
    from resnet_bench.records.files import check_folder
    from resnet_bench.report.terminal import text
    from resnet_bench.runtime.system import available_bytes

    kind = _chart_kind(plot, ablate)
    config, given = from_context(ctx, FIXED)
    folder = Path(config.output.output)
    check_folder(folder)
    questions = data_bench.DataBenchRequest(epochs, ablate, available_bytes())
    with signals() as received:
        with run_progress() as observer:
            record = data_bench.run(config, given, questions, observer, cli.STARTED)
        received.done()
        path = save_with_fallback(record, folder)
    show(record, config.output.json, lambda one: text.render(one, path))
    if plot is not None and record.pipeline is not None and record.pipeline.ablation:
        _draw(record, plot, kind)
    ctx.exit(exit_code(record, received))


def _chart_kind(plot: Path | None, ablate: bool) -> str:
    """The chart's format by its name, refused before anything is measured."""
    from resnet_bench.cli.parameters import picture_format
    from resnet_bench.report.figures.ablation_chart import FORMATS

    if plot is None:
        return ""
    if not ablate:
        raise ConfigError(f"--plot {plot} draws what --ablate measures.", "Add --ablate.")
    return picture_format(plot, "--plot", FORMATS)


def _draw(record: Any, plot: Path, kind: str) -> None:
    from resnet_bench.records.files import write_atomically
    from resnet_bench.report.figures import ablation_chart
    from resnet_bench.report.terminal import text

    subtitle = f"{record.data.source}, {text.subtitle(record)}" if record.data is not None else text.subtitle(record)
    write_atomically(plot, ablation_chart.draw(record.pipeline.ablation, subtitle, kind))
    click.echo(f"Chart: {plot}", err=True)
