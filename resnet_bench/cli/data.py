"""`bench-cli data`: make shards, check them, measure the pipeline that reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import click

from resnet_bench import cli
from resnet_bench.cli.output import echo, echo_json
from resnet_bench.config import DataConfig, RuntimeConfig
from resnet_bench.config.options import ConfigurationCommand, from_context, given_values, read, section, subset
from resnet_bench.config.shards import DataBenchConfig, VerifyShardsConfig, WriteShardsConfig
from resnet_bench.config.sources import SOURCES, check_source
from resnet_bench.errors import ConfigError, DataError
from resnet_bench.report.terminal import rich_text

FIXED = {"mode": "input"}
SEED = RuntimeConfig().seed
STORED_FROM_1 = -1
"""The offset of labels that count from 1, as shards made here do."""

OPTIONS = (
    *("preset", "image_size", "channels", "classes"),
    *(name for name in DataConfig.__struct_fields__ if name != "data_service"),
    *("batch_size", "device", "threads", "inter_op_threads", "onednn", "seed"),
    *("rounds", "max_time", "timeout", "output", "json"),
)


@click.group("data")
def command() -> None:
    """Write and check TFRecord shards; measure the input pipeline.

    \b
    bench-cli data make shards --count 2000              TFRecords from the embedded photographs
    bench-cli data make shards --source folder --data images/
    bench-cli data check shards                          every record, and every file against the manifest
    bench-cli data bench --source tfrecord --data 'shards/*.tfrecord'
    """


@command.command("make", cls=ConfigurationCommand)
@click.argument("output", type=click.Path(path_type=Path, file_okay=False))
@section(WriteShardsConfig)
@subset("seed", "on_bad_record", "json")
@click.pass_context
def make_command(ctx: click.Context, /, output: Path, **_values: Any) -> None:
    """Write ImageNet-style TFRecord shards and a manifest into OUTPUT.

    Photographs have ImageNet's sizes and JPEG qualities, unless --sizes, --quality or --bytes-per-pixel say
    otherwise; the manifest lists the result. Images from a folder or from TFDS keep their bytes; labels are stored
    from 1. The same options give the same bytes. To resume a run that was killed, give the same command again.
    """
    from resnet_bench.cli.progress.data import bar
    from resnet_bench.data import write_shards
    from resnet_bench.data.class_folders import listing_progress
    from resnet_bench.report.terminal import shards as report

    settings, seed = read(ctx, WriteShardsConfig), ctx.params["seed"]
    on_bad_record: Literal["error", "skip"] = ctx.params["on_bad_record"] or "error"
    with listing_progress(lambda files: echo(f"listing: {files:,} files", err=True)):
        supply = _supply(ctx, settings, SEED if seed is None else seed, on_bad_record)
    with bar("writing", "images") as advance:
        result = write_shards.write_shards(
            supply,
            output,
            write_shards.auto_shards(supply.count) if settings.shards == "auto" else settings.shards,
            _usable_cpus() if settings.threads == "auto" else settings.threads,
            skip=on_bad_record == "skip",
            on_progress=lambda state: advance(state.images, state.of, state.bytes),
        )
    if ctx.params["json"]:
        echo_json(result.manifest)
    else:
        rich_text.show(report.made(result.manifest, output, result.shards_found))


def _supply(ctx: click.Context, settings: WriteShardsConfig, seed: int, on_bad_record: Literal["error", "skip"]) -> Any:
    """The images of `--source`; refuses options that this source does not use."""
    from resnet_bench.data.sources import find_source

    source, own = settings.source, SOURCES[settings.source].make_options
    given = given_values(ctx) | given_values(ctx, WriteShardsConfig)
    for name in sorted({name for traits in SOURCES.values() for name in traits.make_options} - set(own)):
        if name in given:
            flag = f"--{name.replace('_', '-')}"
            raise ConfigError(f"--source {source} does not use {flag}.", "Leave it out, or choose another --source.")
    problem = check_source(source, settings.data, "make")
    if problem is not None:
        raise problem
    return find_source(source).open_images(settings, seed, on_bad_record)


def _usable_cpus() -> int:
    from resnet_bench.runtime import inspect_host
    from resnet_bench.runtime.resolve import usable_cpus

    host = inspect_host()
    return usable_cpus(host.cpus, host.cpu_quota)


@command.command("check", cls=ConfigurationCommand)
@click.argument("path")
@section(VerifyShardsConfig)
@subset("label_offset", "json", defaults={"label_offset": STORED_FROM_1})
@click.pass_context
def check_command(ctx: click.Context, /, path: str, **_values: Any) -> None:
    """Verify every byte of PATH (a folder of shards, a shard, or a glob in quotes) and list all errors.

    Checks each record's framing, checksums, Example, label and image (fully decoded); and, with a manifest beside the
    shards, what is missing, extra or changed. Exits with 3 if anything is wrong.
    """
    from resnet_bench.cli.progress.data import bar
    from resnet_bench.data import verify_shards
    from resnet_bench.report.terminal import shards as report

    settings, offset = read(ctx, VerifyShardsConfig), ctx.params["label_offset"]
    threads = _usable_cpus() if settings.threads == "auto" else settings.threads
    classes = None if settings.classes == "auto" else settings.classes
    with bar("checking", "files") as advance:
        found = verify_shards.check(
            path, threads, classes, STORED_FROM_1 if offset in (None, "auto") else offset, advance
        )
    if ctx.params["json"]:
        echo_json(found)
    else:
        rich_text.show(report.checked(found))
    ctx.exit(0 if found.sound else DataError.exit_code)


@command.command("bench", cls=ConfigurationCommand)
@section(DataBenchConfig)
@subset(*OPTIONS)
@click.pass_context
def bench_command(ctx: click.Context, /, **_values: Any) -> None:
    """Measure the input pipeline: epochs from disk and memory, stage by stage, and its bottleneck.

    First the files are only read, then the whole pipeline runs for --epochs passes, from an emptied page cache. Then
    the pipelines up to each stage run interleaved in one worker. With --ablate each option is changed by itself and
    compared with the full pipeline in interleaved runs. Saves a record of mode input. Exit codes are those of `run`.
    """
    from resnet_bench.cli.exit import exit_code, show, signals
    from resnet_bench.cli.progress.run import run_progress
    from resnet_bench.cli.save_fallback import save_with_fallback
    from resnet_bench.experiments import data_bench
    from resnet_bench.records.files import check_folder
    from resnet_bench.report.terminal import text
    from resnet_bench.runtime.system import available_bytes

    settings = read(ctx, DataBenchConfig)
    plot = None if settings.plot is None else Path(settings.plot)
    kind = _chart_kind(plot, settings.ablate)
    config, given = from_context(ctx, FIXED)
    folder = Path(config.output.output)
    check_folder(folder)
    questions = data_bench.DataBenchRequest(settings.epochs, settings.ablate, available_bytes())
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
    from resnet_bench.cli.pictures import picture_format
    from resnet_bench.report.figures.ablation_chart import FORMATS

    if plot is None:
        return ""
    if not ablate:
        raise ConfigError(f"--plot {plot} draws what --ablate measures.", "Add --ablate.")
    return picture_format(plot, "--plot", FORMATS)


def _draw(record: Any, plot: Path, kind: str) -> None:
    from resnet_bench.records.files import write_atomically
    from resnet_bench.report.figures import ablation_chart
    from resnet_bench.report.words import record as text_words

    subtitle = (
        f"{record.data.source}, {text_words.subtitle(record)}"
        if record.data is not None
        else text_words.subtitle(record)
    )
    write_atomically(plot, ablation_chart.draw(record.pipeline.ablation, subtitle, kind))
    echo(f"Chart: {plot}", err=True)
