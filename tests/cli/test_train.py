"""`bench-cli train` from options to record, curves and exit code, with workers that only pretend to train."""

from __future__ import annotations

import functools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest
from click.testing import CliRunner, Result

from resnet_bench.cli import group
from resnet_bench.config.option import training_options
from resnet_bench.errors import ConfigError, DataError
from resnet_bench.experiments.progress import TrainObserver
from resnet_bench.experiments.train import TrainRun, _verdict
from resnet_bench.experiments.train_request import REQUEST, continued, request_of
from resnet_bench.records.base import Notice
from resnet_bench.records.record import Record
from resnet_bench.records.run import Outcome, Verdict
from resnet_bench.step.training.checkpoint import CHECKPOINT, save
from resnet_bench.step.training.progress import TrainingProgress
from resnet_bench.worker.interface import Worker
from resnet_bench.worker.process import WorkerProcess
from tests.data.test_datasets import signs
from tests.support.fake_trainer import FakeTrainer, epoch_of
from tests.support.in_process import InProcessWorker

ROOT = Path(__file__).parents[2]


def fake_worker(scenario: str = "ok") -> Worker:
    """A process of its own, which can be interrupted."""
    return WorkerProcess("tests.support.fake_trainer", {"PYTHONPATH": str(ROOT), "SCENARIO": scenario})


