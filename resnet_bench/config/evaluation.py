"""Options of `bench-cli evaluate` and `bench-cli predict` beyond those of `run`."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from msgspec import Meta

from resnet_bench.config.dataset import DatasetSource, ModelFile, PixelsOption, SplitSeed, TestData, TestShare
from resnet_bench.config.fields import FILE, ConfigSection


class EvaluationConfig(ConfigSection, frozen=True, kw_only=True):
    """Which models are evaluated, on which data set."""

    title: ClassVar[str] = "Evaluation"

    model: ModelFile
    against: Annotated[str | None, Meta(description="Second model; differences are this one minus --model."), FILE] = (
        None
    )
    source: DatasetSource = "auto"
    data: Annotated[
        str | None,
        Meta(
            description="An h5 file, a folder of class subfolders, or a glob of shards.",
            extra={"metavar": "PATH", "completion": "file"},
        ),
    ] = None
    test_data: TestData = None
    test_share: TestShare = 0.2
    split_seed: SplitSeed = 0
    part: Annotated[Literal["test", "train", "all"], Meta(description="Part of the data set; all: both parts.")] = (
        "test"
    )
    pixels: PixelsOption = None
    turns: Annotated[int, Meta(ge=0, description="Batches timed, interleaved between the models; 0: none.")] = 20
    confusion: Annotated[str | None, Meta(description="Draw the confusion matrix (.svg, .png or .pdf)."), FILE] = None


class PredictionConfig(ConfigSection, frozen=True, kw_only=True):
    """With which model images are classified, and how they are shown to it."""

    title: ClassVar[str] = "Prediction"

    model: ModelFile
    top: Annotated[int, Meta(ge=1, description="Classes printed per image.")] = 3
    pixels: PixelsOption = None
    crop: Annotated[
        Literal["whole", "centre"] | None,
        Meta(
            description="Use the whole image, or its centre (87.5 % of the shorter side). Default: as the model file "
            "says, else centre."
        ),
    ] = None
