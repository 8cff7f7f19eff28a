"""Artifacts out of the vault, as a download for a person who installs by USB.

Whoever has an artifact can look for holes in it; so only administrators get one, over a
link that was made for them and runs out.
"""

from base64 import b64encode

from aiohttp import web
from aiohttp.hdrs import CACHE_CONTROL, CONTENT_DISPOSITION, X_CONTENT_TYPE_OPTIONS

from homeassistant.components.http import KEY_HASS, HomeAssistantView, require_admin

from ..const import DOMAIN
from ..core.errors import VaultError, VaultProblem
from ..core.from_file import safe_name
from ..core.model import PayloadFormat, Release
from ..runtime import async_get_runtime
from ..translation import async_describe

_PATH = f"/api/{DOMAIN}/firmware"
_ZIP = "application/zip"
_BYTES = "application/octet-stream"
_SUFFIXES = {PayloadFormat.NORDIC_DFU: "zip", PayloadFormat.MCUBOOT: "bin"}
_LONGEST_SUFFIX = 5


def path_of(sha256: str) -> str:
    """Return the path that an artifact can be had under."""
    return f"{_PATH}/{sha256}"


def file_name_of(release: Release) -> str:
    """Return how an artifact is called on the machine of whoever downloads it."""
    stem = safe_name(f"{release.model}-{release.version.text}")
    return f"{stem}.{_suffix(release)}"


def _suffix(release: Release) -> str:
    if release.payload is not None:
        return _SUFFIXES[release.payload.format]
    assert release.artifact is not None, "only what has an artifact is kept"
    suffix = release.artifact.path.rpartition(".")[-1].lower()
    if suffix.isalnum() and suffix.isascii() and len(suffix) <= _LONGEST_SUFFIX:
        return suffix
    return "bin"


class FirmwareView(HomeAssistantView):
    """Gives an artifact, by its digest."""

    url = _PATH + "/{sha256:[0-9a-f]{64}}"
    name = f"api:{DOMAIN}:firmware"

    @require_admin
    async def get(self, request: web.Request, sha256: str) -> web.Response:
        """Return the artifact, with its digest; or why there is none."""
        hass = request.app[KEY_HASS]
        problem = VaultError(VaultProblem.NOT_KEPT)
        if (runtime := async_get_runtime(hass)) is not None:
            problem = runtime.vault.problem or problem
            if (kept := runtime.vault.release(sha256)) is not None:
                try:
                    data = await runtime.vault.async_get(sha256)
                except VaultError as err:
                    problem = err
                else:
                    return _answer(kept.release, sha256, data)
        return self.json_message(
            await async_describe(hass, problem, lock=sha256),
            404 if problem.reason is VaultProblem.NOT_KEPT else 503,
            str(problem.reason),
        )


def _answer(release: Release, sha256: str, data: bytes) -> web.Response:
    name = file_name_of(release)
    digest = b64encode(bytes.fromhex(sha256)).decode()
    return web.Response(
        body=data,
        content_type=_ZIP if name.endswith(".zip") else _BYTES,
        headers={
            CONTENT_DISPOSITION: f'attachment; filename="{name}"',
            CACHE_CONTROL: "no-store",
            X_CONTENT_TYPE_OPTIONS: "nosniff",
            "X-Checksum-SHA256": sha256,
            # RFC 9530
            "Repr-Digest": f"sha-256=:{digest}:",
        },
    )
