"""TensorFlow's side judges images, shards, folders and files of weights as the side without TensorFlow does.

One process answers everything (`tensorflow_child.py`); the rows look its answers up.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.gauntlet import asked_of_tensorflow as asked
from tests.gauntlet.images import READ, REFUSED
from tests.gauntlet.models import REFUSED as REFUSED_MODELS
from tests.gauntlet.test_shards_and_arrays import DAMAGED, OTHER_FORMATS, WRONG_CONTENT

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What the child found."""
    folder = tmp_path_factory.mktemp("tensorflow")
    done = subprocess.run(
        [sys.executable, "-m", "tests.gauntlet.tensorflow_child", str(folder)],
        cwd=ROOT,
        env={**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3", "CUDA_VISIBLE_DEVICES": "-1"},
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4000:]
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize("name", READ)
def test_an_image_that_commands_accept_is_decoded(answers: Any, name: str) -> None:
    assert not any(answers["images"][name].values()), answers["images"][name]


@pytest.mark.parametrize("name", REFUSED)
def test_an_image_that_commands_refuse_is_not_decoded(answers: Any, name: str) -> None:
    found = answers["images"][name]
    assert found["colour"], "TensorFlow decodes it"
    assert found["grey"], "TensorFlow decodes it"
    assert found["window_full"], "TensorFlow decodes it"


@pytest.mark.parametrize("name", asked.REFUSED_IN_FOLDERS)
def test_a_run_over_a_folder_names_the_image_and_the_reason(answers: Any, name: str) -> None:
    found = answers["folders"][f"holding/{name}"]
    assert found.startswith("data: ")
    assert "cat/odd.jpg" in found
    assert REFUSED[name][1] in found


@pytest.mark.parametrize("name", asked.READ_FOLDERS)
def test_a_run_reads_a_folder_of_any_name(answers: Any, name: str) -> None:
    assert answers["folders"][f"folders/{name}"] == ""


@pytest.mark.parametrize("name", asked.SOUND_SHARDS)
def test_a_run_reads_sound_shards(answers: Any, name: str) -> None:
    assert answers["shards"][name] == ""


@pytest.mark.parametrize("name", asked.DAMAGED_SHARDS)
def test_a_run_names_the_shard_and_what_is_wrong_with_it(answers: Any, name: str) -> None:
    found = answers["shards"][name]
    assert found.startswith("data: ")
    assert "train-00000-of-00001" in found
    own = {"short": ("3 bytes",), "large_label": ("label",), "text_label": ("image/class/label",)}
    assert {**OTHER_FORMATS, **DAMAGED, **WRONG_CONTENT, **own}[name][0] in found


@pytest.mark.parametrize("name", REFUSED_MODELS)
def test_a_file_of_weights_is_named_for_what_it_is(answers: Any, name: str) -> None:
    for found in answers["models"][name].values():
        assert found.startswith(("data: ", "config: "))
        assert name in found
        assert REFUSED_MODELS[name][1] in found


def test_a_palette_is_applied(answers: Any) -> None:
    assert answers["palette_error"] == 0
