"""A real MQTT broker, Debian's mosquitto, on a loopback port of its own."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
import shutil
import socket
from tempfile import TemporaryDirectory

HOST = "127.0.0.1"
START_TIMEOUT = 10.0
STOP_TIMEOUT = 5.0

_CONFIGURATION = """\
listener {port} {host}
allow_anonymous true
persistence false
log_dest stderr
log_type error
"""


class BrokerError(Exception):
    """The broker does not run."""


def find_mosquitto() -> str:
    """Return where mosquitto is; Debian keeps it from users who are not root."""
    found = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")
    if found is None:
        raise BrokerError("mosquitto is not installed; run scripts/setup")
    return found


@asynccontextmanager
async def running_broker(port: int = 0) -> AsyncGenerator[int]:
    """Run a broker, and tell on which port; 0 takes a free one."""
    port = port or _free_port()
    with TemporaryDirectory(prefix="nightlatch-broker-") as directory:
        configuration = _write_configuration(Path(directory), port)
        process = await asyncio.create_subprocess_exec(
            find_mosquitto(), "-c", str(configuration)
        )
        try:
            await _until_it_answers(process, port)
            yield port
        finally:
            await _stop(process)


def _write_configuration(directory: Path, port: int) -> Path:
    configuration = directory / "mosquitto.conf"
    configuration.write_text(_CONFIGURATION.format(port=port, host=HOST))
    # It gives up root for a user who must be able to read this.
    configuration.chmod(0o644)
    directory.chmod(0o755)
    return configuration


async def _until_it_answers(process: asyncio.subprocess.Process, port: int) -> None:
    async with asyncio.timeout(START_TIMEOUT):
        while True:
            if process.returncode is not None:
                raise BrokerError(f"mosquitto ended with {process.returncode}")
            try:
                _, writer = await asyncio.open_connection(HOST, port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.05)
                continue
            writer.close()
            await writer.wait_closed()
            return


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.terminate()
    try:
        async with asyncio.timeout(STOP_TIMEOUT):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port
