"""A real MQTT broker: Debian's mosquitto, as a child process on loopback."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
import shutil
import socket
from tempfile import TemporaryDirectory

HOST = "127.0.0.1"

START_TIMEOUT = 10.0
"""Seconds until the broker must accept a connection."""
STOP_TIMEOUT = 5.0
"""Seconds that it may take to end before it is killed."""

_PROBE_INTERVAL = 0.02
_SBIN = "/usr/sbin"

_CONFIGURATION = """\
listener {port} {host}
allow_anonymous true
persistence false
log_dest stderr
log_type error
"""


class MosquittoError(Exception):
    """The broker does not run."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Broker:
    """A broker that accepts connections."""

    host: str
    port: int


def find_mosquitto() -> str:
    """Return where the broker is; Debian puts it where only root looks."""
    path = shutil.which("mosquitto") or shutil.which("mosquitto", path=_SBIN)
    if path is None:
        raise MosquittoError("mosquitto is not installed: run scripts/setup")
    return path


@asynccontextmanager
async def running_broker(port: int = 0) -> AsyncGenerator[Broker]:
    """Run a broker of its own; port 0 takes a free one."""
    program = find_mosquitto()
    port = port or _free_port()
    with TemporaryDirectory(prefix="rig-mosquitto-") as directory:
        configuration = _write_configuration(Path(directory), port)
        process = await asyncio.create_subprocess_exec(
            program, "-c", str(configuration), stderr=asyncio.subprocess.PIPE
        )
        try:
            await _until_it_accepts(process, port)
            yield Broker(host=HOST, port=port)
        finally:
            await _end(process)


def _write_configuration(directory: Path, port: int) -> Path:
    configuration = directory / "mosquitto.conf"
    configuration.write_text(_CONFIGURATION.format(port=port, host=HOST))
    # Started by root, it becomes a user who has to be able to read this.
    directory.chmod(0o755)
    configuration.chmod(0o644)
    return configuration


def _free_port() -> int:
    """Return a port that nobody listens on; mosquitto cannot choose one itself."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


async def _until_it_accepts(process: asyncio.subprocess.Process, port: int) -> None:
    try:
        async with asyncio.timeout(START_TIMEOUT):
            while not await _accepts(port):
                if process.returncode is not None:
                    raise MosquittoError(await _last_words(process))
                await asyncio.sleep(_PROBE_INTERVAL)
    except TimeoutError as err:
        raise MosquittoError("mosquitto does not accept connections") from err


async def _accepts(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(HOST, port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


async def _last_words(process: asyncio.subprocess.Process) -> str:
    """Return why the process ended, in its own words."""
    assert process.stderr is not None
    said = (await process.stderr.read()).decode(errors="replace").strip()
    return f"mosquitto ended with {process.returncode}: {said}"


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(STOP_TIMEOUT):
            # Also empties the pipe, on which it could hang otherwise.
            await process.communicate()
    except TimeoutError:
        process.kill()
        await process.wait()