@pytest.fixture
def train(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Any:
    """Run the command in an empty folder with a fake worker of a scenario."""

    monkeypatch.chdir(tmp_path)

    def run(*words: str, scenario: str = "ok") -> Result:
        pretended = functools.partial(TrainRun, new_worker=lambda: InProcessWorker(FakeTrainer, SCENARIO=scenario))
        monkeypatch.setattr("resnet_bench.cli.train.TrainRun", pretended)
        return CliRunner(env={"COLUMNS": "120"}).invoke(group, ["train", *words])

    return run


def record_in(folder: Path) -> Record:
    (path,) = folder.glob("runs/*.json")
    return Record.load(path)


@pytest.mark.tensorflow  # TensorBoard's reader of event files imports it
def test_a_training_leaves_a_record_curves_and_scalars(train: Any, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    done = train("--epochs", "4", "--target-accuracy", "0.97")
    assert done.exit_code == 0, done.output
    assert "80.0 % test accuracy  best 90.0 % in epoch 3  97.0 % was not reached" in done.output
    assert "epoch 4: loss 0.2500, accuracy 87.5 %, test accuracy 80.0 %, 50.0 img/s, 40.0 s" in done.output
    record = record_in(tmp_path)
    assert record.training is not None
    assert [epoch.epoch for epoch in record.training.epochs] == [1, 2, 3, 4]
    assert record.summary is not None
    assert record.summary.images_per_s.value == pytest.approx(50)
    assert record.verdict.kind == "provisional"
    assert record.config.training is not None
    assert record.config.training.source == "digits"
    folder = tmp_path / "training"
    assert (folder / "curves.png").read_bytes().startswith(b"\x89PNG")
    assert b"<svg" in (folder / "curves.svg").read_bytes()
    assert losses_in(folder / "events") == [10.0, 11.0, 12.0, 20.0, 21.0, 22.0, 30.0, 31.0, 32.0, 40.0, 41.0, 42.0]


def test_scalars_and_curves_that_cannot_be_written_do_not_end_a_training(train: Any, tmp_path: Path) -> None:
    """Such as a disk that is full; a file stands where a folder is needed."""
    (tmp_path / "training" / "curves.svg").mkdir(parents=True)
    (tmp_path / "training" / "events").write_text("")
    done = train("--epochs", "2")
    assert done.exit_code == 0, done.output
    assert done.stderr.count("TensorBoard scalars are not written") == 1
    assert "curves.svg cannot be written" in done.stderr
    record = record_in(tmp_path)
    assert record.training is not None
    assert len(record.training.epochs) == 2


def test_an_observer_that_fails_does_not_end_a_training(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    class Failing(TrainObserver):
        def steps(self, event: Any) -> None:
            raise ValueError(f"no screen at step {event.step}")

    record = TrainRun(request_of({"epochs": 2}), Failing(), new_worker=lambda: InProcessWorker(FakeTrainer)).run()
    assert record.outcome.kind == "ok"
    assert record.training is not None
    assert len(record.training.epochs) == 2
    (notice,) = (each for each in record.warnings if each.kind == "progress_not_shown")
    assert "ValueError: no screen at step" in notice.message


def losses_in(folder: Path) -> list[float]:
    """What TensorBoard would read as the loss of each step."""
    from tensorboard.backend.event_processing.event_file_loader import LegacyEventFileLoader
    from tensorboard.util.tensor_util import make_ndarray

    (path,) = folder.iterdir()
    values = [value for event in LegacyEventFileLoader(str(path)).Load() for value in event.summary.value]
    return [float(make_ndarray(value.tensor)) for value in values if value.tag == "step/loss"]


def test_the_defaults_are_those_of_the_from_scratch_projects() -> None:
    request = request_of({})
    model, step = request.config.model, request.config.step
    assert (model.image_size, model.channels, model.classes) == ((64, 64), 3, 6)
    assert (step.optimizer, step.learning_rate, step.batch_size, step.label_smoothing) == ("adam", "auto", 32, 0.0)
    assert (request.training.source, request.training.epochs) == ("digits", 12)


def test_classes_and_size_are_the_data_s_where_they_are_not_given(tmp_path: Path) -> None:
    images = {f"{part}_set_x": np.zeros((count, 12, 10, 3), np.uint8) for part, count in (("train", 10), ("test", 5))}
    path = signs(tmp_path / "signs.h5", **images)
    found = request_of({"data": str(path)}).config.model
    assert (found.classes, found.image_size) == (3, (12, 10))
    assert request_of({"data": str(path), "image_size": (32, 32)}).config.model.image_size == (32, 32)
    with pytest.raises(ConfigError, match="--source tfrecord does not say how many classes"):
        request_of({"data": str(tmp_path / "train-*")})


@pytest.mark.parametrize("side", [4, 5000])
def test_images_beyond_the_limits_of_the_option_are_refused_before_a_worker_starts(tmp_path: Path, side: int) -> None:
    path = signs(tmp_path / "signs.h5", train_set_x=np.zeros((10, side, 8, 3), np.uint8))
    with pytest.raises(DataError, match=rf"signs\.h5 has images of {side}x8, but --image-size takes") as caught:
        request_of({"data": str(path)})
    assert "Pass --image-size" in caught.value.remedy
    assert request_of({"data": str(path), "image_size": (32, 32)}).config.model.image_size == (32, 32)


def test_data_that_is_not_there_or_far_away_or_of_one_class_is_refused_before_a_worker_starts(tmp_path: Path) -> None:
    (tmp_path / "one" / "cat").mkdir(parents=True)
    for data, words in (
        (str(tmp_path / "nothere"), "nothere does not exist"),
        ("gs://bucket/flowers", "gs://bucket/flowers is a remote address"),
        (str(tmp_path / "one"), "a classifier needs two or more"),
    ):
        with pytest.raises(DataError, match=words):
            request_of({"data": data})


@pytest.mark.parametrize(
    ("words", "code", "says"),
    [
        ("--source h5", 2, "--source h5 needs --data"),
        ("--dataset h5", 2, "--source h5 needs --data"),
        ("--source photos", 2, "--source photos is not allowed: it takes digits, h5, folder, tfrecord or auto"),
        ("--data missing.h5", 3, "missing.h5 does not exist"),
        ("--augment flap", 2, "--augment flap is not allowed: it takes crop, shift and flip with commas, none or auto"),
        ("--target-accuracy 97", 2, "--target-accuracy 97 is not allowed"),
        ("--warmup-epochs 12", 2, "--warmup-epochs 12 must be less than --epochs 12"),
        ("--epochs 0", 2, "--epochs 0 is not allowed"),
        ("--strategy mirrored --xla", 2, "--xla cannot be combined with --strategy mirrored"),
        ("--strategy mirrored --device gpu:1", 2, "--device gpu:1 names one GPU"),
        ("--logical-devices 2", 2, "--logical-devices 2 needs --strategy mirrored, not one"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_a_worker_starts(train: Any, words: str, code: int, says: str) -> None:
    done = train(*words.split())
    assert (done.exit_code, says in done.stderr) == (code, True), done.output


def test_a_folder_with_a_training_is_not_overwritten(train: Any, tmp_path: Path) -> None:
    save(tmp_path / "training" / CHECKPOINT, {}, TrainingProgress())
    done = train()
    assert done.exit_code == 2
    assert "--folder training holds a training already. Continue it: --resume" in done.stderr


def test_there_must_be_a_checkpoint_to_resume_from(train: Any, tmp_path: Path) -> None:
    done = train("--resume")
    assert done.exit_code == 2
    assert "--folder training has no checkpoint to resume from" in done.stderr
    assert not (tmp_path / "training").exists()


def test_resume_takes_the_options_of_the_training_and_lets_only_its_length_change(train: Any, tmp_path: Path) -> None:
    assert train("--epochs", "2", "--width", "8", "--augment", "shift,flip").exit_code == 0
    done = train("--resume", "--epochs", "3", "--json", "--output", "again")
    assert done.exit_code == 0, done.output
    (path,) = (tmp_path / "again").glob("*.json")
    config = Record.load(path).config
    assert config.training is not None
    assert (config.training.epochs, config.training.augment, config.requested.model.width) == (3, ("shift", "flip"), 8)
    refused = train("--resume", "--width", "16")
    assert refused.exit_code == 2
    assert "--width 16 would change the training in training, which was started with 8" in refused.stderr


def test_epochs_that_decide_the_schedule_may_not_change(tmp_path: Path) -> None:
    request = request_of({"schedule": "cosine", "epochs": 5})
    (tmp_path / REQUEST).write_bytes(msgspec.json.encode(request))
    assert continued(tmp_path, {"epochs": 5}) == request
    with pytest.raises(ConfigError, match="--epochs 6 would change the training"):
        continued(tmp_path, {"epochs": 6})
    (tmp_path / REQUEST).write_text("{")
    with pytest.raises(DataError, match=REQUEST):
        continued(tmp_path, {})


@pytest.mark.parametrize(("scenario", "code", "kind"), [("kill:3", 6, "killed"), ("diverge:3", 1, "error")])
def test_what_a_training_reached_before_it_failed_is_saved(
    train: Any, tmp_path: Path, scenario: str, code: int, kind: str
) -> None:
    done = train(scenario=scenario)
    assert done.exit_code == code, done.output
    record = record_in(tmp_path)
    assert record.outcome.kind == kind
    assert record.verdict.kind == "invalid"
    assert record.training is not None
    assert (len(record.training.epochs), record.training.steps) == (2, 6)
    assert record.training.ended == ("failed" if kind == "error" else "interrupted")


def test_an_interrupt_lets_the_worker_end_by_itself(tmp_path: Path) -> None:
    class Watching(TrainObserver):
        def tested(self, event: Any) -> None:
            del event
            began.set()

    began = threading.Event()
    request = request_of({"folder": str(tmp_path)})
    session = TrainRun(request, Watching(), new_worker=lambda: fake_worker("wait:2"))
    assert session.interrupt() is False

    def interrupt() -> None:
        began.wait(60)
        time.sleep(0.2)
        session.interrupt()

    helper = threading.Thread(target=interrupt)
    helper.start()
    record = session.run()
    helper.join()
    assert record.outcome.kind == "interrupted"
    assert "--resume" in record.outcome.remedy
    assert record.training is not None
    assert record.training.ended == "interrupted"


def test_ctrl_c_saves_what_exists_and_exits_with_130(tmp_path: Path) -> None:
    code = (
        "from resnet_bench.cli import main, train; from tests.cli.test_train import fake_worker; import functools;"
        "train.TrainRun = functools.partial(train.TrainRun, new_worker=lambda: fake_worker('wait:2')); main()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, "train", "--epochs", "5"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as running:
        assert running.stderr is not None
        for line in running.stderr:
            if line.startswith("epoch 1"):
                break
        time.sleep(0.3)
        running.send_signal(signal.SIGINT)
        out, _ = running.communicate(timeout=60)
    assert running.returncode == 130
    assert "Interrupted; a checkpoint was saved. Continue with --resume." in out
    record = record_in(tmp_path)
    assert record.training is not None
    assert len(record.training.epochs) == 1
    assert json.loads((tmp_path / "training" / REQUEST).read_text())["given"] == {"epochs": 5}


def test_what_older_versions_called_the_source_is_read_and_written_under_that_name(tmp_path: Path) -> None:
    request = request_of({"source": "digits"})
    stored = json.loads(msgspec.json.encode(request))
    assert stored["training"]["dataset"] == "digits"
    stored["given"] = {"dataset": "digits"}
    (tmp_path / REQUEST).write_text(json.dumps(stored))
    assert continued(tmp_path, {"epochs": 13}).training.source == "digits"
    with pytest.raises(ConfigError, match="--source tfrecord"):
        continued(tmp_path, {"source": "tfrecord", "data": "train-*", "classes": 6})


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_help_names_source_and_not_its_older_name(command: str) -> None:
    shown = CliRunner().invoke(group, [command, "--help"]).output
    assert "--source" in shown
    assert "--dataset" not in shown


def test_the_command_offers_every_option_of_a_training() -> None:
    shown = CliRunner().invoke(group, ["train", "--help"]).output
    assert all(option.flag.split("/")[0] in shown for option in training_options())


def test_a_variable_that_contradicts_an_option_makes_a_training_invalid() -> None:
    facts = {"variable": "TF_XLA_FLAGS", "value": "x", "option": "--no-xla", "effect": "e", "instead": "--xla"}
    contradiction = Notice.make("environment_contradicts", **facts)
    ok = Outcome(kind="ok")
    assert _verdict(ok, [epoch_of(1)], [contradiction]) == Verdict(kind="invalid", reasons=(contradiction,))
    assert _verdict(ok, [epoch_of(1)], [Notice.make("environment_steers", variables="a")]).kind == "provisional"
