"""A house whose vault is looked into."""

from datetime import timedelta
from pathlib import Path
import re
from typing import Any

import pytest

from custom_components.nightlatch.const import DOMAIN
from custom_components.nightlatch.core.installation.ports import Supply
from custom_components.nightlatch.core.model import Source
from custom_components.nightlatch.core.records.audit_chain import AuditEntry
from custom_components.nightlatch.core.vault import keys
from custom_components.nightlatch.vault.supply import VaultSupply
from homeassistant.helpers import issue_registry as ir
from homeassistant.helpers.translation import async_get_translations
from homeassistant.setup import async_setup_component
from homeassistant.util import dt as dt_util

from .asked import a_turn
from .house import House


@pytest.fixture
def quick_argon2(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a passphrase cost less than it must: there are many."""
    monkeypatch.setattr(keys, "_MEMORY", 64)
    monkeypatch.setattr(keys, "_PASSES", 1)


@pytest.fixture
def elsewhere(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder outside of Home Assistant's own."""
    return tmp_path_factory.mktemp("elsewhere")


def storage(house: House, suffix: str = "") -> Path:
    """Return where something of Nightlatch's lies in Home Assistant's storage."""
    name = f"nightlatch.{house.entry.entry_id}{suffix}"
    return Path(house.hass.config.path(".storage", name))


def first_place(house: House) -> Path:
    """Return the folder of the first place."""
    return storage(house, ".vault")


def blobs(folder: Path) -> list[Path]:
    """Return the copies in a place."""
    return sorted(folder.glob("*.blob"))


def damage(blob: Path) -> None:
    """Flip a bit in the middle, as a disk does that grows old."""
    raw = bytearray(blob.read_bytes())
    raw[len(raw) // 2] ^= 1
    blob.write_bytes(raw)


def make(folder: Path) -> None:
    """Make a folder, as when a disk is mounted there."""
    folder.mkdir(parents=True, exist_ok=True)


def swap(one: Path, other: Path) -> None:
    """Let two paths change places."""
    aside = one.with_name("aside")
    one.rename(aside)
    other.rename(one)
    aside.rename(other)


async def look(house: House, later: timedelta = timedelta()) -> None:
    """Let a minute pass, now or later, and everything that begins in it end."""
    await house.settle()
    house.runtime.upkeep.async_look(dt_util.utcnow() + later)
    await house.settle()


def kept(house: House) -> set[str]:
    """Return the versions that are kept."""
    vault = house.runtime.vault
    return {each.release.version.text for each in vault.releases.values()}


async def set_options(house: House, **options: Any) -> None:
    """Change what holds for all locks."""
    house.hass.config_entries.async_update_entry(
        house.entry, options={**house.entry.options, **options}
    )
    await house.settle()


async def set_second_place(house: House, folder: Path) -> None:
    """Name a folder for the second copy, as the options do."""
    make(folder)
    await house.runtime.vault.async_establish(folder)
    await set_options(house, second_place=str(folder))


async def restart(house: House) -> None:
    """Stop Nightlatch and start it again."""
    assert await house.hass.config_entries.async_unload(house.entry.entry_id)
    assert await house.hass.config_entries.async_setup(house.entry.entry_id)
    await house.settle()


async def issues(house: House) -> dict[str, str]:
    """Return what Repairs show of the vault and the audit log, in words, by key."""
    texts = await async_get_translations(house.hass, "en", "issues", [DOMAIN])
    await a_turn()
    found = {}
    for issue in ir.async_get(house.hass).issues.values():
        if issue.domain != DOMAIN or not issue.active:
            continue
        key = str(issue.translation_key)
        where = f"component.{DOMAIN}.issues.{key}"
        shown = [texts[f"{where}.title"]]
        shown += [
            text
            for name, text in texts.items()
            if name.startswith(f"{where}.") and name.endswith("description")
        ]
        filled = issue.translation_placeholders or {}
        found[key] = "\n".join(text.format(**filled) for text in shown)
        assert not re.search(r"[{}]|\?\?|None", found[key]), found[key]
    return found


async def begin_fix(house: House, key: str) -> dict[str, Any]:
    """Open the flow of an issue."""
    assert await async_setup_component(house.hass, "repairs", {})
    flows = house.hass.data["repairs"]["flow_manager"]
    issue = next(
        each
        for each in ir.async_get(house.hass).issues.values()
        if each.translation_key == key
    )
    result: dict[str, Any] = await flows.async_init(
        DOMAIN, data={"issue_id": issue.issue_id}
    )
    return result


async def go_on(
    house: House, result: dict[str, Any], **user_input: Any
) -> dict[str, Any]:
    """Fill in what a flow of an issue asks for."""
    flows = house.hass.data["repairs"]["flow_manager"]
    after: dict[str, Any] = await flows.async_configure(result["flow_id"], user_input)
    await house.settle()
    return after


async def try_all_copies(house: House) -> dict[str, Any]:
    """Call the action that tests the vault; return its answer."""
    answer: Any = await house.hass.services.async_call(
        DOMAIN, "test_vault", {}, blocking=True, return_response=True
    )
    await house.settle()
    return dict(answer)


async def audited(house: House, event: str) -> list[AuditEntry]:
    """Return what the audit log says of something."""
    entries = await house.runtime.audit.log.async_entries(1000)
    return [each for each in entries if each.event == event]


def supply_of(house: House, source: Source) -> Supply:
    """Return where the firmware of one installation on the front door comes from."""
    runtime = house.runtime
    return VaultSupply(
        house.managed(),
        source,
        vault=runtime.vault,
        fetching=runtime.fetching,
        upkeep=runtime.upkeep,
        journal=runtime.journal,
    )
