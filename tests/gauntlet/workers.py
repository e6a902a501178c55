"""Workers in this process that open the data of their command as real ones do, and pretend the rest."""

from __future__ import annotations

import functools
from typing import Any

import msgspec
import pytest

from resnet_bench.data import default_cache_dir
from resnet_bench.data.sources import find_source, open_dataset
from resnet_bench.experiments import run
from resnet_bench.experiments.evidence_pass import EvidencePass
from resnet_bench.experiments.train import TrainRun
from resnet_bench.records.base import Notice
from resnet_bench.worker import protocol as p
from tests.support.fake_evidence import no_pass
from tests.support.fake_trainer import FakeTrainer
from tests.support.fake_worker import FakeBackend
from tests.support.in_process import InProcessWorker


class OpeningBackend(FakeBackend):
    """Lists and checks the files that `run` would read."""

    _notices: tuple[Notice, ...] = ()

    def open_input(self) -> None:
        """The real source's answer."""
        assert self.config is not None
        source = find_source(self.config.data.source)
        if source.traits.pipeline:
            opened = source.open_files(self.config, 1, default_cache_dir())
            self._facts, self._notices = opened.facts, opened.notices

    def data_facts(self) -> Any:
        """Of the files."""
        return getattr(self, "_facts", None) or super().data_facts()

    def prepared_notices(self) -> tuple[Notice, ...]:
        """What was left out of them."""
        return self._notices


class OpeningTrainer(FakeTrainer):
    """Reads the data set that `train` would."""

    def _train(self, command: p.Train) -> p.Trained:
        config, training = command.config, command.training
        assert config.model.image_size != "auto"
        opened = open_dataset(
            training.source,
            config.data.data,
            test_data=training.test_data,
            test_share=training.test_share,
            image_size=config.model.image_size,
            channels=config.model.channels,
            classes=config.model.classes,
        )
        self._notices = opened.notices
        return super()._train(command)

    def _began(self) -> p.TrainingBegan:
        return msgspec.structs.replace(super()._began(), notices=self._notices)


def use_opening_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let `run` and `train` of this process start them."""
    real = run.run

    def fake_run(*arguments: Any, **options: Any) -> Any:
        return real(*arguments, **{**options, "new_worker": lambda: InProcessWorker(OpeningBackend)})

    monkeypatch.setattr(run, "run", fake_run)
    monkeypatch.setattr(EvidencePass, "run", no_pass)
    trainer = functools.partial(TrainRun, new_worker=lambda: InProcessWorker(OpeningTrainer))
    monkeypatch.setattr("resnet_bench.cli.train.TrainRun", trainer)
    monkeypatch.setattr("resnet_bench.cli.train._draw", lambda *_: ())  # half a second of matplotlib for each row
