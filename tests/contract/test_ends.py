"""What people are told of an end agrees with how far it came and what the lock says."""

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from enum import Enum
from itertools import product
import re
from types import SimpleNamespace
from typing import Any

import pytest

from custom_components.nightlatch import translation
from custom_components.nightlatch.const import DOMAIN
from custom_components.nightlatch.core.errors import (
    DelegateProblem,
    FeedProblem,
    FirmwareProblem,
    InstallationError,
    InstallationProblem,
    NightlatchError,
    TransportProblem,
    VaultProblem,
)
from custom_components.nightlatch.core.installation.confirmation import BOLT_PROBLEMS
from custom_components.nightlatch.core.installation.machine import Outcome
from custom_components.nightlatch.core.installation.standing import Ended, EndStanding
from custom_components.nightlatch.core.model import LockIdentity, OutcomeKind
from custom_components.nightlatch.core.preflight.base import (
    Check,
    Family,
    PreflightError,
    PreflightProblem,
    Reason,
    Verdict,
)
from custom_components.nightlatch.install.end_texts import EndTexts

from .integration import placeholders, translations

OLD, NEW, OTHER = "1.0.0", "1.1.0", "0.7.0"


class Claim(Enum):
    """What a sentence says of a lock, and the words that say it."""

    UNCHANGED = (
        r"[Nn]othing was (changed|sent|done)|unchanged|[Nn]othing (of it|new) was"
    )
    OLD = r"(runs|keeps|goes on with) its old"
    NEW = r"runs (its|the) new firmware|its new firmware stays|still runs the new one"
    RUNS = r"\{running\}|It runs \{version\}"
    BACK = r"has gone back|does not run it"
    IN_BOOTLOADER = r"waits in its bootloader"
    OUT = r"has left its bootloader|brought out of it"
    BEGUN = r"had begun by then|update was begun|installation was begun"
    SILENT = (
        r"not been heard since|has not heard|is not known\.|could not ask it"
        r"|could not be asked"
    )
    WAITS = r"\{version\} waits in it"
    WORKS = r"and works"
    DOOR = r"^See to the door of"


