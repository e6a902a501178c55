"""The sources of images: what `config/sources.py` states of each is what its file implements."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from resnet_bench.config.shards import WriteShardsConfig
from resnet_bench.config.sources import SOURCES, Use, alternatives, check_source, sources_for
from resnet_bench.data import sources
from resnet_bench.data.sources import DatasetRequest, DataSource, find_source
from resnet_bench.errors import ConfigError
from tests.support.data_files import config

USES: tuple[Use, ...] = ("benchmark", "train", "make")


def test_every_row_has_a_file_and_every_file_a_row() -> None:
    files = {path.stem for path in Path(sources.__path__[0]).glob("*.py")} - {"__init__", "base"}
    assert files == set(SOURCES)
    assert [find_source(name).name for name in SOURCES] == list(SOURCES)


@pytest.mark.parametrize("use", USES)
def test_a_kind_of_command_accepts_the_sources_that_say_so(use: Use) -> None:
    assert set(sources_for(use)) == {name for name, traits in SOURCES.items() if use in traits.uses}


@pytest.mark.parametrize("name", SOURCES)
def test_a_source_implements_what_it_is_said_to_do_and_nothing_else(name: str) -> None:
    source, traits = find_source(name), SOURCES[name]
    methods = {"open_files": "benchmark", "open_resident": "benchmark", "open_dataset": "train", "open_images": "make"}
    expected = {method for method, use in methods.items() if use in traits.uses}
    if "benchmark" in traits.uses:
        expected -= {"open_resident" if traits.pipeline else "open_files"}
    assert {
        method for method in methods if getattr(type(source), method) is not getattr(DataSource, method)
    } == expected


@pytest.mark.parametrize("name", SOURCES)
def test_what_a_source_cannot_do_names_the_sources_that_can(name: str, tmp_path: Path) -> None:
    source = find_source(name)
    calls: dict[Use, Any] = {
        "benchmark": lambda: source.open_files(config(), 1, tmp_path),
        "train": lambda: source.open_dataset(DatasetRequest()),
        "make": lambda: source.open_images(WriteShardsConfig(), 0, "error"),
    }
    for use in set(USES) - set(SOURCES[name].uses):
        with pytest.raises(ConfigError, match=f"--source {name} cannot") as caught:
            calls[use]()
        assert alternatives(sources_for(use)) in caught.value.remedy
        assert str(check_source(name, None, use)) == str(caught.value)


@pytest.mark.parametrize("name", sources_for("make"))
def test_the_options_of_data_make_are_those_that_a_source_is_asked_with(name: str) -> None:
    assert set(SOURCES[name].make_options) <= {*WriteShardsConfig.__struct_fields__, "seed", "on_bad_record"}


@pytest.mark.parametrize("use", USES)
def test_data_is_needed_by_sources_that_read_files_and_refused_by_the_others(use: Use) -> None:
    for name in sources_for(use):
        without, given = check_source(name, None, use), check_source(name, "x", use)
        if SOURCES[name].reads:
            assert f"--source {name} needs --data: {SOURCES[name].reads}" in str(without)
            assert given is None
        else:
            assert without is None
            assert f"--source {name} reads no files" in str(given)


def test_finding_sources_and_their_sizes_imports_no_tensorflow(child: Any) -> None:
    code = (
        "import sys; from resnet_bench.config.sources import SOURCES;"
        "from resnet_bench.data.sources import find_source;"
        "print([find_source(name).name for name in SOURCES] == list(SOURCES), 'tensorflow' in sys.modules)"
    )
    assert child(code) == "True False\n"
