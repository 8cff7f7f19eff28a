"""The judges' programs: installed for themselves, in this folder, and run."""

import asyncio
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path
import shutil
import sys

FOLDER = Path(__file__).parent
RUN_TIMEOUT = 240.0

_VENV = FOLDER / ".venv"
_REQUIREMENTS = FOLDER / "requirements.txt"
_STAMP = _VENV / "installed.txt"


class ProgramError(Exception):
    """A program could not be installed, or did not come to an end."""


async def _run(*command: str) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=FOLDER, stdout=PIPE, stderr=STDOUT
    )
    try:
        async with asyncio.timeout(RUN_TIMEOUT):
            told, _ = await process.communicate()
    except TimeoutError as err:
        process.kill()
        await process.wait()
        raise ProgramError(f"{command} came to no end") from err
    return process.returncode or 0, told.decode()


async def install() -> None:
    """Install the Python programs, unless they are there already."""
    wanted = await asyncio.to_thread(_REQUIREMENTS.read_text)
    stamped = await asyncio.to_thread(_STAMP.exists)
    if stamped and await asyncio.to_thread(_STAMP.read_text) == wanted:
        return
    uv = shutil.which("uv", path=str(Path(sys.executable).parent)) or shutil.which("uv")
    if uv is None:
        raise ProgramError("uv is needed for this group of tests")
    python = str(_VENV / "bin" / "python")
    for command in (
        (uv, "venv", "--quiet", "--clear", "--python", sys.executable, str(_VENV)),
        (uv, "pip", "install", "--quiet", "--python", python, "-r", "requirements.txt"),
    ):
        code, told = await _run(*command)
        if code:
            raise ProgramError(told)
    await asyncio.to_thread(_STAMP.write_text, wanted)


async def run(program: str, *arguments: str) -> tuple[int, str]:
    """Run a program of the environment; return its exit code and what it printed."""
    return await _run(str(_VENV / "bin" / program), *arguments)