# Each sentence that can stand at an end, with everything that it says of the lock.
CLAIMS: dict[str, set[Claim]] = {
    "transport_in_bootloader": {Claim.IN_BOOTLOADER},
    "transport_already_kept": {Claim.NEW, Claim.RUNS},
    "transport_kept_itself": {Claim.NEW, Claim.RUNS},
    "transport_did_not_come_back": {Claim.BEGUN, Claim.SILENT},
    "transport_held_since_restart": {Claim.BEGUN, Claim.SILENT},
    "transport_other_version": {Claim.RUNS},
    "transport_reverted": {Claim.BACK},
    "transport_not_taken_back": {Claim.NEW},
    "transport_waits_for_restart": {Claim.OLD, Claim.WAITS},
    "transport_may_wait_for_restart": {Claim.OLD, Claim.WAITS},
    "transport_cannot_be_kept": {Claim.NEW},
    "installation_not_stranded": {Claim.OUT},
    "installation_lock_unavailable": {Claim.RUNS},
    "installation_bolt_jammed": {Claim.RUNS},
    "installation_bolt_elsewhere": {Claim.RUNS},
    "installation_bolt_did_not_move": {Claim.RUNS},
    "delegate_did_not_come_back": {Claim.BEGUN, Claim.SILENT},
    "delegate_other_version": {Claim.RUNS},
    "delegate_not_confirmed": {Claim.RUNS},
    "delegate_not_asked": {Claim.SILENT},
    "delegate_fell_back": {Claim.RUNS, Claim.BACK},
    "door_installation_lock_unavailable": {Claim.DOOR},
    "door_installation_bolt_jammed": {Claim.DOOR},
    "door_installation_bolt_elsewhere": {Claim.DOOR},
    "way_back_recovered": {Claim.OUT},
    "way_back_runs": {Claim.RUNS, Claim.WORKS},
    "way_back_not_kept": {Claim.BACK},
    "way_back_installation_lock_unavailable": {Claim.BACK},
    "way_back_installation_bolt_jammed": {Claim.BACK},
    "way_back_installation_bolt_elsewhere": {Claim.BACK},
    "way_back_installation_bolt_did_not_move": {Claim.BACK},
    "standing_untouched": {Claim.UNCHANGED},
    "standing_told": {Claim.RUNS},
    "standing_in_bootloader": {Claim.BEGUN},
    "standing_unknown": {Claim.BEGUN, Claim.SILENT},
}
# Those that say why it ended, and nothing of the lock but what is filled in.
SAY_ONLY_WHY = {
    "delegate_broke_off",
    "delegate_lost_sight",
    "delegate_never_started",
    "delegate_no_offer",
    "delegate_not_available",
    "delegate_not_told",
    "delegate_other_offer",
    "delegate_refused",
    "delegate_stuck",
    "ended_left_bootloader",
    "ended_perhaps_kept",
    "feed_artifact_mismatch",
    "feed_certificate_invalid",
    "feed_clock_went_back",
    "feed_expired",
    "feed_field_invalid",
    "feed_firmware_key_changed",
    "feed_http_status",
    "feed_key_too_new",
    "feed_metadata_invalid",
    "feed_mixed",
    "feed_not_a_feed",
    "feed_redirected",
    "feed_release_changed",
    "feed_release_halted",
    "feed_release_withdrawn",
    "feed_rolled_back",
    "feed_root_invalid",
    "feed_schema_too_new",
    "feed_signed_by_changed",
    "feed_storage",
    "feed_too_large",
    "feed_too_many_roles",
    "feed_too_much",
    "feed_too_slow",
    "feed_unreachable",
    "feed_unsigned",
    "feed_url_invalid",
    "feed_url_not_https",
    "feed_version_too_high",
    "firmware_changed_after_verifying",
    "firmware_debug_build",
    "firmware_downgrade",
    "firmware_encrypted",
    "firmware_hash_mismatch",
    "firmware_hash_type",
    "firmware_image_invalid",
    "firmware_init_packet_invalid",
    "firmware_key_invalid",
    "firmware_legacy_dfu",
    "firmware_manifest_invalid",
    "firmware_member_refused",
    "firmware_needs_other_image",
    "firmware_not_a_package",
    "firmware_not_signed",
    "firmware_own_header",
    "firmware_padded",
    "firmware_several_images",
    "firmware_signature_invalid",
    "firmware_signature_type",
    "firmware_size_mismatch",
    "firmware_too_large",
    "firmware_wrong_hardware",
    "firmware_wrong_type",
    "firmware_wrong_version",
    "installation_after_failure",
    "installation_cancelled",
    "installation_feed_removed",
    "installation_journal",
    "installation_running",
    "installation_unexpected",
    "installation_window_ended",
    "preflight_blocked",
    "transport_bootloader_not_found",
    "transport_buttonless_refused",
    "transport_cannot_try",
    "transport_connection_failed",
    "transport_garbled_answer",
    "transport_held_elsewhere",
    "transport_in_application",
    "transport_insecure_buttonless",
    "transport_let_go",
    "transport_link_lost",
    "transport_lock_memory",
    "transport_lossy_link",
    "transport_needs_passkey",
    "transport_no_answer",
    "transport_no_connection_slot",
    "transport_no_identity",
    "transport_not_bonded",
    "transport_not_found",
    "transport_not_updatable",
    "transport_other_bootloader",
    "transport_other_update",
    "transport_paired_elsewhere",
    "transport_pairing_refused",
    "transport_rejected",
    "transport_rejected_hardware",
    "transport_rejected_hash",
    "transport_rejected_signature",
    "transport_rejected_softdevice",
    "transport_rejected_space",
    "transport_rejected_version",
    "transport_restart_refused",
    "transport_too_large_for_slot",
    "transport_too_slow",
    "vault_damaged",
    "vault_full",
    "vault_key_file_unreadable",
    "vault_key_lost",
    "vault_locked",
    "vault_no_answer",
    "vault_not_a_blob",
    "vault_not_kept",
    "vault_not_there",
    "vault_other_blob",
    "vault_same_place",
    "vault_too_long",
    "vault_too_new",
    "vault_truncated",
    "vault_unreadable",
    "vault_unwritable",
    "vault_wrong_key_file",
    "way_back_not_again",
}
# Nobody types a passphrase while an installation runs.
_AT_NO_END = {VaultProblem.WRONG_PASSPHRASE, VaultProblem.PASSPHRASE_TOO_SHORT}
REASONS = [
    reason
    for enum in (
        FeedProblem,
        FirmwareProblem,
        TransportProblem,
        InstallationProblem,
        DelegateProblem,
        VaultProblem,
        PreflightProblem,
    )
    for reason in enum
    if reason not in _AT_NO_END
]


