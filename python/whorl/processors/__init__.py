"""What works on values after they were loaded: a base for one's own, and ``timeseries``."""

from __future__ import annotations

from whorl.processors.base import Processor
from whorl.processors.timeseries import timeseries

__all__ = ["Processor", "timeseries"]
