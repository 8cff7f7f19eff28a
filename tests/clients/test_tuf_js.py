"""tuf-js, a client in another language, and what the vendors' tool makes."""

import asyncio
from asyncio.subprocess import PIPE
from pathlib import Path

from nightlatch_feed.checking import serving
from tests.rig.node import installed_node
from tests.tools.conftest import Workshop

FOLDER = Path(__file__).parent


def _fetch(feed: Workshop, target: str) -> tuple[int, bytes, str]:
    """Let it fetch a target; return its exit code, what came, and what it complains of."""
    into = feed.folder / "client"
    into.mkdir()
    (into / "root.json").write_bytes(feed.root)
    return asyncio.run(_run(feed, into, target))


async def _run(feed: Workshop, into: Path, target: str) -> tuple[int, bytes, str]:
    node = await installed_node(FOLDER)
    async with serving(feed.folder / "feed") as url:
        process = await asyncio.create_subprocess_exec(
            node, FOLDER / "read.cjs", url, into, target, stdout=PIPE, stderr=PIPE
        )
        async with asyncio.timeout(60):
            came, complaint = await process.communicate()
    assert process.returncode is not None
    return process.returncode, came, complaint.decode()


def test_it_fetches_what_was_released(feed: Workshop) -> None:
    """From a pinned root, through new keys, out of a role that was delegated to."""
    feed.do("delegate", "motor", "--model", "KM-1")
    image = feed.image("2.0.0")
    feed.do("release", image, "--model", "KM-1", "--hardware", "B")
    feed.do("publish")
    for role in ("root", "targets", "snapshot", "timestamp", "motor"):
        feed.do("rotate", role)
        feed.do("publish")
    code, came, complaint = _fetch(feed, "km-1/2.0.0.bin")
    assert code == 0, complaint
    assert came == image.read_bytes()


def test_it_refuses_what_was_exchanged(feed: Workshop) -> None:
    """So that the test above says something."""
    (file,) = (feed.folder / "feed" / "targets" / "kl-1").iterdir()
    data = bytearray(file.read_bytes())
    data[-1] ^= 1
    file.write_bytes(data)
    code, came, complaint = _fetch(feed, "kl-1/1.0.0.zip")
    assert code != 0
    assert not came
    assert "hash" in complaint