def texts() -> dict[str, str]:
    """Return every sentence."""
    return {key: text["message"] for key, text in translations()["exceptions"].items()}


def at_an_end() -> set[str]:
    """Return the keys of all sentences that can stand at an end."""
    composed = ("standing_", "way_back_", "ended_", "door_")
    return {*map(str, REASONS)} | {key for key in texts() if key.startswith(composed)}


def test_every_sentence_at_an_end_has_its_claims() -> None:
    """A new one without them could say what is not so."""
    assert at_an_end() == CLAIMS.keys() | SAY_ONLY_WHY
    assert not CLAIMS.keys() & SAY_ONLY_WHY
    assert {f"standing_{standing}" for standing in EndStanding} | set(
        Ended
    ) <= at_an_end()


@pytest.mark.parametrize("key", sorted(at_an_end()))
def test_a_sentence_claims_what_the_table_says(key: str) -> None:
    """Neither more nor less, by its words."""
    said = {claim for claim in Claim if re.search(claim.value, texts()[key])}
    assert said == CLAIMS.get(key, set())


# The ends that there are.

# Who is not updated is not tried either.
DOOR_PROBLEMS = sorted(BOLT_PROBLEMS - {InstallationProblem.BOLT_DID_NOT_MOVE})


def identity(version: str) -> LockIdentity:
    """Return what a lock says."""
    return LockIdentity(model="KL-1", hardware_revision="B", firmware_version=version)


def ends() -> Iterator[Outcome]:
    """Return every end, however far it came and whatever the lock says now."""
    for kind, touched, running, told, waits in product(
        OutcomeKind,
        (False, True),
        (None, OLD, NEW, OTHER),
        (False, True),
        (False, True),
    ):
        if kind is OutcomeKind.SUCCEEDED:
            continue
        outcome = Outcome(
            kind=kind,
            running=identity(running) if running else None,
            told=told,
            in_bootloader=waits,
            touched=touched,
        )
        if is_an_end(outcome):
            yield outcome


def is_an_end(outcome: Outcome) -> bool:
    """Return whether an installation can end so."""
    running = outcome.running.firmware_version if outcome.running else None
    if outcome.told and (running is None or outcome.in_bootloader):
        return False
    if outcome.touched and running is not None and not outcome.told:
        # What it ran before is forgotten as soon as it is touched.
        return False
    if outcome.kind is OutcomeKind.ROLLED_BACK:
        return outcome.told and running == OLD
    if outcome.kind is OutcomeKind.NEEDS_HAND:
        return outcome.touched or running is None
    if outcome.kind is OutcomeKind.POSTPONED:
        return not outcome.touched or (running is not None and running != NEW)
    return running is not None and not (outcome.touched and running == NEW)


def told(*versions: str) -> Callable[[Outcome], bool]:
    """Return what is true of a lock that has said it runs one of these."""
    return lambda end: bool(
        end.touched
        and end.told
        and end.running
        and end.running.firmware_version in versions
    )


def silent(end: Outcome) -> bool:
    """Return whether nobody knows what the lock runs."""
    return end.running is None


def left_alone(end: Outcome) -> bool:
    """Return whether the lock was not touched."""
    return not end.touched


