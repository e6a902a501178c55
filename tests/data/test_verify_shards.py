"""Each thing that can be wrong with shards is found and named where it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from resnet_bench.data import example, framing, synthetic_photos, verify_shards, write_shards
from resnet_bench.data.manifest import file_sha256, read_manifest
from resnet_bench.data.sources.photos import PhotoImages
from resnet_bench.errors import DataError
from tests.support.data_files import encoded, flip_byte, write_shard

SMALL = synthetic_photos.PhotoRecipe({(24, 16): 1.0}, {(80, "4:2:0"): 1.0})


def record(image: bytes | None = None, label: int = 1) -> bytes:
    return example.encode(
        {"image/encoded": encoded(size=(16, 12)) if image is None else image, "image/class/label": label}
    )


def made(folder: Path) -> Path:
    write_shards.write_shards(PhotoImages(6, 0, SMALL, {}), folder, 2, 1)
    return folder


def problems(report: verify_shards.CheckReport) -> list[tuple[str, int, str]]:
    return [(one.file, one.record, one.kind) for one in report.damaged]


def test_what_was_made_is_sound(tmp_path: Path) -> None:
    report = verify_shards.check(str(made(tmp_path)), 2)
    assert report.sound
    assert (report.files, report.records, report.manifest, report.labels) == (2, 6, True, (1, 1000))
    assert report.bytes == sum(path.stat().st_size for path in tmp_path.glob("*.tfrecord"))


@pytest.mark.parametrize(
    ("bad", "kind", "words"),
    [
        (b"\xff\xff no Example", "proto", "not a tf.train.Example"),
        (example.encode({"image/class/label": 1}), "feature", "image/encoded is missing"),
        (example.encode({"image/encoded": b"x", "image/class/label": "1"}), "feature", "one value of int64"),
        (record(label=0), "label", "label 0"),
        (record(label=11), "label", "outside 1..10"),
        (record(b"no image"), "image", "not an image of a known format"),
        (record(encoded(size=(64, 48))[:-400]), "image", "JPEG image is damaged or cut off"),
    ],
)
def test_a_bad_record_is_named_with_its_place(tmp_path: Path, bad: bytes, kind: str, words: str) -> None:
    offsets = write_shard(tmp_path / "shard", [record(), bad, record()])
    (damage,) = verify_shards.check(str(tmp_path / "shard"), 1, classes=10).damaged
    assert (damage.file, damage.record, damage.offset, damage.kind) == ("shard", 1, offsets[1], kind)
    assert words in damage.problem


def test_a_corrupt_record_hides_no_other(tmp_path: Path) -> None:
    offsets = write_shard(tmp_path / "shard", [record(), record(), record(label=99)])
    flip_byte(tmp_path / "shard", offsets[1] + 30)
    report = verify_shards.check(str(tmp_path), 1, classes=10)
    assert problems(report) == [("shard", 1, "checksum"), ("shard", 2, "label")]


@pytest.mark.parametrize("chunk_bytes", [40, 1 << 20])
def test_reading_goes_on_after_a_corrupt_length(
    tmp_path: Path, chunk_bytes: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify_shards, "_CHUNK_BYTES", chunk_bytes)
    offsets = write_shard(tmp_path / "a", [record(), record(), record(), record(b"no image")])
    flip_byte(tmp_path / "a", offsets[1] + 2)
    write_shard(tmp_path / "b", [record(b"no image")])
    report = verify_shards.check(str(tmp_path), 2)
    assert problems(report) == [("a", 1, "framing"), ("a", 3, "image"), ("b", 0, "image")]
    assert report.records == 5
    assert f"the next readable record is at byte {offsets[2]:,}" in report.damaged[0].problem


def test_a_cut_file_has_nothing_after_it(tmp_path: Path) -> None:
    offsets = write_shard(tmp_path / "a", [record(), record()])
    (tmp_path / "a").write_bytes((tmp_path / "a").read_bytes()[:-5])
    (damage,) = verify_shards.check(str(tmp_path / "a"), 1).damaged
    assert (damage.record, damage.offset, damage.kind) == (1, offsets[1], "framing")
    assert "cut off: 5 bytes of the record are missing; nothing readable follows" in damage.problem


def test_a_damaged_file_is_still_held_against_the_manifest_s_checksum(tmp_path: Path) -> None:
    folder = made(tmp_path)
    manifest = read_manifest(folder)
    assert manifest is not None
    path = folder / manifest.shards[0].name
    flip_byte(path, 2)
    wanted = file_sha256(path)[:12]
    (problem,) = verify_shards.check(str(folder), 1).shards
    assert f"begins {wanted}" in problem.problem


def test_without_classes_only_labels_below_the_first_are_wrong(tmp_path: Path) -> None:
    write_shard(tmp_path / "a", [record(label=5000), record(label=0)])
    report = verify_shards.check(str(tmp_path), 1)
    assert report.labels is None
    assert problems(report) == [("a", 1, "label")]
    assert verify_shards.check(str(tmp_path), 1, label_offset=0).sound


def test_missing_extra_and_changed_files_are_named(tmp_path: Path) -> None:
    folder = made(tmp_path)
    write_shard(folder / "another", [record()])
    first, second = (folder / f"photos-0000{index}-of-00002.tfrecord" for index in (0, 1))
    second.unlink()
    first.write_bytes(first.read_bytes() + framing.frame(record()))
    report = verify_shards.check(str(folder), 1)
    found = {problem.file: problem.kind for problem in report.shards}
    assert found == {"another": "extra", second.name: "missing", first.name: "changed"}
    assert not report.damaged
    assert not report.sound


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = made(tmp_path_factory.mktemp("whole"))
    return (folder / "photos-00000-of-00002.tfrecord").read_bytes()


@settings(max_examples=40, deadline=None)
@given(data=st.data())
def test_any_flipped_byte_is_found_without_a_manifest(
    data: st.DataObject, whole: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("flipped") / "shard"
    path.write_bytes(whole)
    flip_byte(path, data.draw(st.integers(0, len(whole) - 1)))
    assert not verify_shards.check(str(path), 1).sound


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_shard(tmp_path / "a", [record()])
    real = Path.open

    def refusing(self: Path, *arguments: object, **options: object) -> object:
        if self.name == "a":
            raise PermissionError(13, "Permission denied")
        return real(self, *arguments, **options)  # type: ignore[call-overload]

    monkeypatch.setattr(Path, "open", refusing)
    (problem,) = verify_shards.check(str(tmp_path), 1).shards
    assert (problem.file, problem.kind) == ("a", "unreadable")


@pytest.mark.parametrize("name", ["nothing", "no-such-*"])
def test_nothing_to_check_is_an_error(tmp_path: Path, name: str) -> None:
    (tmp_path / "nothing").mkdir()
    with pytest.raises(DataError, match=r"holds no shards|matches no file"):
        verify_shards.check(str(tmp_path / name), 1)
