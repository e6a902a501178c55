"""Options: every field of the configuration becomes one flag, validated against its own annotation."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_bench.config import Config, ConfigSection, TrainingConfig
from resnet_bench.config import options as o
from resnet_bench.config.evaluation import EvaluationConfig
from resnet_bench.config.fields import absolute_path
from resnet_bench.config.option import options_of, protocol_of
from resnet_bench.config.presets import PRESETS
from resnet_bench.config.tunable import SearchFacts, in_case
from resnet_bench.errors import ConfigError
from resnet_bench.experiments.ignored_options import ignored_options

FIXED_FLAGS = [
    "--mode",
    "--source",
    "--data",
    "--variant",
    "--image-size",
    "--batch-size",
    "--classes",
    "--precision",
    "--mixed-precision",
    "--xla",
    "--no-xla",
    "--onednn",
    "--batch-norm",
    "--data-format",
    "--device",
    "--threads",
    "--preset",
    "--warmup",
    "--rounds",
    "--steps",
    "--steps-per-call",
    "--processes",
    "--optimizer",
    "--freeze",
    "--loop",
    "--deterministic",
    "--max-time",
    "--timeout",
    "--seed",
    "--output",
    "--json",
]


def all_flags() -> set[str]:
    return {flag for option in o.options() for flag in option.flag.split("/")}


def test_the_fixed_option_names_exist() -> None:
    assert set(FIXED_FLAGS) <= all_flags()


def test_every_option_has_a_unique_name() -> None:
    names = [option.name for option in o.options()]
    assert len(names) == len(set(names))


def test_every_default_is_valid_for_its_own_field() -> None:
    assert msgspec.convert(msgspec.to_builtins(Config()), Config) == Config()


def test_no_words_give_the_default_configuration() -> None:
    assert o.parse_args([]) == (Config(), ())


def test_given_options_are_told_from_defaults() -> None:
    config, given_names = o.parse_args(["--mode", "train", "--xla", "--batch-size", "8"])
    assert given_names == ("batch_size", "mode", "xla")
    assert config.step.xla
    assert config.step.batch_size == 8


@pytest.mark.parametrize(("text", "size"), [("64", (64, 64)), ("64x48", (64, 48)), ("64,48", (64, 48))])
def test_image_size_is_a_square_or_height_by_width(text: str, size: tuple[int, int]) -> None:
    assert o.parse_args(["--image-size", text])[0].model.image_size == size


@pytest.mark.parametrize(("text", "seconds"), [("90", 90.0), ("90s", 90.0), ("3m", 180.0), ("1h", 3600.0)])
def test_times_take_a_unit(text: str, seconds: float) -> None:
    assert o.parse_args(["--max-time", text])[0].measure.max_time == seconds


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--batch-size", "0"], "--batch-size 0 is not allowed: it takes a whole number, at least 1, auto or max."),
        (
            ["--batch-size", "many"],
            "--batch-size many is not allowed: it takes a whole number, at least 1, auto or max.",
        ),
        (["--mode", "trian"], "--mode trian is not allowed: it takes train, infer, eval, input."),
        (["--device", "tpu"], "--device tpu is not allowed: it takes auto, cpu, gpu or gpu:N."),
        (["--max-time", "soon"], "--max-time soon is not allowed: it takes a number, above 0."),
        (["--max-time", "nan"], "--max-time nan is not allowed: it takes a number, above 0."),
        (
            ["--image-size", "4"],
            "--image-size 4 is not allowed: it takes HEIGHTxWIDTH or one number for both, at least 8, at "
            "most 4,096, or auto.",
        ),
        (
            ["--image-size", "1x2x3"],
            "--image-size 1x2x3 is not allowed: it takes HEIGHTxWIDTH or one number for both, "
            "at least 8, at most 4,096, or auto.",
        ),
        (
            ["--stage-sizes", "3,0"],
            "--stage-sizes 3,0 is not allowed: it takes whole numbers with commas, like 3,4,6,3.",
        ),
        (["--max-time", "inf"], "--max-time inf is not allowed: it takes a number, above 0."),
        (["--learning-rate", "inf"], "--learning-rate inf is not allowed: it takes a number, above 0, or auto."),
        (["--weight-decay", "-inf"], "--weight-decay -inf is not allowed: it takes a number, at least 0."),
        (["--channels", "2"], "--channels 2 is not allowed: it takes 1, 3."),
    ],
)
def test_a_bad_value_names_the_option_the_value_and_what_is_allowed(words: list[str], expected: str) -> None:
    with pytest.raises(ConfigError) as caught:
        o.parse_args(words)
    assert str(caught.value) == expected


@pytest.mark.parametrize(
    ("words", "part"),
    [
        (["--mixed-precision", "--precision", "float32"], "contradicts --precision float32"),
        (["--data-format", "channels_first"], "--batch-norm keras"),
        (["--source", "tfrecord"], "needs --data"),
        (["--data", "x"], "--source photos reads no files"),
        (["--freeze"], "--mode train"),
        (["--split", "--mode", "infer"], "--mode infer"),
        (["--loop", "fit", "--mode", "eval"], "--mode eval"),
        (["--split", "--loop", "fit"], "--loop custom"),
        (["--mode", "input", "--source", "synthetic"], "has none"),
        (["--cache", "images"], "random crops"),
    ],
)
def test_contradictions_are_refused(words: list[str], part: str) -> None:
    with pytest.raises(ConfigError, match=part):
        o.parse_args(words)


def test_mixed_precision_may_be_named_twice_when_both_agree() -> None:
    config, _ = o.parse_args(["--mixed-precision", "--precision", "mixed_float16"])
    assert config.step.precision == "mixed_float16"


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_change_only_fields_that_exist_and_stay_valid(preset: str) -> None:
    config, _ = o.parse_args(["--preset", preset])
    assert msgspec.convert(msgspec.to_builtins(config), Config) == config


def test_an_option_on_the_command_line_beats_the_preset() -> None:
    config, _ = o.parse_args(["--preset", "smoke", "--image-size", "96"])
    assert config.model.image_size == (96, 96)
    assert config.measure.processes == 1


def test_an_unknown_option_is_a_config_error() -> None:
    with pytest.raises(ConfigError, match="--no-such"):
        o.parse_args(["--no-such"])


def round_trip(option: o.Option, value: Any) -> Any:
    return o.parse_value(option, str(value))


@given(st.integers(min_value=1, max_value=2**40))
def test_whole_numbers_survive_the_command_line(value: int) -> None:
    option = next(option for option in o.options() if option.name == "batch_size")
    assert round_trip(option, value) == value


@given(st.lists(st.integers(min_value=1, max_value=99), min_size=1, max_size=8))
def test_stage_sizes_survive_the_command_line(sizes: list[int]) -> None:
    option = next(option for option in o.options() if option.name == "stage_sizes")
    assert o.parse_value(option, ",".join(map(str, sizes))) == tuple(sizes)


def test_choices_are_completed() -> None:
    command = o.configuration(o.ConfigurationCommand("run"))
    assert isinstance(command, click.Command)
    mode = next(param for param in command.params if param.name == "mode")
    found = mode.type.shell_complete(click.Context(command), mode, "in")
    assert [item.value for item in found] == ["infer", "input"]
    precision = next(param for param in command.params if param.name == "precision")
    found = precision.type.shell_complete(click.Context(command), precision, "mixed")
    assert [item.value for item in found] == ["mixed_bfloat16", "mixed_float16"]
    output = next(param for param in command.params if param.name == "output")
    found = output.type.shell_complete(click.Context(command), output, "ru")
    assert [(item.value, item.type) for item in found] == [("ru", "dir")]
    assert "--precision [float32|tf32|mixed_bfloat16|mixed_float16|auto]" in command.get_help(click.Context(command))


def test_ignored_options_are_named_except_those_of_the_workload() -> None:
    _, given = o.parse_args(["--profile", "--split", "--rounds", "3", "--batch-size", "8"])
    (notice,) = ignored_options(given, {"rounds"}, "bench-cli bottleneck")
    assert notice.facts == {"options": "--split, --profile", "where": "bench-cli bottleneck"}
    assert ignored_options(given, {"rounds", "split", "profile"}, "bench-cli bottleneck") == ()


def test_protocol_options_are_used_by_what_their_fields_declare() -> None:
    side = {"preset", "preset_file", "warmup"}
    assert protocol_of("side") == side
    assert protocol_of("tune") == side | {"timeout", "output", "json"}
    assert protocol_of("confirm") == protocol_of("tune") | {"max_time"}
    assert protocol_of("bottleneck") == protocol_of("confirm") | {"rounds", "steps", "processes"}


def test_every_framework_default_and_expected_value_is_one_that_the_option_takes() -> None:
    facts = SearchFacts("infer", "cpu", 4, 16, ("float32", "mixed_bfloat16"), ("mixed_bfloat16",), "on")
    tuned = [(option, option.extra["tune"]) for option in o.options() if "tune" in option.extra]
    assert len(tuned) == 22
    for option, tune in tuned:
        single = [in_case(each, facts) for each in (tune.framework_default, tune.expected)]
        for value in (*in_case(tune.values, facts), *(each for each in single if each is not None)):
            assert o.parse_value(option, value) == value


@pytest.mark.parametrize("owner", [TrainingConfig, EvaluationConfig])
def test_a_share_is_a_percentage_wherever_it_is_an_option(owner: type[ConfigSection]) -> None:
    (share,) = [option for option in options_of(owner) if option.name == "test_share"]
    assert [o.parse_value(share, text) for text in ("20%", "0.2", 0.2)] == [0.2] * 3
    for bad in ("20", "0", "-1%", "100%", "many"):
        with pytest.raises(ConfigError, match="it takes a percentage below 100 %"):
            o.parse_value(share, bad)


@pytest.mark.parametrize("flag", ["--data", "--output", "--data-service"])
def test_a_value_that_is_not_utf8_is_refused(flag: str) -> None:
    """Such as a file name from another system: neither JSON nor TensorFlow can hold it."""
    with pytest.raises(ConfigError, match=rf"{flag} /d/bild_\\xe9 is not allowed: it is not valid UTF-8\. Rename"):
        o.parse_args(["--source", "folder", flag, "/d/bild_\udce9"])


def test_a_working_directory_that_is_not_utf8_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Path, "absolute", lambda path: tmp_path / "\udce9" / path)
    with pytest.raises(ConfigError, match=r"\\xe9/x is not valid UTF-8"):
        absolute_path("x")


def test_a_glob_without_quotes_is_explained(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"unexpected extra argument .*train-1.*A glob needs quotes"):
        o.parse_args(["--source", "tfrecord", "--data", f"{tmp_path}/train-0", f"{tmp_path}/train-1"])
