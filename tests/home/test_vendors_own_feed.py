"""docs/for-vendors.md, from nothing to an update on a lock."""

import asyncio
import json
from pathlib import Path

from nightlatch_feed.checking import serving
from tests.rig.demo import FIRMWARE, kept_vendor
from tests.tools.commands import WITH_LOCK, blocks, install, run

from .flows import add_feed
from .house import FRONT_DOOR, UPDATE, House


async def test_what_a_vendor_makes_by_the_page_is_installed(
    empty_house: House, tmp_path: Path
) -> None:
    """Each command on the page in its order; then a household takes the feed."""
    environment = install(tmp_path)
    script = "".join(block for block in blocks() if WITH_LOCK not in block)
    assert script.count("nightlatch-feed") > 8
    done = await asyncio.to_thread(run, script, tmp_path, environment)
    assert done.returncode == 0, done.stdout
    assert "Such a lock gets 1.1.0." in done.stdout
    feed = tmp_path / "kestrel-feed" / "feed"
    root = await asyncio.to_thread((feed / "metadata" / "1.root.json").read_bytes)
    assert json.loads(root)["signed"]["roles"]["root"]["threshold"] == 2

    house = empty_house
    # The lock believes those whose firmware is in the feed, and nobody else.
    house.vendor = await asyncio.to_thread(kept_vendor, FIRMWARE)
    async with serving(feed) as url:
        await add_feed(house.hass, house.entry, url=url, root=root)
        await house.add_lock(FRONT_DOOR, "Front door")
        assert house.state().attributes["latest_version"] == "1.1.0"
        await house.install(UPDATE)
    assert house.locks[FRONT_DOOR].version == "1.1.0"
    assert house.state().attributes["installed_version"] == "1.1.0"
    await house.settle()
