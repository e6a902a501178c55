"""Shards are written whole or not at all, the same bytes every time, and a killed start goes on."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from resnet_bench.data import example, framing, size_mix, synthetic_photos, verify_shards, write_shards
from resnet_bench.data.manifest import file_sha256, read_manifest
from resnet_bench.data.sources.folder import FolderImages
from resnet_bench.data.sources.photos import PhotoImages
from resnet_bench.data.sources.tfds import TfdsImages
from resnet_bench.errors import ConfigError, DataError
from tests.support.data_files import encoded, flip_byte, photos_of

SMALL = synthetic_photos.PhotoRecipe({(40, 30): 1.0}, {(90, "4:2:0"): 1.0})


def supply(count: int = 7, seed: int = 0, recipe: synthetic_photos.PhotoRecipe = SMALL) -> PhotoImages:
    return PhotoImages(count, seed, recipe, {"sizes": "40x30"})


def records(folder: Path) -> list[dict[str, example.Feature]]:
    manifest = read_manifest(folder)
    assert manifest is not None
    shards = [folder / shard.name for shard in manifest.shards]
    return [example.decode(framing.payload(path, frame)) for path in shards for frame in framing.walk(path)]


def content(folder: Path) -> dict[str, str]:
    return {path.name: file_sha256(path) for path in folder.iterdir()}


def images(root: Path, per_class: int = 3) -> Path:
    for label, name in enumerate(("ant", "bee")):
        (root / name).mkdir(parents=True)
        for number in range(per_class):
            form = "PNG" if number == 0 else "JPEG"
            (root / name / f"{number}.jpg").write_bytes(encoded(form, seed=10 * label + number))
    return root


def test_the_same_options_give_the_same_bytes_whatever_the_threads(tmp_path: Path) -> None:
    for name, threads, seed in (("a", 1, 0), ("b", 3, 0), ("c", 1, 1)):
        write_shards.write_shards(supply(seed=seed), tmp_path / name, 3, threads)
    assert content(tmp_path / "a") == content(tmp_path / "b") != content(tmp_path / "c")


def test_the_manifest_tells_what_came_out(tmp_path: Path) -> None:
    recipe = size_mix.recipe("40x30=3,30x40=1", None, "0.6=1,1.2=1")
    made = write_shards.write_shards(supply(count=40, recipe=recipe), tmp_path, 4, 2).manifest
    assert [shard.images for shard in made.shards] == [10, 10, 10, 10]
    assert made.sizes["40x30"] == pytest.approx(30, abs=2)
    assert made.sizes["30x40"] == 40 - made.sizes["40x30"]
    assert sum(made.bytes_per_pixel.values()) == made.images == 40
    found = records(tmp_path)
    sizes = [len(_bytes(record, "image/encoded")) for record in found]
    assert made.mean_bytes_per_pixel == pytest.approx(sum(sizes) / (40 * 1200))
    assert made.mean_bytes_per_pixel == pytest.approx(0.9, rel=0.1)
    labels = [int(record["image/class/label"][0]) for record in found]
    assert made.label_range == (min(labels), max(labels))
    assert made == read_manifest(tmp_path)


def test_photographs_are_those_of_the_embedded_set(tmp_path: Path) -> None:
    write_shards.write_shards(supply(count=3, recipe=synthetic_photos.IMAGENET), tmp_path, 1, 1)
    found = [_bytes(record, "image/encoded") for record in records(tmp_path)]
    assert found == [photo.encoded for photo in photos_of(3)]


def test_bytes_per_pixel_are_met_image_by_image() -> None:
    recipe = size_mix.recipe("200x150", None, "0.3=1,0.5=1")
    for photo in photos_of(6, recipe):
        found = len(photo.encoded) / (200 * 150)
        assert min(abs(found - wanted) for wanted in (0.3, 0.5)) < 0.05


def test_a_finished_set_is_left_alone(tmp_path: Path) -> None:
    write_shards.write_shards(supply(), tmp_path, 3, 1)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()}
    assert write_shards.write_shards(supply(), tmp_path, 3, 1).shards_found == 3
    assert {path: path.stat().st_mtime_ns for path in tmp_path.iterdir()} == before


def test_a_lost_shard_is_made_again(tmp_path: Path) -> None:
    write_shards.write_shards(supply(), tmp_path, 3, 1)
    before = content(tmp_path)
    (tmp_path / "photos-00001-of-00003.tfrecord").unlink()
    assert write_shards.write_shards(supply(), tmp_path, 3, 1).shards_found == 2
    assert content(tmp_path) == before


KILLED = """
import os, signal, sys
from pathlib import Path
from typing import Any
from resnet_bench.data import write_shards
from tests.data.test_write_shards import content, supply

root = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(os.environ["ROOT"])
write_shards.write_shards(supply(), root / "whole", 3, 2)
replace, steps = Path.replace, 0

def dying(at, after):
    def once(self, target):
        global steps
        steps += 1
        if steps == at and not after:
            os.kill(os.getpid(), signal.SIGKILL)
        replace(self, target)
        if steps == at:
            os.kill(os.getpid(), signal.SIGKILL)
    return once

for at in range(1, 9):
    for after in (False, True):
        folder = root / f"{at}-{after}"
        child = os.fork()
        if child == 0:
            Path.replace = dying(at, after)
            write_shards.write_shards(supply(), folder, 3, 2)
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        visible = sorted(path.name for path in folder.iterdir() if not path.name.startswith("."))
        found = write_shards.write_shards(supply(), folder, 3, 2).shards_found
        same = content(folder) == content(root / "whole")
        print(os.WIFSIGNALED(status), len(visible), found, same)
"""


def test_a_kill_at_any_moment_leaves_whole_shards_and_the_next_start_goes_on(
    tmp_path: Path, child: Callable[..., str]
) -> None:
    lines = [line.split() for line in child(KILLED, ROOT=str(tmp_path)).splitlines()]
    assert len(lines) == 16
    assert all(killed == same == "True" for killed, _, _, same in lines)
    # plan, then facts and shard three times, then the manifest; each step killed before and after it is taken
    assert [int(found) for *_, found, _ in lines] == [0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3]
    assert [int(visible) for _, visible, *_ in lines] == [0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 4]


def test_other_options_are_refused_for_a_folder_in_use(tmp_path: Path) -> None:
    write_shards.write_shards(supply(), tmp_path, 3, 1)
    with pytest.raises(DataError, match=r"count 7 \(now 8\)"):
        write_shards.write_shards(supply(count=8), tmp_path, 3, 1)


def test_a_folder_of_other_things_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(DataError, match=r"thesis\.tex"):
        write_shards.write_shards(supply(), tmp_path, 3, 1)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_two_writers_at_once_are_refused(tmp_path: Path) -> None:
    with write_shards._claimed(tmp_path), pytest.raises(DataError, match="another process"):
        write_shards.write_shards(supply(), tmp_path, 3, 1)


def test_more_shards_than_images_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="--shards 8"):
        write_shards.write_shards(supply(count=7), tmp_path / "new", 8, 1)
    assert not (tmp_path / "new").exists()


def test_shards_follow_the_number_of_images() -> None:
    assert [write_shards.auto_shards(count) for count in (3, 500, 20_000, 1_281_167)] == [3, 8, 16, 1025]


# From a folder


def test_a_folder_keeps_bytes_classes_and_names(tmp_path: Path) -> None:
    root = images(tmp_path / "images")
    made = write_shards.write_shards(FolderImages(str(root), 0, "error"), tmp_path / "out", 2, 2).manifest
    assert (made.images, made.classes, made.class_names, made.label_range) == (6, 2, ("ant", "bee"), (1, 2))
    for record in records(tmp_path / "out"):
        name = _bytes(record, "image/filename").decode()
        assert _bytes(record, "image/encoded") == (root / name).read_bytes()
        assert record["image/class/label"] == [1 + ("ant", "bee").index(name.split("/")[0])]
        image = Image.open(io.BytesIO(_bytes(record, "image/encoded")))
        assert record["image/format"] == [str(image.format).encode()]
        assert [record["image/width"], record["image/height"]] == [[image.width], [image.height]]


def test_the_seed_shuffles_a_folder(tmp_path: Path) -> None:
    root = images(tmp_path / "images", per_class=6)
    orders: list[Any] = []
    for seed in (0, 0, 1):
        out = tmp_path / f"out{len(orders)}"
        write_shards.write_shards(FolderImages(str(root), seed, "error"), out, 2, 2)
        orders.append([_bytes(record, "image/filename") for record in records(out)])
    assert orders[0] == orders[1] != orders[2]
    assert sorted(orders[0]) == sorted(orders[2]) != orders[0]


def test_a_bad_image_is_named_or_left_out(tmp_path: Path) -> None:
    root = images(tmp_path / "images")
    (root / "bee" / "1.jpg").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"bee/1\.jpg: it is not an image of a known format"):
        write_shards.write_shards(FolderImages(str(root), 0, "error"), tmp_path / "strict", 2, 2)
    made = write_shards.write_shards(FolderImages(str(root), 0, "skip"), tmp_path / "out", 2, 2, skip=True).manifest
    assert made.images == sum(shard.images for shard in made.shards) == 5
    assert len(made.skipped) == 1
    assert "bee/1.jpg" in made.skipped[0]


@pytest.mark.parametrize("content", [encoded(size=(200, 150))[:1500], encoded("TIFF"), encoded("BMP", mode="1")])
def test_making_and_checking_judge_an_image_alike(tmp_path: Path, content: bytes) -> None:
    root = images(tmp_path / "images")
    (root / "bee" / "1.jpg").write_bytes(content)
    with pytest.raises(DataError, match=r"bee/1\.jpg: ") as refused:
        write_shards.write_shards(FolderImages(str(root), 0, "error"), tmp_path / "strict", 2, 2)
    problem = refused.value.message.partition("1.jpg: ")[2].partition(f" ({len(content)} bytes)")[0]
    record = example.encode({"image/encoded": content, "image/class/label": 1})
    (tmp_path / "shard").write_bytes(framing.frame(record))
    (damage,) = verify_shards.check(str(tmp_path / "shard"), 1).damaged
    assert damage.problem.endswith(problem)


# From TFDS


def tfds(root: Path, per_shard: tuple[int, ...] = (2, 3), **info: object) -> Path:
    """A data set as tfds lays it out."""
    folder = root / "pets" / "1.2.0"
    folder.mkdir(parents=True)
    number = 0
    for index, count in enumerate(per_shard):
        shard = b""
        for _ in range(count):
            values: dict[str, bytes | int | str] = {"image": encoded(seed=number), "label": number % 3}
            shard += framing.frame(example.encode({**values, "file_name": f"{number}.jpg"}))
            number += 1
        (folder / f"pets-train.tfrecord-{index:05d}-of-{len(per_shard):05d}").write_bytes(shard)
    split = {"name": "train", "shardLengths": [str(count) for count in per_shard]}
    split["filepathTemplate"] = "{DATASET}-{SPLIT}.{FILEFORMAT}-{SHARD_X_OF_Y}"
    (folder / "dataset_info.json").write_text(
        json.dumps({"name": "pets", "version": "1.2.0", "fileFormat": "tfrecord", "splits": [split], **info})
    )
    path = "tensorflow_datasets.core.features."
    fields = {
        "image": {"pythonClassName": f"{path}image_feature.Image", "image": {"encodingFormat": "jpeg"}},
        "label": {"pythonClassName": f"{path}class_label_feature.ClassLabel", "classLabel": {"numClasses": "3"}},
        "file_name": {"pythonClassName": f"{path}text_feature.Text", "text": {}},
    }
    whole = {"pythonClassName": f"{path}features_dict.FeaturesDict", "featuresDict": {"features": fields}}
    (folder / "features.json").write_text(json.dumps(whole))
    (folder / "label.labels.txt").write_text("cat\ndog\nfox\n")
    return folder


@pytest.mark.parametrize("shards", [1, 2, 3, 5])
def test_tfds_records_keep_order_bytes_and_labels(tmp_path: Path, shards: int) -> None:
    folder = tfds(tmp_path)
    made = write_shards.write_shards(TfdsImages(str(folder.parent), "train"), tmp_path / "out", shards, 2).manifest
    assert (made.images, made.classes, made.class_names) == (5, 3, ("cat", "dog", "fox"))
    found = records(tmp_path / "out")
    assert [record["image/encoded"] for record in found] == [[encoded(seed=seed)] for seed in range(5)]
    assert [record["image/class/label"] for record in found] == [[1], [2], [3], [1], [2]]
    assert [_bytes(record, "image/class/text") for record in found] == [b"cat", b"dog", b"fox", b"cat", b"dog"]
    assert [_bytes(record, "image/filename") for record in found][4] == b"4.jpg"


@pytest.mark.parametrize(
    ("info", "split", "words"),
    [
        ({"fileFormat": "array_record"}, "train", "array_record is not supported"),
        ({}, "test", "--split takes one of train"),
        ({"splits": [{"name": "train"}]}, "train", "no shardLengths"),
    ],
)
def test_what_is_not_supported_of_tfds_is_named(tmp_path: Path, info: dict[str, Any], split: str, words: str) -> None:
    folder = tfds(tmp_path, **info)
    with pytest.raises(DataError) as caught:
        TfdsImages(str(folder), split)
    assert words in str(caught.value)


def split_of(**changes: object) -> dict[str, object]:
    return {"splits": [{"name": "train", "shardLengths": ["2", "3"], **changes}]}


@pytest.mark.parametrize(
    ("info", "words"),
    [
        ({"name": "../../x"}, "'../../x', is not allowed"),
        ({"name": "/tmp/x"}, "'/tmp/x', is not allowed"),
        ({"name": "a\\b"}, "is not allowed"),
        ({"name": ".."}, "'..', is not allowed"),
        ({"name": "\x1b[31mred"}, "\\\\x1b[31mred', is not allowed"),
        (split_of(filepathTemplate="../../../etc/{SPLIT}"), "the file name, '../../../etc/train', is not allowed"),
        (split_of(filepathTemplate="/etc/passwd"), "the file name, '/etc/passwd', is not allowed"),
        (split_of(filepathTemplate=7), "is not as tfds writes it"),
        ({"name": 7, "splits": "train"}, "is not as tfds writes it"),
        ({"splits": ["train"]}, "is not as tfds writes it"),
        ({"splits": None}, "is not as tfds writes it"),
        (split_of(shardLengths=["many"]), "is not as tfds writes it"),
        (split_of(shardLengths=["-3"]), "is not as tfds writes it"),
        (split_of(shardLengths={"a": 1}), "is not as tfds writes it"),
        ({"fileFormat": ["x"]}, "is not as tfds writes it"),
    ],
)
def test_metadata_of_tfds_is_checked_and_its_names_stay_in_the_folder(
    tmp_path: Path, info: dict[str, Any], words: str
) -> None:
    folder = tfds(tmp_path / "a", **info)
    with pytest.raises(DataError) as caught:
        TfdsImages(str(folder), "train")
    assert words in str(caught.value)
    assert str(folder / "dataset_info.json") in str(caught.value)


@pytest.mark.parametrize(
    "content",
    [
        *(
            "[]",
            "7",
            "null",
            "{",
            "",
            "[" * 9999,
            '"\\udce9"',
            '{"featuresDict": []}',
            '{"featuresDict": {"features": [1]}}',
        ),
        '{"featuresDict": {"features": {"image": 7}}}',
        '{"featuresDict": {"features": {"l": {"pythonClassName": "ClassLabel", "classLabel": {"numClasses": "x"}}}}}',
        '{"featuresDict": {"features": {"i": {"pythonClassName": "Image"}, "../l": {"pythonClassName":"ClassLabel"}}}}',
    ],
)
@pytest.mark.parametrize("name", ["features.json", "dataset_info.json"])
def test_malformed_metadata_of_tfds_is_named(tmp_path: Path, content: str, name: str) -> None:
    folder = tfds(tmp_path)
    (folder / name).write_text(content)
    with pytest.raises(DataError) as caught:
        TfdsImages(str(folder), "train")
    assert name in str(caught.value)


def test_metadata_of_tfds_may_have_a_byte_order_mark(tmp_path: Path) -> None:
    folder = tfds(tmp_path)
    for name in ("features.json", "dataset_info.json", "label.labels.txt"):
        (folder / name).write_bytes(b"\xef\xbb\xbf" + (folder / name).read_bytes())
    assert TfdsImages(str(folder), "train").class_names == ("cat", "dog", "fox")


def test_a_tfds_set_without_one_image_and_one_label_is_refused(tmp_path: Path) -> None:
    folder = tfds(tmp_path)
    (folder / "features.json").write_text(
        (folder / "features.json").read_text().replace("class_label_feature.ClassLabel", "scalar.Scalar")
    )
    with pytest.raises(DataError, match=r"0 ClassLabel features.*label \(Scalar\)"):
        TfdsImages(str(folder), "train")


def test_a_missing_or_short_tfds_shard_is_named(tmp_path: Path) -> None:
    folder = tfds(tmp_path / "a", per_shard=(2, 3))
    shard = folder / "pets-train.tfrecord-00001-of-00002"
    first = next(framing.walk(shard))
    shard.write_bytes(shard.read_bytes()[: first.end])
    with pytest.raises(DataError, match=r"holds 1 records, but dataset_info\.json says 3"):
        write_shards.write_shards(TfdsImages(str(folder), "train"), tmp_path / "out", 1, 1)
    shard.unlink()
    with pytest.raises(DataError, match="00001-of-00002 is missing"):
        TfdsImages(str(folder), "train")


def test_a_damaged_tfds_record_is_named_or_left_out(tmp_path: Path) -> None:
    folder = tfds(tmp_path)
    flip_byte(folder / "pets-train.tfrecord-00000-of-00002", 40)
    with pytest.raises(DataError, match="00000-of-00002, record 0"):
        write_shards.write_shards(TfdsImages(str(folder), "train"), tmp_path / "strict", 1, 1)
    assert (
        write_shards.write_shards(TfdsImages(str(folder), "train"), tmp_path / "out", 1, 1, skip=True).manifest.images
        == 4
    )


# How mixes are typed


def test_a_mix_has_shares_that_come_to_one() -> None:
    assert size_mix.recipe("500x375=3,375x500=1", "92", None).sizes == {(500, 375): 0.75, (375, 500): 0.25}
    assert size_mix.recipe("imagenet", "97/4:4:4=1,92=1", None).encodings == {(97, "4:4:4"): 0.5, (92, "4:2:0"): 0.5}
    assert size_mix.recipe("imagenet", None, None) == synthetic_photos.IMAGENET


@pytest.mark.parametrize(
    "words",
    [
        ("500", None, None),
        ("500x375=0", None, None),
        ("500x375=x", None, None),
        ("500x375,500x375", None, None),
        ("4x4", None, None),
        ("imagenet", "101", None),
        ("imagenet", "92/4:1:1", None),
        ("imagenet", None, "nan"),
        ("imagenet", None, "0"),
        ("imagenet", "92", "0.5"),
    ],
)
def test_what_is_no_mix_is_refused(words: tuple[str, str | None, str | None]) -> None:
    with pytest.raises(ConfigError):
        size_mix.recipe(*words)


def _bytes(record: dict[str, example.Feature], name: str) -> bytes:
    value = record[name][0]
    assert isinstance(value, bytes)
    return value
