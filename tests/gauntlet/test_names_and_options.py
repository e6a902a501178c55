"""Names of any characters work in every command; options of any value end in one line; variables are named."""

from __future__ import annotations

import json
import os
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.gauntlet.inputs import Inputs
from tests.gauntlet.records import whole
from tests.gauntlet.rows import NETWORK, RUN, TRAIN, Row, check, table

NAMES = {
    "brackets": "set [v1]",
    "closing_tag": "x[/x]",
    "markup": "[bold red]x",
    "emoji": ":warning:",
    "escape": "a\x1b]0;owned\x07",
    "newline": "a\nb",
    "unicode": "é 猫",
    "not_utf8": os.fsdecode(b"bild_\xe9"),
    "spaces": " two  spaces ",
    "quotes": "a'b\"c",
    "shell": "$(touch owned);&|",
    "stars": "a*b?",
    "percent": "%s %(x)d \\n",
    "right_to_left": "a\u202egnp.exe",
}
WRITERS = {
    "run": "run --preset smoke --source synthetic --processes 1 --rounds 2 --evidence off --output NAME",
    "train": f"train {NETWORK} --epochs 1 --folder NAME/training --output NAME",
    "make": "data make NAME --count 2 --shards 1 --sizes 32x24 --quality 80 --threads 1",
    "report": "report {records/plain.json} -o NAME/report.html",
    "export": "export {records/plain.json} --format csv -o NAME/records.csv",
}
REFUSED = {("run", "not_utf8"), ("train", "not_utf8")}
"""TensorFlow writes there, and takes UTF-8 alone."""


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("verb", WRITERS)
def test_a_name_of_any_characters_is_written_to(
    verb: str, name: str, inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path(NAMES[name]).mkdir(parents=True)
    code, says = (2, ("bild_\\xe9", "not valid UTF-8")) if (verb, name) in REFUSED else (0, ())
    command = WRITERS[verb].replace("NAME", shlex.quote(NAMES[name]))
    check(Row(name, command, code, says, never=("\x1b", "\x07", "\u202e")), inputs, tmp_path / "out")
    assert code or any(Path(NAMES[name]).iterdir())
    assert not Path("owned").exists()


@pytest.mark.parametrize("name", NAMES)
def test_a_record_of_any_name_is_read(name: str, inputs: Inputs, tmp_path: Path) -> None:
    folder = tmp_path / NAMES[name]
    folder.mkdir(parents=True)
    (folder / f"{Path(NAMES[name]).name}.json").write_bytes(whole())
    for command in ("show", "history"):
        check(Row(name, f"{command} {shlex.quote(str(folder))}"), inputs, tmp_path / "out")


BAD_OPTIONS = (
    *("--batch-size 0", "--batch-size -1", "--batch-size x", "--batch-size 1.5", "--batch-size ''"),
    *("--image-size 0", "--image-size 7", "--image-size 32x", "--image-size -32", "--image-size 99999"),
    *("--rounds 0", "--rounds nan", "--processes 0", "--processes -3", "--threads 0", "--threads -1"),
    *("--max-time 0", "--max-time -1", "--max-time 5parsecs", "--max-time nan", "--timeout 0", "--timeout inf"),
    *("--classes 1", "--classes 0", "--width 0", "--stage-sizes ''", "--stage-sizes 1,,1", "--stage-sizes 0,0,0,0"),
    *("--precision float8", "--mode fly", "--source nowhere", "--optimizer none", "--learning-rate -1"),
    *("--learning-rate inf", "--momentum 2", "--weight-decay -1", "--label-smoothing 1", "--seed -1", "--seed x"),
    *("--device gpu:x", "--preset none", "--evidence perhaps", "--channels 2", "--cache disk", "--variant v3"),
)


def _options() -> Iterator[Row]:
    for words in BAD_OPTIONS:
        flag = words.split()[0]
        yield Row(words.replace(" ", "="), f"run --output {{out}} {words}", 2, (flag,))
    yield Row("unknown_option", "run --batchsize 4", 2, ("--batch-size",))
    yield Row("unknown_command", "runn", 2, ("No such command",))
    yield Row("value_missing", "run --batch-size", 2, ("--batch-size",))
    yield Row("data_without_source", "run --output {out} --data x", 2, ("--data",))
    yield Row("source_without_data", "run --output {out} --source folder", 2, ("needs --data",))
    yield Row("output_is_a_file", RUN.replace("{out}", "{records/plain.json}"), 8, ("plain.json",))
    yield Row("train_unknown_optimizer", TRAIN + " --optimizer none", 2, ("--optimizer",))
    yield Row("resume_without_checkpoint", TRAIN + " --resume", 2, ("no checkpoint",))
    yield Row("make_without_source_data", "data make {out} --source folder", 2, ("needs --data",))
    yield Row("make_no_images", "data make {out} --count 0", 2, ("--count 0",))
    yield Row("make_sizes", "data make {out} --sizes 0x0", 2, ("--sizes",))
    yield Row("ab_bracket", "ab '[/x]' '--xla'", 2, ("[/x]",))
    yield Row("sweep_nothing", "sweep --output {out}", 2, ("--vary",))
    yield Row("sweep_unknown", "sweep --output {out} --vary size=1", 2, ("size",))
    yield Row("sweep_value", "sweep --output {out} --vary batch_size=0", 2, ("--batch-size 0",))
    yield Row("compare_one", "compare {records/plain.json}", 2)


@table(_options())
def test_a_wrong_option_is_named(row: Row, inputs: Inputs, tmp_path: Path) -> None:
    check(row, inputs, tmp_path / "out")


VARIABLES = {
    "auto_jit": ("TF_XLA_FLAGS", "--tf_xla_auto_jit=2 --tf_xla_cpu_global_jit"),
    "auto_jit_unclosed_quote": ("TF_XLA_FLAGS", "--tf_xla_auto_jit=2 --tf_xla_cpu_global_jit '"),
    "math_mode": ("ONEDNN_DEFAULT_FPMATH_MODE", "BF16"),
    "math_mode_any": ("ONEDNN_DEFAULT_FPMATH_MODE", "ANY"),
    "math_mode_old_name": ("DNNL_DEFAULT_FPMATH_MODE", "BF16"),
    "math_mode_tensorflow": ("TF_SET_ONEDNN_FPMATH_MODE", "BF16"),
}
"""What contradicts an option, so that the result is invalid."""

STEERING = {
    "strict_math": ("OMP_NUM_THREADS", "1"),
    "max_isa": ("ONEDNN_MAX_CPU_ISA", "AVX2"),
    "auto_jit_gpu_only": ("TF_XLA_FLAGS", "--tf_xla_auto_jit=2"),
}
"""What changes how TensorFlow computes, and is named."""

ENVIRONMENT_RUN = RUN + " --source synthetic --precision float32"


def _environments() -> Iterator[Row]:
    for name, (variable, value) in VARIABLES.items():
        yield Row(name, ENVIRONMENT_RUN, says=("invalid", variable), environment={variable: value})
    for name, (variable, value) in STEERING.items():
        yield Row(name, ENVIRONMENT_RUN, says=(variable,), never=("invalid",), environment={variable: value})
    yield Row("not_utf8", ENVIRONMENT_RUN, environment={"LABEL": os.fsdecode(b"\xe9"), "OMP_X": os.fsdecode(b"\xe9")})
    for columns in ("0", "-5", "x", "1", "100000"):
        yield Row(f"columns_{columns}", "show {records/plain.json}", says=("img/s",), environment={"COLUMNS": columns})
    yield Row("no_colour", "show {records/plain.json}", environment={"NO_COLOR": "1", "TERM": "dumb"})
    yield Row("forced_colour", "show {records/brackets.json}", environment={"FORCE_COLOR": "1"})


@table(_environments())
def test_a_variable_is_named_where_it_changes_what_is_measured(
    row: Row, inputs: Inputs, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name, value in row.environment.items():
        monkeypatch.setenv(name, value)
    check(row, inputs, tmp_path / "out")
    for path in (tmp_path / "out").glob("*.json"):
        json.loads(path.read_bytes())
