"""The installed PySide6 does not lose references of None (6.12 does before Python 3.12)."""

import sys

import pytest
from PySide6.QtCore import QObject

CALLS = 1000


@pytest.mark.skipif(sys.version_info >= (3, 12), reason="None is immortal from Python 3.12 on")
def test_a_call_that_returns_nothing_costs_no_reference():
    subject = QObject()
    before = sys.getrefcount(None)
    for _ in range(CALLS):
        subject.setObjectName("x")
    assert before - sys.getrefcount(None) < CALLS / 10
