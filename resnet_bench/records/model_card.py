"""Inputs and outputs of a saved network, stored inside its file; and where weights came from."""

from __future__ import annotations

from typing import Literal

from resnet_bench.records.base import Data
from resnet_bench.records.run import DataFacts, ModelFacts


class Pixels(Data, frozen=True, kw_only=True):
    """From pixels to a network's input: (pixel - mean) / std, channel by channel, pixels from 0 to 255.

    `mean` and `std` are in the order of `order`: "rgb", "bgr" (swapped first) or "grey".
    """

    order: Literal["rgb", "bgr", "grey"]
    mean: tuple[float, ...]
    std: tuple[float, ...]


class ModelCard(Data, frozen=True, kw_only=True):
    """How to use a saved network. Stands under "resnet_bench" in the metadata.json of its .keras file.

    The network takes float images [B, H, W, C] ([B, C, H, W] under channels_first) that `pixels` describes and
    returns [B, classes]. `crop` is the part of an image that evaluation used: the whole, or the centre that covers
    87.5 % of the shorter side. `class_names` are in the order of the outputs. `trained_on` is
    the data set; its hash differs between splits.
    """

    pixels: Pixels
    outputs: Literal["logits", "probabilities"]
    data_format: Literal["channels_last", "channels_first"]
    crop: Literal["whole", "centre"]
    model: ModelFacts
    class_names: tuple[str, ...] | None = None
    trained_on: DataFacts | None = None
    tool_version: str | None = None


class WeightsFacts(Data, frozen=True, kw_only=True):
    """The weights that a network started from: `layers` were copied from `source`.

    `folded_biases` counts convolutions whose bias went into their batch norm; `adapted_pixels` is true where
    the first convolution was adapted to another pixel normalisation than the source's.
    """

    source: str
    layers: int
    new_head: bool = False
    folded_biases: int = 0
    adapted_pixels: bool = False