# Where a reason comes from says how the lock is; all others can come anywhere.
ONLY: Mapping[Any, Callable[[Outcome], bool]] = {
    TransportProblem.WAITS_FOR_RESTART: told(OLD),
    TransportProblem.MAY_WAIT_FOR_RESTART: told(OLD),
    TransportProblem.CANNOT_BE_KEPT: told(NEW),
    TransportProblem.NOT_TAKEN_BACK: told(NEW),
    TransportProblem.ALREADY_KEPT: told(NEW),
    TransportProblem.KEPT_ITSELF: told(NEW),
    TransportProblem.OTHER_VERSION: told(OLD, OTHER),
    TransportProblem.DID_NOT_COME_BACK: silent,
    TransportProblem.HELD_SINCE_RESTART: silent,
    DelegateProblem.OTHER_VERSION: told(OLD, OTHER),
    DelegateProblem.NOT_CONFIRMED: told(NEW),
    DelegateProblem.NOT_TOLD: told(NEW),
    DelegateProblem.DID_NOT_COME_BACK: lambda end: end.touched and silent(end),
    DelegateProblem.NOT_ASKED: lambda end: end.touched and silent(end),
    DelegateProblem.BROKE_OFF: lambda end: end.touched,
    DelegateProblem.LOST_SIGHT: lambda end: end.touched,
    # Told of what was proven, days later.
    DelegateProblem.FELL_BACK: told(OLD),
    DelegateProblem.REFUSED: left_alone,
    DelegateProblem.NEVER_STARTED: left_alone,
    InstallationProblem.NOT_STRANDED: lambda end: end.told,
    **{problem: told(OLD, NEW, OTHER) for problem in BOLT_PROBLEMS},
}
# Of the lock with which a new firmware waits, or runs as it should not, nothing has
# gone back yet.
_NOT_BACK = {
    TransportProblem.WAITS_FOR_RESTART,
    TransportProblem.MAY_WAIT_FOR_RESTART,
}


def cases() -> Iterator[tuple[Any, Outcome]]:
    """Return each reason with each end that it can lead to."""
    for reason, end in product(REASONS, ends()):
        if reason in _NOT_BACK and end.kind is not OutcomeKind.NEEDS_HAND:
            continue
        if reason not in ONLY or ONLY[reason](end):
            yield reason, end
            if reason not in BOLT_PROBLEMS:
                # Where the door itself is why, it is told of already.
                yield from ((reason, each) for each in with_door(end))


def with_door(end: Outcome) -> Iterator[Outcome]:
    """Return an end with everything that can be wrong with the door after it."""
    if end.kind is OutcomeKind.NEEDS_HAND and end.touched and not end.in_bootloader:
        for problem in DOOR_PROBLEMS:
            said = placeholders(texts()[f"door_{problem}"]) - {"lock", "why"}
            door = InstallationError(problem, **{name: name for name in said})
            yield replace(end, door=door)


TRUE: Mapping[Claim, Callable[[Outcome, str], bool]] = {
    Claim.UNCHANGED: lambda end, _: not end.touched,
    Claim.OLD: lambda end, _: told(OLD)(end),
    Claim.NEW: lambda end, _: told(NEW)(end),
    Claim.RUNS: lambda end, said: (
        end.told and end.running is not None and end.running.firmware_version in said
    ),
    Claim.BACK: lambda end, _: end.kind is OutcomeKind.ROLLED_BACK or told(OLD)(end),
    Claim.IN_BOOTLOADER: lambda end, _: end.in_bootloader,
    Claim.OUT: lambda end, _: end.told and not end.in_bootloader,
    Claim.BEGUN: lambda end, _: end.touched,
    Claim.SILENT: lambda end, _: end.running is None and not end.told,
    Claim.WAITS: lambda end, _: end.kind is OutcomeKind.NEEDS_HAND and told(OLD)(end),
    Claim.WORKS: lambda end, _: end.kind is OutcomeKind.ROLLED_BACK,
    Claim.DOOR: lambda end, _: end.door is not None,
}
DETAILS: dict[Any, dict[str, str]] = {
    TransportProblem.ALREADY_KEPT: {"version": NEW},
    TransportProblem.KEPT_ITSELF: {"version": NEW},
    TransportProblem.WAITS_FOR_RESTART: {"version": NEW},
    TransportProblem.MAY_WAIT_FOR_RESTART: {"version": NEW},
}


def error_of(reason: Any, end: Outcome) -> NightlatchError:
    """Return an error with all that its sentence needs."""
    if isinstance(reason, PreflightProblem):
        return PreflightError(
            [
                Check(
                    family=Family.LOCK,
                    rule="bolt",
                    verdict=Verdict.BLOCKER,
                    reason=Reason.BOLT_MOVING,
                )
            ]
        )
    known = DETAILS.get(reason, {})
    filled_in = {"lock", "feed", "standing", "version", *known}
    if reason in BOLT_PROBLEMS:
        filled_in.add("running")
    details = {name: name for name in placeholders(texts()[reason]) - filled_in}
    if "running" in details and end.running is not None:
        details["running"] = end.running.firmware_version
    if "version" in placeholders(texts()[reason]) and not known:
        details["version"] = "2.0.0"
    return NightlatchError(reason, **details, **known)


