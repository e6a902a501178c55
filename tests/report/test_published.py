"""Figures of others: each with its source, shown only beside the network and mode they are of."""

from __future__ import annotations

from msgspec.structs import replace

from resnet_bench.report import published
from tests.support import report_records as made


def test_every_figure_names_a_source_with_year_and_page() -> None:
    known = published._file()
    assert len(known.figures) >= 20
    for each in known.figures:
        source = known.sources[each.source]
        assert source.url.startswith("https://")
        assert 2015 <= source.year <= 2026
        assert each.images_per_s > 0


def test_a_latency_and_its_throughput_agree() -> None:
    for each in published._file().figures:
        if each.mean_latency_s is not None:
            assert abs(each.batch_size / each.mean_latency_s / each.images_per_s - 1) < 0.07


def test_a_record_is_set_against_its_own_mode() -> None:
    assert {each.mode for each, _ in published.figures(made.make())} == {"train"}
    assert {each.mode for each, _ in published.figures(made.make(mode="infer"))} == {"infer"}


def test_another_network_size_or_mode_has_none() -> None:
    record = made.make()
    assert record.model is not None
    assert published.figures(replace(record, model=replace(record.model, variant="v1"))) == ()
    assert published.figures(replace(record, model=replace(record.model, name="resnet101"))) == ()
    assert published.figures(replace(record, model=replace(record.model, input_shape=(64, 64, 3)))) == ()
    assert published.figures(made.make(mode="eval")) == ()
    assert published.figures(made.failed()) == ()
