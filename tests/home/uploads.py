"""Uploading a file as a browser does."""

from collections.abc import Awaitable
from pathlib import Path
import tempfile
from typing import Protocol

from aiohttp import FormData
import pytest
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator  # type: ignore[import-untyped]

from homeassistant.core import HomeAssistant


class Upload(Protocol):
    """Uploads a file and returns its id."""

    def __call__(self, content: bytes, name: str = "root.json") -> Awaitable[str]:
        """Return what Home Assistant knows the upload by."""


@pytest.fixture
def upload(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Upload:
    """Upload a file as a browser does; return its id."""
    # Home Assistant takes a folder there for itself alone.
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

    async def send(content: bytes, name: str = "root.json") -> str:
        client = await hass_client()
        form = FormData()
        form.add_field("file", content, filename=name)
        response = await client.post("/api/file_upload", data=form)
        assert response.status == 200
        file_id: str = (await response.json())["file_id"]
        return file_id

    return send