def words_of(end: Outcome) -> EndTexts:
    """Return what puts an end into words."""
    hass: Any = SimpleNamespace(config=SimpleNamespace(language="en"))
    return EndTexts(
        hass=hass,
        outcome=end,
        lock="Front door",
        feed="Acme",
        from_version=OLD,
        version=NEW,
    )


@pytest.fixture
def marked(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each sentence begin with its key."""
    shown = {
        f"component.{DOMAIN}.exceptions.{key}.message": f"«{key}» {text}"
        for key, text in texts().items()
    }

    async def async_get_translations(*_: object) -> dict[str, str]:
        return shown

    monkeypatch.setattr(translation, "async_get_translations", async_get_translations)


def wrong(said: str, end: Outcome) -> Iterator[str]:
    """Return everything in a text that is not so."""
    parts = re.split(r"«(\w+)»", said)
    for key in parts[1::2]:
        for claim in CLAIMS.get(key, ()):
            if not TRUE[claim](end, said):
                yield f"{key} says {claim.name}"
    if any("preflight_" in part for part in parts[0::2]):
        yield "a key in the place of its sentence"
    if "?" in said:
        yield "?"
    if "…" in said:
        yield "a gap"


def case(reason: Any, end: Outcome) -> str:
    """Return a case as it is told when it fails."""
    runs = end.running.firmware_version if end.running else None
    return (
        f"{reason}, {end.kind}: touched={end.touched} runs={runs} told={end.told} "
        f"in_bootloader={end.in_bootloader}"
    )


async def test_no_end_is_told_otherwise_than_it_is(marked: None) -> None:
    """Every reason, at every end to which it can lead."""
    found, looked_at = [], 0
    for reason, end in cases():
        looked_at += 1
        error = error_of(reason, end)
        outcome = replace(end, error=error)
        message = await words_of(outcome).async_message()
        assert message is not None
        found += [f"{case(reason, end)}: {what}" for what in wrong(message, end)]
    assert looked_at > 2000
    assert found == []


async def test_who_waited_for_an_end_is_told_the_same(marked: None) -> None:
    """Home Assistant translates that by itself, with what is filled in."""
    found = []
    for reason, end in cases():
        error = error_of(reason, end)
        raised = await words_of(replace(end, error=error)).async_error(error)
        key, values = raised.translation_key, raised.translation_placeholders
        assert key is not None
        assert values is not None
        said = f"«{key}» {texts()[key]}".format_map(defaultdict(lambda: "…", values))
        found += [f"{case(reason, end)}: {what}" for what in wrong(said, end)]
    assert found == []


async def test_a_lock_that_waits_in_its_bootloader_is_told_of(marked: None) -> None:
    """Whatever else went wrong: its door does not open over the radio."""
    for reason, end in cases():
        if end.in_bootloader:
            error = error_of(reason, end)
            message = await words_of(replace(end, error=error)).async_message()
            assert str(message).count("«transport_in_bootloader»") == 1, reason


async def test_a_door_that_needs_somebody_comes_first(marked: None) -> None:
    """Before why nothing was installed: somebody may be able to walk in."""
    looked_at = 0
    for reason, end in cases():
        if end.door is not None:
            looked_at += 1
            error = error_of(reason, end)
            words = words_of(replace(end, error=error))
            message, raised = (
                await words.async_message(),
                await words.async_error(error),
            )
            assert str(message).startswith(f"«door_{end.door.reason}»"), reason
            assert "«standing_untouched»" not in str(message), reason
            values = raised.translation_placeholders
            assert raised.translation_key == f"door_{end.door.reason}"
            assert values is not None
            assert str(message).endswith(values["why"]), reason
    assert looked_at > 500


async def test_what_was_touched_is_never_passed_over(marked: None) -> None:
    """A person has to know whether the lock may be otherwise than before."""
    silent_about_it = {
        str(reason)
        for reason, end in cases()
        if end.touched
        and "standing" in placeholders(texts()[reason])
        and "«standing_untouched»"
        in str(
            await words_of(replace(end, error=error_of(reason, end))).async_message()
        )
    }
    assert silent_about_it == set()
