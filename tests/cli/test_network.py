"""`bench-cli build`, `evaluate` and `predict` from options to what is printed, with a worker that answers at once."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner, Result

from resnet_bench.analysis import classification
from resnet_bench.cli import build, group
from resnet_bench.cli import evaluate as evaluate_command
from resnet_bench.cli import predict as predict_command
from resnet_bench.config import Config
from resnet_bench.records.base import Notice
from resnet_bench.records.evaluation import EvaluationRecord, LikelyClass, Prediction
from resnet_bench.records.model_card import WeightsFacts
from resnet_bench.records.run import DataFacts, ModelFacts, StageFacts
from resnet_bench.worker import protocol as p
from tests.support.fake_worker import ENVIRONMENT, MACHINE

MODEL = ModelFacts(
    name="resnet50",
    variant="v1.5",
    convolutions=53,
    batch_norms=53,
    trainable_parameters=23_512_130,
    parameters=23_565_250,
    macs=334_000_000,
    input_shape=(64, 64, 3),
    classes=2,
)
STAGES = (
    StageFacts(name="stem", blocks=0, output_shape=(16, 16, 64), parameters=9664, macs=9_630_000),
    StageFacts(name="conv2", blocks=3, output_shape=(16, 16, 256), parameters=218_624, macs=54_500_000),
    StageFacts(name="conv3", blocks=23, output_shape=(8, 8, 512), parameters=1_226_752, macs=83_900_000),
    StageFacts(name="classifier", blocks=0, output_shape=(2,), parameters=4098, macs=4096),
)


class FakeWorker:
    """Keeps the command, and replies with what the test gave."""

    commands: list[Any] = []  # noqa: RUF012
    reply: Any = None

    def __enter__(self) -> FakeWorker:
        return self

    def __exit__(self, *_: object) -> None:
        return None

    def request(self, command: Any, _reply: Any, **_options: Any) -> Any:
        """The reply."""
        self.commands.append(command)
        return FakeWorker.reply


@pytest.fixture(autouse=True)
def fake(monkeypatch: pytest.MonkeyPatch) -> None:
    FakeWorker.commands = []
    for module in (build, evaluate_command, predict_command):
        monkeypatch.setattr(module, "WorkerProcess", FakeWorker)


def invoke(*words: str) -> Result:
    return CliRunner(env={"COLUMNS": "120"}).invoke(group, list(words))


def asked() -> Any:
    (command,) = FakeWorker.commands
    return command


def test_build_makes_the_seeds_network_unless_told_otherwise() -> None:
    FakeWorker.reply = p.Built(model=MODEL, stages=STAGES)
    result = invoke("build")
    assert result.exit_code == 0, result.output
    model = asked().config.model
    assert (model.image_size, model.channels, model.classes) == ((64, 64), 3, 2)
    assert "ResNet-50 v1.5 for 64x64x3 images and 2 classes" in result.stdout
    assert "[default: 64x64]" in invoke("build", "--help").stdout


@pytest.mark.parametrize("shape", ["40,48,1", "40x48x1"])
def test_input_shape_is_image_size_and_channels(shape: str) -> None:
    FakeWorker.reply = p.Built(model=MODEL, stages=STAGES)
    assert invoke("build", "--input-shape", shape, "--image-size", "40x48").exit_code == 0
    assert (asked().config.model.image_size, asked().config.model.channels) == ((40, 48), 1)


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("--input-shape 64,64", "--input-shape 64,64 is not allowed: it takes HEIGHT,WIDTH,CHANNELS"),
        ("--input-shape 64,64,2", "1 or 3 channels"),
        ("--input-shape 64,64,1 --channels 3", "--input-shape 64,64,1 contradicts --channels 3."),
        ("--input-shape 64,64,3 --image-size 32", "contradicts --image-size 32x32. Leave one of them out."),
        ("--diagram net.gif", "--diagram net.gif: pictures end in .svg, .png, .pdf."),
        ("--new-head", "--new-head needs --weights."),
        ("--fold-biases", "--fold-biases needs --weights."),
    ],
)
def test_build_refuses_before_a_worker_starts(words: str, message: str) -> None:
    result = invoke("build", *words.split())
    assert result.exit_code == 2
    assert message in result.stderr
    assert not FakeWorker.commands


def test_build_draws_what_it_built_and_says_where_weights_came_from(tmp_path: Path) -> None:
    facts = WeightsFacts(source="it.h5", layers=107, folded_biases=53, adapted_pixels=True)
    FakeWorker.reply = p.Built(model=MODEL, stages=STAGES, weights=facts)
    path = tmp_path / "net.svg"
    result = invoke("build", "--weights", "it.h5", "--fold-biases", "--diagram", str(path))
    assert result.exit_code == 0, result.output
    assert asked().weights == str(Path("it.h5").absolute())
    assert "107 layers from it.h5, 53 convolution biases folded into batch norm" in result.stdout
    drawn = path.read_text()
    # Text is drawn as outlines, which matplotlib names in comments.
    for words in ("conv2", "identity 3", "16 x 16 x 256", "identity 23", "3x3 conv, 64, /2"):
        assert f"<!-- {words} -->" in drawn
    assert "<!-- identity 12 -->" not in drawn, "long stages are shortened"


def evaluation(classes: int = 3) -> EvaluationRecord:
    labels = np.arange(60) % classes
    names = tuple(f"class {number}" for number in range(classes))
    top5 = 55 if classes > 5 else None
    first = classification.Predictions(path="/a.keras", predicted=labels.copy(), loss=0.1, among_top5=top5)
    first.predicted[:6] = 0
    second = classification.Predictions(path="/b.keras", predicted=labels.copy(), loss=0.05, among_top5=top5)
    judged = [classification.score(each, labels, names, 100.0) for each in (first, second)]
    return EvaluationRecord(
        id="0123456789",
        created_at="2026-11-22T04:00:00+00:00",
        tool_version="0",
        config=Config(),
        machine=MACHINE,
        environment=ENVIRONMENT,
        data=DataFacts(source="digits"),
        part="test",
        models=tuple(judged),
        difference=classification.difference(first, second, labels, [1.9, 2.0, 2.1]),
        notices=(Notice(kind="pixels_assumed", facts={"model": "/a.keras", "pixels": "caffe"}),),
    )


def test_evaluate_shows_both_networks_and_their_difference(tmp_path: Path) -> None:
    FakeWorker.reply = p.Evaluated(evaluation=evaluation())
    picture = tmp_path / "confusion.png"
    words = f"evaluate --model a.keras --against b.keras --data x.h5 --confusion {picture} --output {tmp_path}"
    result = invoke(*words.split())
    assert result.exit_code == 0, result.output
    assert asked().models == tuple(str(Path(name).absolute()) for name in ("a.keras", "b.keras"))
    assert asked().images.data == str(Path("x.h5").absolute())
    for part in (
        "60 images of digits, test part, 3 classes",
        "a.keras 0.1 93.3 % (84.1 to 97.4)",
        "100.0 % (94.0 to 100.0)",
        "The second is +6.7 points in accuracy",
        "4 images that only the second classifies correctly, 0 only the first",
        "Its speed is 2.00 times the first's",
        "/a.keras does not say how its input pixels are scaled; caffe was assumed.",
    ):
        assert part in " ".join(result.stdout.split())
    assert picture.read_bytes().startswith(b"\x89PNG")
    (saved,) = (tmp_path / "evaluate").glob("*.json")
    assert json.loads(saved.read_text())["models"][1]["accuracy"]["value"] == 1.0


def test_evaluate_prints_the_result_alone_as_json(tmp_path: Path) -> None:
    FakeWorker.reply = p.Evaluated(evaluation=evaluation())
    result = invoke("evaluate", "--model", "a.keras", "--json", "--output", str(tmp_path))
    assert json.loads(result.stdout)["difference"]["only_second"] == 4


def test_many_classes_are_cut_to_those_of_lowest_recall(tmp_path: Path) -> None:
    FakeWorker.reply = p.Evaluated(evaluation=evaluation(classes=40))
    result = invoke("evaluate", "--model", "a.keras", "--output", str(tmp_path))
    assert "top-5" in result.stdout
    assert "The 30 classes of lowest recall; --json has all 40." in result.stdout


def test_predict_names_what_it_cannot_read_and_classifies_the_rest() -> None:
    likely = (LikelyClass(label=3, name="dog", probability=0.91), LikelyClass(label=7, name=None, probability=0.05))
    FakeWorker.reply = p.Predicted(
        predictions=(Prediction(path="a.png", likely=likely), Prediction(path="b.png", problem="it is damaged")),
        assumed="imagenet",
    )
    result = invoke("predict", "a.png", "b.png", "--model", "m.keras", "--top", "2")
    assert result.exit_code == 3
    assert "a.png dog 91.0 % 7 5.0 %" in " ".join(result.stdout.split())
    assert "bench-cli: b.png cannot be read: it is damaged." in result.stderr
    assert "assumed imagenet" in result.stderr
    assert (asked().top, asked().config.step.mode) == (2, "infer")
