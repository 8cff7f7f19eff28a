"""The audit log that can be shown: exported, kept a piece of, cut, and forgotten in."""

from collections.abc import Callable
from datetime import timedelta
from http import HTTPStatus
import json
from pathlib import Path
from typing import Any

from freezegun.api import FrozenDateTimeFactory
import pytest
from pytest_homeassistant_custom_component.common import async_fire_time_changed  # type: ignore[import-untyped]
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator  # type: ignore[import-untyped]

from custom_components.nightlatch.actions.audit_download import PATH
from custom_components.nightlatch.adapters.storage import RETRY
from custom_components.nightlatch.core.records.audit import AuditLog
from custom_components.nightlatch.core.records.audit_checkpoint import AuditKey
from custom_components.nightlatch.core.records.audit_cut import SHORTENED
from custom_components.nightlatch.core.records.clock_record import ClockRecord
from homeassistant.auth.models import User
from homeassistant.core import Context
from homeassistant.exceptions import HomeAssistantError, Unauthorized
from homeassistant.util import dt as dt_util
from tests.core.records.audit_logs import asked

from .asked import install
from .flows import suggested, until
from .house import UPDATE, House
from .night import Night
from .test_actions import add_user
from .test_options import open_options, save
from .vaulted import audited, issues, restart, storage


async def act(house: House, name: str, user: User | None, **data: Any) -> Any:
    """Call an action as somebody."""
    return await house.hass.services.async_call(
        "nightlatch",
        name,
        data,
        blocking=True,
        context=Context(user_id=user.id if user else None),
        return_response=True,
    )


async def owner_of(house: House, name: str = "Ann") -> User:
    """Return an administrator who has approved something."""
    return await add_user(house, is_owner=True, name=name)


async def approve(house: House, user: User) -> None:
    """Let somebody approve what is on offer."""
    await house.hass.services.async_call(
        "nightlatch",
        "approve",
        {"entity_id": UPDATE, "version": "1.1.0"},
        blocking=True,
        context=Context(user_id=user.id),
    )
    await house.settle()


async def export_of(
    house: House, client: ClientSessionGenerator, user: User
) -> tuple[dict[str, Any], bytes]:
    """Return the answer of the action, and the file behind its link."""
    answer = await act(house, "export_audit_log", user)
    response = await (await client()).get(PATH)
    assert response.status == HTTPStatus.OK
    return answer, await response.read()


async def test_an_export_is_checked_by_the_script_alone(
    house: House, hass_client: ClientSessionGenerator, tmp_path: Path
) -> None:
    """With what the action and the options show; in it are no names, beside it are."""
    ann = await owner_of(house)
    await house.release("1.1.0")
    await approve(house, ann)
    answer, content = await export_of(house, hass_client, ann)
    assert answer["size"] == len(content)
    assert answer["url"].startswith(f"{PATH}?authSig=")
    assert answer["file_name"].endswith(".jsonl")
    (pseudonym,) = answer["people"]
    assert answer["people"] == {pseudonym: "Ann"}
    assert ann.id.encode() not in content
    assert b"Ann" not in content
    assert content.count(pseudonym.encode()) == 2
    code, told = asked(
        tmp_path / "export",
        content,
        answer["checkpoint"],
        "--key",
        answer["public_key"],
    )
    assert (code, "WHOLE" in told) == (0, True)
    form = await open_options(house, "audit")
    shown = form["description_placeholders"]
    assert shown is not None
    assert shown["public_key"] == answer["public_key"]
    assert shown["checkpoint"] == answer["checkpoint"]
    changed = content.replace(b"1.1.0", b"1.1.9")
    assert asked(tmp_path / "export", changed)[0] == 1
    # The same key after a restart.
    await restart(house)
    again = await act(house, "export_audit_log", ann)
    assert again["public_key"] == answer["public_key"]


