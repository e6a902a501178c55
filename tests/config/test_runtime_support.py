"""What a runtime does not have is refused by name, and what is said of runtimes is complete."""

from __future__ import annotations

from typing import get_args

import pytest

from resnet_bench.config.option import options
from resnet_bench.config.options import parse_args
from resnet_bench.config.runtime import RuntimeName
from resnet_bench.config.runtime_support import COMMON, SUPPORT, shows_evidence
from resnet_bench.errors import ConfigError
from resnet_bench.worker.backends import FILES


def test_every_runtime_has_a_file_and_says_what_it_supports() -> None:
    assert set(get_args(RuntimeName)) == set(FILES) == set(SUPPORT)


def test_only_options_that_exist_are_named() -> None:
    names = {option.name for option in options()}
    assert names >= COMMON
    for support in SUPPORT.values():
        assert support is None or names >= support.options


@pytest.mark.parametrize(
    ("words", "refused"),
    [
        ("--xla", "--xla is not available"),
        ("--precision mixed_bfloat16", "--precision mixed_bfloat16 is not available"),
        ("--threads 2", "--threads 2 is not available"),
        ("--variant v1", "--variant v1 is not available"),
        ("--roofline", "--roofline is not available"),
        ("--evidence full", "--evidence full is not available"),
        ("--profile auto", "--profile auto is not available"),
        ("--mode eval", "has no --mode eval"),
        ("--mode input", "has no --mode input"),
    ],
)
def test_what_keras_reference_does_not_have_is_refused(words: str, refused: str) -> None:
    with pytest.raises(ConfigError) as caught:
        parse_args(["--runtime", "keras", *words.split()])
    assert refused in caught.value.message
    assert "Use --mode train or infer" in caught.value.remedy or "--runtime tensorflow" in caught.value.remedy


def test_presets_and_its_own_options_are_taken() -> None:
    words = (
        "--runtime keras --preset smoke --mode infer --evidence off --optimizer adam --source synthetic --classes 10"
    )
    config, given = parse_args(words.split())
    assert config.runtime.runtime == "keras"
    assert "runtime" in given
    assert not shows_evidence(config)
    assert shows_evidence(parse_args([])[0])


def test_it_is_an_option_so_that_records_of_two_runtimes_compare() -> None:
    (option,) = (option for option in options() if option.name == "runtime")
    assert option.extra["role"] == "option"
