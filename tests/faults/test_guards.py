"""The table of guards fits the tree: each text is found, each test is there, each fault known."""

import ast
import re
from functools import cache

import pytest

from tests.faults.guards import ROOT, Guard, guards, unguarded

GUARDS = guards()
KNOWN = {guard.fault for guard in GUARDS} | unguarded().keys()
TOLD = ROOT / "docs" / "faults.md"


@cache
def named_in(file: str) -> set[str]:
    """The tests of a file by their names."""
    tree = ast.parse((ROOT / file).read_text())
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}


@pytest.mark.parametrize("guard", GUARDS, ids=lambda guard: f"{guard.fault}: {guard.name}")
def test_a_guard_is_found_once_and_its_tests_are_there(guard: Guard) -> None:
    assert guard.drifted() == ""
    assert guard.tests
    for test in guard.tests:
        file, _, name = test.partition("::")
        assert name.partition("[")[0] in named_in(file), test


def test_every_fault_has_a_guard_or_a_reason_why_not() -> None:
    assert not {guard.fault for guard in GUARDS} & unguarded().keys()
    assert {*range(1, 55)} <= KNOWN
    assert all(why.endswith(".") for why in unguarded().values())


def test_every_fault_that_is_told_of_is_known_and_every_known_one_is_told_of() -> None:
    told = re.findall(r"^\| *(\d+) *\|", TOLD.read_text(), re.MULTILINE)
    assert sorted(map(int, told)) == sorted(KNOWN)


def test_every_test_that_is_told_of_is_there() -> None:
    files = {path.stem: path for path in (ROOT / "tests").rglob("test_*.py")}
    named = set().union(*(named_in(str(path.relative_to(ROOT))) for path in files.values()))
    told = set(re.findall(r"`(test_\w+)`", TOLD.read_text()))
    assert told
    assert told <= named | files.keys(), told - named - files.keys()
