"""Files of weights and models are named for what they are by their content, without Keras and without executing it."""

from __future__ import annotations

import pytest

from resnet_bench.errors import ConfigError, DataError
from resnet_bench.model.model_file import kind_of
from tests.gauntlet.inputs import Inputs
from tests.gauntlet.models import REFUSED
from tests.gauntlet.rows import NEVER


@pytest.mark.parametrize("name", REFUSED)
def test_a_file_is_named_for_what_it_is(name: str, inputs: Inputs) -> None:
    path = inputs.path(f"models/{name}")
    with pytest.raises((DataError, ConfigError)) as caught:
        kind_of(path, f"--weights {path}")
    said = str(caught.value)
    assert f"--weights {path}" in said
    assert REFUSED[name][1] in said
    assert caught.value.remedy
    assert not any(words in said for words in (*NEVER, "\x1b", "\x07"))
