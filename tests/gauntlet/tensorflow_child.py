"""Asks TensorFlow's side everything at once, and prints the answers as JSON: one process for many rows.

`python -m tests.gauntlet.tensorflow_child FOLDER`, which fills FOLDER with inputs. Every answer is the empty string
where the thing was read, else the reason that was given.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf

from resnet_bench.data import open_input
from resnet_bench.data.decode import Decoder, centre_window, decode_whole, decode_window, reason_of
from resnet_bench.errors import BenchError
from resnet_bench.model import weights
from resnet_bench.model.pretrained import start_from
from resnet_bench.model.resnet import resnet50
from tests.gauntlet.asked_of_tensorflow import DAMAGED_SHARDS, READ_FOLDERS, REFUSED_IN_FOLDERS, SOUND_SHARDS
from tests.gauntlet.images import READ, REFUSED
from tests.gauntlet.inputs import Inputs
from tests.gauntlet.models import REFUSED as REFUSED_MODELS
from tests.support.data_files import THREADS, config

Answers = dict[str, str]


def _reason(read: Callable[[], object]) -> str:
    try:
        read()
    except BenchError as error:
        return f"{error.kind}: {error}"
    except tf.errors.OpError as error:
        return f"tensorflow: {reason_of(error)}"
    return ""


def _decode(encoded: bytes) -> Answers:
    """The whole image in colour and in grey, and the window that evaluation sees, by both decoders."""

    def window(method: Any) -> object:
        decoder = Decoder(channels=3, method=method)
        return decode_window(encoded, lambda shape: centre_window(shape, (32, 32)), decoder)

    return {
        "colour": _reason(lambda: decode_whole(encoded, 3)),
        "grey": _reason(lambda: decode_whole(encoded, 1)),
        "window_full": _reason(lambda: window("full")),
        "window_fused": _reason(lambda: window("fused")),
    }


def _run(root: Path, **values: Any) -> str:
    """What a run says of the data: that a file is refused, or which record stopped the pipeline."""

    def read() -> None:
        given = config(**{"mode": "eval", "classes": 2, **values})
        source = open_input(given, THREADS, root / "cache", "/CPU:0")
        assert source.dataset is not None
        try:
            for _ in source.dataset.take(12):
                pass
        except Exception as failure:  # what a worker would translate
            explained = source.explain(failure)
            if explained is None:
                raise
            raise explained from failure

    return _reason(read)


def _shards(inputs: Inputs) -> Answers:
    names = (*SOUND_SHARDS, *DAMAGED_SHARDS)
    return {
        name: _run(inputs.root, source="tfrecord", data=str(inputs.path(f"shards/{name}")), batch_size=2)
        for name in names
    }


def _folders(inputs: Inputs) -> Answers:
    names = [f"folders/{name}" for name in READ_FOLDERS] + [f"holding/{name}" for name in REFUSED_IN_FOLDERS]
    given = {"source": "folder", "batch_size": 4, "classes": 3}
    return {name: _run(inputs.root, data=str(inputs.path(name)), **given) for name in names}


def _models(inputs: Inputs) -> dict[str, Answers]:
    target = resnet50((32, 32, 3), 5, stage_sizes=(1, 1), width=8)
    found = {}
    for name in REFUSED_MODELS:
        path = inputs.path(f"models/{name}")
        found[name] = {
            "weights": _reason(lambda path=path: start_from(target, str(path))),  # type: ignore[misc]
            "model": _reason(lambda path=path: weights.load(path)),  # type: ignore[misc]
        }
    return found


def _palette_error() -> float:
    """How far the same picture lies apart as a PNG and as a BMP with a palette, in levels of 255."""
    images = [tf.cast(decode_whole(READ[name](), 3), tf.float32) for name in ("png_palette", "bmp_palette")]
    return float(tf.reduce_mean(tf.abs(images[0] - images[1])))


def main() -> None:
    """Answer everything."""
    inputs = Inputs(Path(sys.argv[1]))
    encoded = {**READ, **{name: make for name, (make, _) in REFUSED.items()}}
    print(
        json.dumps(
            {
                "images": {name: _decode(make()) for name, make in encoded.items()},
                "shards": _shards(inputs),
                "folders": _folders(inputs),
                "models": _models(inputs),
                "palette_error": _palette_error(),
            }
        )
    )


if __name__ == "__main__":
    main()
