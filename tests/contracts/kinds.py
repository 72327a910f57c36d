"""
All laws of stores in one class each, for a kind to subclass.

A new kind of objects is one fixture: ``objects``, an empty root of its own for each test.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from contracts.damage import DamageLaws, LeaseLaws
from contracts.machines import MachineLaws
from contracts.payloads import PayloadLaws
from contracts.places import Place, remote_place
from contracts.stores import StoreLaws

if TYPE_CHECKING:
    from pathlib import Path

    from whorl.store.objects.base import Objects


class AllLaws(StoreLaws, PayloadLaws, DamageLaws, LeaseLaws):
    """All laws of a store: a kind gives its ``place``."""


class RemoteLaws(AllLaws, MachineLaws):
    """All laws of a store over objects: a kind of objects gives them as ``objects``."""

    keeps = True

    @pytest.fixture
    def place(self, objects: Objects, tmp_path: Path) -> Place:
        return remote_place(objects, tmp_path)
