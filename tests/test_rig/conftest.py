"""What the tests of the rig share."""

from tests.rig.virtual_time import configure_event_loop, pytest_asyncio_loop_factories

__all__ = ["configure_event_loop", "pytest_asyncio_loop_factories"]