async def test_only_administrators_may(
    house: House, hass_client: ClientSessionGenerator, hass_read_only_access_token: str
) -> None:
    """And an automation may export, but erase nobody."""
    guest = await add_user(house, is_owner=False)
    for name, data in (("export_audit_log", {}), ("erase_person", {"person": "Ann"})):
        with pytest.raises(Unauthorized):
            await act(house, name, guest, **data)
    client = await hass_client(hass_read_only_access_token)
    assert (await client.get(PATH)).status == HTTPStatus.UNAUTHORIZED
    answer = await act(house, "export_audit_log", None)
    assert (answer["url"], answer["valid_until"]) == (PATH, None)
    with pytest.raises(HomeAssistantError, match="only a person can erase"):
        await act(house, "erase_person", None, person="Ann")


async def test_why_there_is_no_export(
    house: House,
    hass_client: ClientSessionGenerator,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Changed, unreadable, closed, or not there at all: each is said."""
    ann = await owner_of(house)
    client = await hass_client()
    audit, path = house.runtime.audit, storage(house, ".audit")

    async def refused(reason: str, sentence: str) -> None:
        with pytest.raises(HomeAssistantError, match=sentence):
            await act(house, "export_audit_log", ann)
        response = await client.get(PATH)
        assert response.status == HTTPStatus.SERVICE_UNAVAILABLE
        assert (await response.json())["code"] == reason

    await audit.async_append("something")
    raw = path.read_bytes()
    path.write_bytes(raw.replace(b"something", b"any_thing"))
    await refused("audit_not_whole", "nothing is signed")
    path.unlink()
    path.mkdir()
    await refused("audit_unreadable", "cannot be read")
    path.rmdir()
    path.write_bytes(raw)
    with monkeypatch.context() as patch:
        patch.setattr(audit, "key", None)
        await refused("audit_key_locked", "while the vault is closed")
    assert await house.hass.config_entries.async_unload(house.entry.entry_id)
    await refused("audit_not_loaded", "does not run")
    with pytest.raises(HomeAssistantError, match="does not run"):
        await act(house, "erase_person", ann, person="Ann")
    await house.hass.config_entries.async_setup(house.entry.entry_id)


async def test_the_morning_has_a_checkpoint_that_finds_a_cut(
    house: House,
    hass_client: ClientSessionGenerator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was told in the morning is not in a log whose end is gone."""
    ann = await owner_of(house)
    night = Night(house)
    await house.release("1.1.0")
    await approve(house, ann)
    notices = "custom_components.nightlatch.notifications.notices"
    local = dt_util.now().time()
    monkeypatch.setattr(f"{notices}.DIGEST_FROM", local.min)
    monkeypatch.setattr(f"{notices}.DIGEST_UNTIL", local.max)
    night.set_options(quiet_hours={"weekdays": [], "start": "01:00", "end": "02:00"})
    await house.runtime.store.async_set_digest(("Front door is fine.",))
    await night.look()
    first, last = night.messages[-1].splitlines()
    assert first == "Front door is fine."
    checkpoint = last.removeprefix("Audit log: ")
    assert checkpoint.partition(":")[0].isdecimal()
    _, content = await export_of(house, hass_client, ann)
    assert asked(tmp_path / "export", content, checkpoint)[0] == 0
    # Somebody takes the last entries off, and lets it be exported.
    path = storage(house, ".audit")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join(lines[: int(checkpoint.partition(":")[0]) - 1]))
    response = await (await hass_client()).get(PATH)
    code, told = asked(tmp_path / "export", await response.read(), checkpoint)
    assert (code, "it is older" in told) == (1, True)


