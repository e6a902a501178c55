"""`bench-cli train`: train the network; saves a model, learning curves and a record."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import Any

import click
from rich.console import Group
from rich.text import Text

from resnet_bench.cli.exit import exit_code, show, signals
from resnet_bench.cli.output import complain, echo
from resnet_bench.cli.progress.train import train_progress
from resnet_bench.cli.save_fallback import save_with_fallback
from resnet_bench.config import Config, ModelConfig, RuntimeConfig, TrainingConfig
from resnet_bench.config.options import ConfigurationCommand, given_values, read, section, subset
from resnet_bench.config.training import ResumeConfig
from resnet_bench.errors import RecordError
from resnet_bench.experiments import train_request
from resnet_bench.experiments.progress import TrainObserver
from resnet_bench.experiments.train import TrainRun, check_resumable
from resnet_bench.experiments.train_request import REQUEST, continued, request_of
from resnet_bench.records.base import Notice
from resnet_bench.records.files import check_folder, write_atomically
from resnet_bench.records.record import Record
from resnet_bench.report.export.scalars import Scalars
from resnet_bench.report.figures import curves
from resnet_bench.report.terminal import text
from resnet_bench.report.terminal.notices import plain_notice
from resnet_bench.report.words import record as text_words

OPTIONS = (
    ModelConfig,
    *("data", "label_offset", "crop_area_min", "shuffle_buffer_size"),
    *("batch_size", "precision", "mixed_precision", "xla", "optimizer", "learning_rate", "momentum"),
    *("weight_decay", "label_smoothing"),
    RuntimeConfig,
    *("timeout", "output", "json"),
)


@click.command("train", cls=ConfigurationCommand)
@section(TrainingConfig)
@section(ResumeConfig)
@subset(*OPTIONS, defaults=train_request.DEFAULTS)
@click.pass_context
def command(ctx: click.Context, /, **_values: Any) -> None:
    """Train the network on a data set, test it after each epoch, and save it.

    \b
    bench-cli train                                       six scanned digits, 64x64 pixels, 12 epochs
    bench-cli train --data signs.h5 --target-accuracy 0.97
    bench-cli train --data flowers --weights imagenet --new-head --freeze-stages 3
    bench-cli train --resume                              after a crash, a kill or Ctrl-C

    --classes is 6 for digits (0 to 5; up to 10), otherwise that of the data set; --image-size auto is that of an h5
    file, else 64. --learning-rate auto is 0.00015 for Adam. Ctrl-C saves a checkpoint and all results so far. A
    training that was killed at any moment continues with --resume, with the same result.
    """
    given, resume = given_values(ctx) | given_values(ctx, TrainingConfig), read(ctx, ResumeConfig).resume
    folder = Path(given.get("folder", "training"))
    if resume:
        check_resumable(folder)
    request = continued(folder, given) if resume and (folder / REQUEST).exists() else request_of(given)
    records = Path(request.config.output.output)
    check_folder(records)
    check_folder(folder, "--folder")
    with train_progress() as shown, Scalars(folder / "events", complain) as scalars:
        session = TrainRun(request, CombinedObserver(shown, scalars), resume=resume)
        with signals(session.interrupt) as received:
            record = session.run()
            received.done()
            path = save_with_fallback(record, records)
    pictures = _draw(record, folder)
    show(record, request.config.output.json, lambda one: _render(one, path, pictures))
    ctx.exit(exit_code(record, received))


class CombinedObserver(TrainObserver):
    """Shows a training and writes its scalars."""

    def __init__(self, shown: TrainObserver, scalars: Scalars) -> None:
        self._shown, self._scalars = shown, scalars

    def phase(self, name: str) -> None:
        """Show it."""
        self._shown.phase(name)

    def resolved(self, config: Config, notices: tuple[Notice, ...]) -> None:
        """Show it."""
        self._shown.resolved(config, notices)

    def began(self, event: Any) -> None:
        """Show it."""
        self._shown.began(event)

    def tested(self, event: Any) -> None:
        """Show it."""
        self._shown.tested(event)

    def steps(self, event: Any) -> None:
        """Show and write losses."""
        self._scalars.steps(event.step, event.losses)
        self._shown.steps(event)

    def epoch(self, epoch: Any) -> None:
        """Show and write an epoch."""
        self._scalars.epoch(epoch)
        self._shown.epoch(epoch)


def _draw(record: Record, folder: Path) -> tuple[Path, ...]:
    """The learning curves, where there is an epoch to draw."""
    if record.training is None or not record.training.epochs:
        return ()
    if find_spec("matplotlib") is None:
        echo(plain_notice(Notice.make("curves_not_drawn")), err=True)
        return ()
    paths = tuple(folder / f"curves.{kind}" for kind in ("svg", "png"))
    title = (text_words.headline(record), text_words.subtitle(record))
    try:
        for path in paths:
            write_atomically(path, curves.draw(record.training, *title, path.suffix))
    except RecordError as error:  # the training is saved; a picture is no reason to fail
        complain(error)
        return ()
    return paths


def _render(record: Record, path: Path, pictures: tuple[Path, ...]) -> Group:
    curves_at = (
        [Text(f"  Curves: {', '.join(str(picture) for picture in pictures)}", overflow="fold")] if pictures else []
    )
    return Group(text.render(record, path), *curves_at)
