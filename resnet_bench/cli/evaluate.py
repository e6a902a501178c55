"""`bench-cli evaluate`: evaluate one trained model, or compare two, on a data set."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click

from resnet_bench.cli.output import echo, echo_json_bytes
from resnet_bench.cli.pictures import picture_format
from resnet_bench.cli.progress.evaluate import evaluate_progress
from resnet_bench.cli.save_fallback import save_with_fallback
from resnet_bench.config import Config
from resnet_bench.config.evaluation import EvaluationConfig
from resnet_bench.config.fields import absolute_path
from resnet_bench.config.options import ConfigurationCommand, from_context, read, section, subset
from resnet_bench.records.files import check_folder, write_atomically
from resnet_bench.report.figures import confusion
from resnet_bench.report.terminal import evaluation as report
from resnet_bench.report.terminal import rich_text
from resnet_bench.worker import protocol as p
from resnet_bench.worker.process import WorkerProcess

OPTIONS = ("batch_size", "xla", "device", "threads", "onednn", "max_time", "timeout", "output", "json")
DEFAULTS = {"mode": "eval", "batch_size": 32, "max_time": 3600.0}


@click.command("evaluate", cls=ConfigurationCommand)
@section(EvaluationConfig)
@subset(*OPTIONS, defaults=DEFAULTS)
@click.pass_context
def command(ctx: click.Context, /, **_values: Any) -> None:
    """Evaluate a trained model on a test set, or compare two.

    Prints loss, accuracy, top-5 accuracy, a row per class, and the speed. With --against, both models run in one
    process on the same batches and are timed interleaved: the difference of their accuracies comes with a confidence
    interval and McNemar's exact test. The result is saved in the folder `evaluate` of --output.
    """
    settings = read(ctx, EvaluationConfig)
    picture = None if settings.confusion is None else Path(settings.confusion)
    kind = picture_format(picture, "--confusion", confusion.FORMATS) if picture is not None else None
    config, _ = from_context(ctx, DEFAULTS)
    folder = Path(config.output.output)
    check_folder(folder)
    message = _message(config, settings)
    with WorkerProcess() as worker, evaluate_progress() as show:
        deadline = time.monotonic() + config.measure.max_time
        reply = worker.request(message, p.Evaluated, silence_s=config.measure.timeout, deadline=deadline, on_event=show)
    result = reply.evaluation
    path = save_with_fallback(result, folder)
    if picture is not None and kind is not None:
        write_atomically(picture, confusion.draw(result.models, kind))
    if config.output.json:
        echo_json_bytes(result.to_json())
        return
    rich_text.show(report.render(result))
    for what, where in (("Result", path), ("Confusion matrix", picture)):
        if where is not None:
            echo(f"{what}: {where}")


def _message(config: Config, settings: EvaluationConfig) -> p.Evaluate:
    return p.Evaluate(
        config=config,
        models=tuple(str(absolute_path(each)) for each in (settings.model, settings.against) if each is not None),
        images=p.ImageSet(
            source=settings.source,
            data=absolute_path(settings.data),
            test_data=absolute_path(settings.test_data),
            test_share=settings.test_share,
            split_seed=settings.split_seed,
            part=settings.part,
        ),
        pixels=settings.pixels,
        turns=settings.turns,
    )