async def test_a_person_is_erased_and_the_log_stays_as_it_was(
    house: House, hass_client: ClientSessionGenerator, tmp_path: Path
) -> None:
    """It is proven; who comes again is somebody else in it."""
    ann, bob = await owner_of(house), await owner_of(house, "Bob")
    await house.release("1.1.0")
    await approve(house, ann)
    await approve(house, bob)
    path = storage(house, ".audit")
    before = path.read_bytes()
    names = storage(house, ".audit_people")
    assert "Ann" in names.read_text()
    assert names.stat().st_mode & 0o077 == 0
    answer = await act(house, "erase_person", bob, person="Ann")
    pseudonym = answer["erased"]["pseudonym"]
    assert answer["erased"] == {
        "pseudonym": pseudonym,
        "name": "Ann",
        "user_id": ann.id,
    }
    # Its approval, and that it was erased.
    assert (answer["entries"], answer["entries_by_account"]) == (2, 0)
    assert (answer["whole"], answer["broken_entry"]) == (True, None)
    assert path.read_bytes().startswith(before)
    for secret in ("Ann", ann.id, pseudonym):
        assert secret not in names.read_text()
    (entry,) = await audited(house, "person_erased")
    assert entry.details["person"] == pseudonym
    people = (await act(house, "export_audit_log", bob))["people"]
    assert people == {entry.details["user"]: "Bob"}
    with pytest.raises(HomeAssistantError, match="nobody called Ann"):
        await act(house, "erase_person", bob, person="Ann")
    await restart(house)
    assert await issues(house) == {}
    await approve(house, ann)
    approvals = await audited(house, "approved")
    assert approvals[-1].details["user"] not in (pseudonym, None)
    _, content = await export_of(house, hass_client, bob)
    assert asked(tmp_path / "export", content, answer["checkpoint"])[0] == 0


async def test_several_of_one_name_are_told_apart(house: House) -> None:
    """By their pseudonyms; one who erases is erased by that as well."""
    anns = [await owner_of(house), await owner_of(house)]
    await house.release("1.1.0")
    for each in anns:
        await approve(house, each)
    with pytest.raises(HomeAssistantError, match="several people are called Ann"):
        await act(house, "erase_person", anns[0], person="Ann")
    (first, _) = [each.details["user"] for each in await audited(house, "approved")]
    answer = await act(house, "erase_person", anns[0], person=first)
    assert answer["erased"]["user_id"] == anns[0].id
    assert len(await house.runtime.audit.people.async_all()) == 1


async def test_what_an_earlier_version_has_written_is_counted(house: House) -> None:
    """It named accounts; that stays in the log, and is said."""
    ann = await owner_of(house)
    await house.runtime.audit.log.async_append("approved", user=ann.id)
    await house.release("1.1.0")
    await approve(house, ann)
    answer = await act(house, "erase_person", ann, person=ann.id)
    assert (answer["entries_by_account"], answer["whole"]) == (1, True)


