"""Programs that run on Node: with their packages installed, and ended at last."""

import asyncio
from asyncio.subprocess import PIPE, STDOUT, Process
import os
from pathlib import Path
import shutil
import signal
import socket

HOST = "127.0.0.1"
READY_TIMEOUT = 60.0
STOP_TIMEOUT = 5.0


class NodeError(Exception):
    """What should run on Node does not."""


async def installed_node(folder: Path) -> str:
    """Return where Node is, with the packages of a folder installed."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        raise NodeError("Node 20 or newer is needed for this group of tests")
    if not await asyncio.to_thread(
        (folder / "node_modules" / ".package-lock.json").exists
    ):
        process = await asyncio.create_subprocess_exec(
            npm, "ci", "--no-audit", "--no-fund", cwd=folder, stdout=PIPE, stderr=STDOUT
        )
        told, _ = await process.communicate()
        if process.returncode:
            raise NodeError(f"npm ci failed:\n{told.decode()}")
    return node


async def start(
    node: str, *arguments: str, cwd: Path, environment: dict[str, str] | None = None
) -> Process:
    """Start a program; it ends with ``stop``."""
    return await asyncio.create_subprocess_exec(
        node,
        *arguments,
        cwd=cwd,
        env={**os.environ, **(environment or {})},
        stdin=PIPE,
        stdout=PIPE,
        stderr=STDOUT,
        start_new_session=True,
    )


async def line_with(process: Process, text: str) -> str:
    """Return the first line that has a text."""
    assert process.stdout is not None
    said = []
    async with asyncio.timeout(READY_TIMEOUT):
        while line := await process.stdout.readline():
            said.append(line.decode().rstrip())
            if text in said[-1]:
                return said[-1]
    raise NodeError("\n".join(["It ended before it was ready:", *said]))


async def stop(process: Process) -> None:
    """End a program, and what it has started."""
    if process.returncode is None:
        os.killpg(process.pid, signal.SIGTERM)
        try:
            async with asyncio.timeout(STOP_TIMEOUT):
                await process.wait()
        except TimeoutError:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
