"""Scores and differences by hand, and against what they must obey."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from resnet_bench.analysis.classification import Predictions, difference, proportion, score


def answers(predicted: Any, top5: int | None = None) -> Predictions:
    return Predictions(path="m.keras", predicted=np.array(predicted), loss=0.5, among_top5=top5)


def test_scores_by_hand() -> None:
    labels = np.array([0, 0, 0, 1, 1, 2])
    found = score(answers([0, 0, 1, 1, 1, 0]), labels, ("cat", "dog", "eel", "fox"))
    assert found.confusion == ((2, 1, 0, 0), (0, 2, 0, 0), (1, 0, 0, 0), (0, 0, 0, 0))
    assert found.accuracy.value == pytest.approx(4 / 6)
    by_name: dict[str, Any] = {each.name: (each.images, each.precision, each.recall) for each in found.classes}
    assert by_name["cat"] == (3, pytest.approx(2 / 3), pytest.approx(2 / 3))
    assert by_name["eel"] == (1, None, 0.0)
    assert by_name["fox"] == (0, None, None)
    assert found.top5 is None


def test_wilsons_interval() -> None:
    # Agresti and Coull (1998) give 0 of 10 as 0 to 0.278.
    found = proportion(0, 10)
    assert found.low == pytest.approx(0, abs=1e-12)
    assert found.high == pytest.approx(0.2775, abs=1e-3)


def test_mcnemars_exact_test_counts_disagreements_alone() -> None:
    labels = np.zeros(100, int)
    first, second = np.zeros(100, int), np.zeros(100, int)
    first[:8], second[8:9] = 1, 1
    found = difference(answers(first), answers(second), labels)
    assert (found.only_first, found.only_second) == (1, 8)
    assert found.p_value == pytest.approx(2 * (1 + 9) / 2**9)
    assert found.accuracy.value == pytest.approx(0.07)
    assert found.accuracy.low is not None
    assert 0 < found.accuracy.low < 0.07
    assert found.speed is None


def test_a_network_against_itself_is_no_different() -> None:
    labels = np.arange(20) % 3
    found = difference(answers(np.zeros(20, int)), answers(np.zeros(20, int)), labels, [1.1, 0.9, 1.0])
    assert (found.p_value, found.accuracy.value) == (1.0, 0.0)
    assert found.accuracy.low is not None
    assert found.accuracy.low < 0
    assert found.speed is not None
    assert found.speed.low is not None
    assert found.speed.low < 1


@given(st.data())
def test_swapping_the_networks_mirrors_the_difference(data: st.DataObject) -> None:
    count = data.draw(st.integers(2, 40))
    one, two, labels = (
        np.array(data.draw(st.lists(st.integers(0, 2), min_size=count, max_size=count))) for _ in range(3)
    )
    there, back = difference(answers(one), answers(two), labels), difference(answers(two), answers(one), labels)
    assert there.accuracy.low is not None
    assert there.accuracy.high is not None
    assert back.accuracy.low == pytest.approx(-there.accuracy.high)
    assert there.accuracy.low <= there.accuracy.value <= there.accuracy.high
    assert there.p_value == pytest.approx(back.p_value)
