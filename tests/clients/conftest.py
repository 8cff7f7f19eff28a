"""The workshop of a vendor, as in ``tests/tools``."""

from tests.tools.conftest import feed, workshop

__all__ = ["feed", "workshop"]