async def test_names_that_cannot_be_saved_or_read(
    house: House, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody counts as erased then; a damaged table is put aside."""
    ann = await owner_of(house)
    await house.release("1.1.0")
    names = storage(house, ".audit_people")

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    where = "custom_components.nightlatch.adapters.audit_people.write_utf8_file_atomic"
    with monkeypatch.context() as patch:
        patch.setattr(where, refuse)
        await approve(house, ann)
        assert "names of the audit log are not saved" in caplog.text
        assert not names.exists()
        with pytest.raises(HomeAssistantError, match="No space left"):
            await act(house, "erase_person", ann, person="Ann")
    (entry,) = await audited(house, "approved")
    await approve(house, ann)
    assert entry.details["user"] in names.read_text()
    names.write_text("{")
    await restart(house)
    await approve(house, ann)
    assert (await audited(house, "approved"))[-1].details != entry.details
    assert names.with_name(f"{names.name}.damaged").read_text() == "{"
    # Whoever is erased is in nothing that was put aside either.
    await act(house, "erase_person", ann, person="Ann")
    assert not names.with_name(f"{names.name}.damaged").exists()
    # One of whom only that knows is erased by name too.
    names.write_text('{"people": [{"name": "Ann"')
    await restart(house)
    with pytest.raises(HomeAssistantError, match="nobody called Ann"):
        await act(house, "erase_person", ann, person="Ann")
    assert not list(names.parent.glob(f"{names.name}.damaged"))
    names.unlink(missing_ok=True)
    names.mkdir()
    await restart(house)
    await approve(house, ann)
    assert "names of the audit log cannot be read" in caplog.text


async def test_it_is_kept_as_long_as_the_owner_wants(
    house: House,
    hass_client: ClientSessionGenerator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """For ever unless they say something else; then once a day what is older goes."""
    ann = await owner_of(house)
    audit, night = house.runtime.audit, Night(house)
    log = audit.log
    long_ago = dt_util.utcnow() - timedelta(days=40)
    storage(house, ".audit").unlink(missing_ok=True)
    with monkeypatch.context() as patch:
        patch.setattr(log, "_clock", lambda: long_ago)
        for _ in range(3):
            await log.async_append("something")
    await audit.async_append("something")
    await house.runtime.scheduler._audit_retention.async_look(dt_util.utcnow())
    assert len(await audited(house, "something")) == 4
    form = await open_options(house, "audit")
    assert suggested(form, "audit_months") == 0
    await save(house, form, audit_months=1)
    await night.look()
    # It has looked today.
    assert len(await audited(house, "something")) == 4
    await restart(house)
    await night.look()
    # Nothing goes by a clock that has not stood for days: it may be ahead.
    assert len(await audited(house, "something")) == 4
    stood = dt_util.utcnow()
    await house.runtime.store.async_set_clock(
        ClockRecord(since=stood - timedelta(days=4), seen=stood, believed=stood)
    )
    await restart(house)
    await night.look()
    assert len(await audited(house, "something")) == 1
    (note,) = await audited(house, SHORTENED)
    assert note.details == {"entries": 3, "last": 3}
    _, content = await export_of(house, hass_client, ann)
    code, told = asked(tmp_path / "export", content)
    assert (code, "entries 4 to" in told) == (0, True)
    await restart(house)
    assert await issues(house) == {}


async def test_a_clock_that_was_ahead_for_days_lets_nothing_new_go(
    house: House,
) -> None:
    """It was believed; once it is put right, what is written now is not old."""
    night = Night(house)
    await house.runtime.audit.async_append("something")
    await save(house, await open_options(house, "audit"), audit_months=1)
    now = dt_util.utcnow()
    ahead = now + timedelta(days=3000)
    await house.runtime.store.async_set_clock(
        ClockRecord(since=ahead - timedelta(days=4), seen=ahead, believed=ahead)
    )
    await restart(house)
    await night.look()
    assert house.runtime.scheduler._believed_clock.believed(now) == ahead
    assert len(await audited(house, "something")) == 1


async def test_a_beginning_cut_off_by_somebody_else_is_found(house: House) -> None:
    """When the vault is opened, for then the household's key is known."""
    for number in range(4):
        await house.runtime.audit.async_append("something", number=number)
    path = storage(house, ".audit")
    lines = path.read_bytes().splitlines(keepends=True)
    third = json.loads(lines[2])
    forged = AuditKey(bytes(32)).sign_cut(third["n"], third["hash"], dt_util.utcnow())
    path.write_bytes(forged.line() + b"".join(lines[3:]))
    await restart(house)
    assert "audit_broken" in await issues(house)


@pytest.mark.parametrize("months", [-1, 1201, "long", None])
async def test_a_time_that_is_none_cuts_nothing(house: House, months: Any) -> None:
    """As of any setting that cannot be read."""
    Night(house, audit_months=months)
    await house.settle()
    assert house.runtime.settings.audit_months == 0


async def test_a_full_disk_holds_up_no_retention(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    """It is logged, and tried again the next day."""
    path = storage(house, ".audit")
    path.unlink(missing_ok=True)
    path.mkdir()
    look: Callable[..., Any] = house.runtime.audit.async_shorten
    await look(None)
    assert "The audit log cannot be used" in caplog.text
    path.rmdir()


async def test_an_entry_that_the_disk_refuses_is_written_with_the_next(
    house: House, monkeypatch: pytest.MonkeyPatch, freezer: FrozenDateTimeFactory
) -> None:
    """In order; a repair tells until it is on disk, and it is tried by itself."""
    audit = house.runtime.audit
    await audit.async_append("before")

    def refuse(*_: object) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(AuditLog, "_write", refuse)
        await audit.async_append("first")
        await audit.async_append("second")
        told = await issues(house)
        assert "2 of the newest entries" in told["audit_unwritten"]
        assert "No space left" in told["audit_unwritten"]
        # What would not be all of it is not given away.
        with pytest.raises(HomeAssistantError, match="cannot be read"):
            await act(house, "export_audit_log", None)
        # Over a reload too.
        await restart(house)
        audit = house.runtime.audit
        assert audit.owed >= 2
    await audit.async_append("third")
    assert "audit_unwritten" not in await issues(house)
    assert audit.owed == 0
    events = [each.event for each in await audit.log.async_entries(1000)]
    wanted = ["before", "first", "second"]
    at = events.index("before")
    assert events[at : at + 3] == wanted
    assert events[-1] == "third"
    assert (await audit.log.async_verify()).intact

    with monkeypatch.context() as patch:
        patch.setattr(AuditLog, "_write", refuse)
        await audit.async_append("alone")
        assert audit.owed == 1
    freezer.tick(RETRY + timedelta(seconds=1))
    async_fire_time_changed(house.hass)
    await until(lambda: audit.owed == 0)
    await house.settle()
    assert "audit_unwritten" not in await issues(house)
    assert (await audit.log.async_entries(1))[0].event == "alone"


async def test_a_person_is_erased_from_the_history_of_each_lock(
    house: House, hass_storage: dict[str, Any]
) -> None:
    """And from what waits for the morning; the file on the disk proves it."""
    ann, bob = await owner_of(house, "Ann"), await owner_of(house, "Bob")
    await house.release("1.1.0")
    await approve(house, ann)
    await install(house.managed())
    await house.settle()
    lock = house.managed()
    approval = lock.record.history[-1].approval
    assert approval is not None
    assert (approval.user_id, approval.user_name) == (ann.id, "Ann")

    def on_disk() -> str:
        key = f"nightlatch.{house.entry.entry_id}"
        return json.dumps(hass_storage[key])

    assert ann.id in on_disk()
    await house.runtime.store.async_set_digest(("Ann judged this better",))
    await house.release("1.2.0")
    await house.hass.services.async_call(
        "nightlatch",
        "approve",
        {"entity_id": UPDATE, "version": "1.2.0"},
        blocking=True,
        context=Context(user_id=ann.id),
    )
    answer = await act(house, "erase_person", bob, person="Ann")
    assert (answer["installations"], answer["installations_left"]) == (1, 0)
    assert answer["approvals_taken_back"] == 1
    assert answer["whole"]
    assert lock.decisions.approval is None
    assert ann.id not in on_disk()
    assert "Ann" not in on_disk()
    (entry,) = await audited(house, "person_erased")
    assert entry.details["installations"] == 1
    pseudonym = answer["erased"]["pseudonym"]
    await restart(house)
    again = house.managed().record.history[-1].approval
    assert again is not None
    assert (again.user_id, again.user_name) == (pseudonym, pseudonym)
    with pytest.raises(HomeAssistantError, match="nobody called Ann"):
        await act(house, "erase_person", bob, person="Ann")


async def test_whom_only_a_history_names_is_erased_as_well(house: House) -> None:
    """An earlier version has erased people from the names of the log alone."""
    ann, bob = await owner_of(house, "Ann"), await owner_of(house, "Bob")
    await house.release("1.1.0")
    await approve(house, ann)
    await install(house.managed())
    await house.settle()
    people = house.runtime.audit.people
    (person,) = await people.async_find("Ann")
    await people.async_erase(person)
    answer = await act(house, "erase_person", bob, person=ann.id)
    assert (answer["installations"], answer["installations_left"]) == (1, 0)
    assert answer["erased"]["pseudonym"] != person.pseudonym
    assert await people.async_find("Ann") == ()
    kept = house.managed().record.history[-1].approval
    assert kept is not None
    assert ann.id not in (kept.user_id, kept.user_name)
