"""Notices: one table of kinds, facts checked when made, every record readable."""

from __future__ import annotations

import ast
import string
from collections.abc import Iterator
from pathlib import Path
from types import UnionType

import msgspec
import pytest

import resnet_bench
from resnet_bench.config.fields import Value
from resnet_bench.records.base import Notice, distinct
from resnet_bench.records.notices import KINDS, Kind
from resnet_bench.records.notices.kind import FactType

PACKAGE = Path(resnet_bench.__file__).parent
SAMPLES: dict[FactType, Value] = {bool: True, int: 3, float: 0.25, str: "a word"}


def calls() -> Iterator[tuple[str, ast.Call]]:
    """Every call in the package that makes a notice, and where it is."""
    for path in PACKAGE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("Notice", "Notice.make", "_notice"):
                yield f"{path.relative_to(PACKAGE)}:{node.lineno}", node


def kind_of(call: ast.Call) -> str | None:
    first = call.args[0] if call.args else None
    return str(first.value) if isinstance(first, ast.Constant) and isinstance(first.value, str) else None


def sample(row: Kind) -> dict[str, Value]:
    def value(wanted: FactType) -> Value:
        return SAMPLES[wanted.__args__[0] if isinstance(wanted, UnionType) else wanted]

    return {name: value(wanted) for name, wanted in row.facts.items()}


def test_every_kind_that_is_made_has_a_row_and_every_row_is_made() -> None:
    assert {kind for _, call in calls() if (kind := kind_of(call))} == set(KINDS)


def test_the_package_makes_notices_in_the_way_that_checks_them() -> None:
    assert [where for where, call in calls() if ast.unparse(call.func) == "Notice"] == []


def test_facts_that_are_written_out_are_those_of_the_row() -> None:
    for where, call in calls():
        kind, names = kind_of(call), {each.arg for each in call.keywords}
        if kind is not None:
            known = set(KINDS[kind].facts)
            assert names - {None} <= known if None in names else names == known, where


@pytest.mark.parametrize("row", KINDS.values(), ids=KINDS)
def test_every_row_reads_as_sentences(row: Kind) -> None:
    notice = Notice.make(row.name, **sample(row))
    words = f"{row.text} {row.remedy}".strip()
    used = {name for _, name, _, _ in string.Formatter().parse(words) if name}
    assert used <= set(row.facts)
    assert not notice.message.startswith(f"{row.name}:")
    assert not {"{", "}"} & set(notice.message)
    assert words.endswith((".", "}"))


@pytest.mark.parametrize("row", KINDS.values(), ids=KINDS)
def test_every_row_reads_with_facts_that_are_unknown_or_odd(row: Kind) -> None:
    for odd in (None, "text", -1, 1e400, True):
        assert Notice(kind=row.name, facts=dict.fromkeys(row.facts, odd)).message
    assert Notice(kind=row.name).message


def test_facts_fill_the_text() -> None:
    notice = Notice.make("budget_cut_rounds", asked=20, ran=7)
    assert notice == Notice(kind="budget_cut_rounds", facts={"asked": 20, "ran": 7})
    assert notice.message == "Only 7 of 20 rounds per process fit in the time budget. Increase --max-time."
    assert (notice.severity, notice.topic) == ("degrades", "budget")


@pytest.mark.parametrize(
    ("kind", "facts", "said"),
    [
        ("no_such_kind", {}, "no_such_kind"),
        ("budget_cut_rounds", {"asked": 20}, "needs the facts"),
        ("budget_cut_rounds", {"asked": 20, "ran": 7, "more": 1}, "needs the facts"),
        ("budget_cut_rounds", {"asked": 20, "ran": "7"}, "the fact ran"),
        ("budget_cut_rounds", {"asked": 20, "ran": 7.5}, "the fact ran"),
        ("budget_cut_rounds", {"asked": 20, "ran": None}, "the fact ran"),
        ("budget_cut_rounds", {"asked": 20, "ran": True}, "the fact ran"),
    ],
)
def test_a_mistake_is_found_where_the_notice_is_made(kind: str, facts: dict[str, Value], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        Notice.make(kind, **facts)


def test_an_int_is_a_float_and_optional_facts_may_be_unknown() -> None:
    assert Notice.make("other_load", share=1, limit=0.05).facts["share"] == 1
    assert Notice.make("did_not_finish", outcome="crashed", phase=None).message.endswith("phase: unknown).")


def test_a_missing_fact_reads_unknown() -> None:
    assert "unknown of unknown" in Notice(kind="budget_cut_rounds").message


def test_odd_facts_are_listed() -> None:
    notice = Notice(kind="other_load", facts={"share": "much", "limit": 0.05})
    assert notice.message == "other_load: share = much, limit = 0.05."


def test_a_kind_of_another_version_shows_its_data() -> None:
    notice = Notice(kind="from_the_future", facts={"n": 3})
    assert notice.message == "from_the_future: n = 3."
    assert (notice.severity, notice.topic) == ("warning", None)
    assert Notice(kind="from_the_future").message == "from_the_future."


def test_the_json_carries_the_message_and_reading_words_it_anew() -> None:
    made = Notice.make("few_rounds", rounds=3, needed=8)
    data = msgspec.json.decode(msgspec.json.encode(made))
    assert data == {"kind": "few_rounds", "facts": {"rounds": 3, "needed": 8}, "message": made.message}
    stale = msgspec.json.encode({**data, "message": "Words of an earlier version."})
    assert msgspec.json.decode(stale, type=Notice) == made
    assert "message" in msgspec.json.schema(Notice)["$defs"]["Notice"]["properties"]


def test_the_message_of_an_unknown_kind_is_kept() -> None:
    content = b'{"kind": "from_the_future", "facts": {}, "message": "Time ran backwards."}'
    assert msgspec.json.decode(content, type=Notice).message == "Time ran backwards."


def test_each_notice_counts_once() -> None:
    one, other = Notice(kind="a", facts={"n": 1}), Notice(kind="b")
    assert distinct([one, other, one]) == (one, other)
