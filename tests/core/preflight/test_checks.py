"""Each rule of preflight: what passes, what warns, what blocks."""

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import given, strategies as st
import pytest

from custom_components.nightlatch.core.feeds.public_index import Contradiction
from custom_components.nightlatch.core.guard.source import SourceReading
from custom_components.nightlatch.core.model import (
    Advisory,
    Artifact,
    BatteryReading,
    Disruption,
    Evidence,
    Halt,
    LockIdentity,
    Payload,
    PayloadFormat,
    Purpose,
    Release,
    Rollout,
    Severity,
    Traits,
    Transport,
)
from custom_components.nightlatch.core.preflight.base import (
    Check,
    Family,
    PreflightError,
    PreflightProblem,
    Reason,
    Verdict,
    blockers,
)
from custom_components.nightlatch.core.preflight.power import (
    HARD_LIMIT,
    NoBattery,
    battery_limit,
    check_battery,
    fall,
)
from custom_components.nightlatch.core.preflight.risk import (
    WayBack,
    summarise,
    way_back,
)
from custom_components.nightlatch.core.preflight.rules import (
    RULES,
    override_for,
    run_checks,
)
from custom_components.nightlatch.core.preflight.situation import (
    Bolt,
    Door,
    FeedState,
    HouseState,
    RadioState,
    Situation,
    Surroundings,
)
from custom_components.nightlatch.core.records.decisions import (
    Approval,
    Decisions,
    Override,
)
from custom_components.nightlatch.core.records.trust import LockFloor
from custom_components.nightlatch.core.schedule.policy import (
    ApprovalNeed,
    Importance,
    LockPolicy,
)
from custom_components.nightlatch.core.versions import Version, VersionScheme

NOW = datetime(2026, 11, 24, 2, tzinfo=UTC)
LONG_AGO = NOW - timedelta(days=30)
IDENTITY = LockIdentity(
    model="KL-1", hardware_revision="B", firmware_version="1.0.0", battery=90
)


def dotted(text: str) -> Version:
    """Return a version."""
    return Version.parse(VersionScheme.DOTTED, text)


RELEASE = Release(
    vendor="Kestrel Locks",
    model="KL-1",
    hardware_revisions=("A", "B"),
    version=dotted("1.1.0"),
    security_version=2,
    artifact=Artifact(path="kl-1/1.1.0.zip", length=1, sha256="0" * 64),
    payload=Payload(
        format=PayloadFormat.NORDIC_DFU, hardware_version=52, firmware_version=10_100
    ),
    minimum_battery=40,
)
KEPT = replace(RELEASE, keeper="Northside Homes", evidence=Evidence.SAME_SIGNER)
SOURCE = SourceReading(
    available=True, installed="1.0.0", offered="1.1.0", can_install=True
)
SURROUNDINGS = Surroundings(
    bolt=Bolt.LOCKED,
    bolt_since=LONG_AGO,
    door=Door.CLOSED,
    door_since=LONG_AGO,
    someone_home=True,
)
APPROVAL = Approval(
    version="1.1.0", sha256="0" * 64, user_id="1", user_name="Ann", at=NOW
)
DECISIONS = Decisions(first_seen={"0" * 64: LONG_AGO})
FLOOR = LockFloor(version=dotted("1.0.0"), security_version=2, firmware_version=10_000)


def situation(**fields: Any) -> Situation:
    """Return a night in which nothing stands against it."""
    return Situation(
        **{
            "now": NOW,
            "identity": IDENTITY,
            "identity_at": NOW,
            "release": RELEASE,
            "floor": FLOOR,
            "policy": LockPolicy(has_door_sensor=True),
            "decisions": DECISIONS,
            "soak_days": 3,
            "unattended": True,
            "surroundings": SURROUNDINGS,
            "radio": RadioState(heard=True, rssi=-60, free_slots=1),
            "house": HouseState(),
            "feed": FeedState(checked_at=NOW, expires_at=NOW + timedelta(days=1)),
            "expected": timedelta(minutes=10),
            "window_end": NOW + timedelta(hours=3),
            **fields,
        }
    )


def seen(**fields: Any) -> dict[str, Any]:
    """Return surroundings that differ."""
    return {"surroundings": replace(SURROUNDINGS, **fields)}


def lock(**fields: Any) -> dict[str, Any]:
    """Return an identity that differs."""
    return {"identity": replace(IDENTITY, **fields)}


def battery(
    level: int | None, *, low: bool = False, hours: float = 0
) -> dict[str, Any]:
    """Return what a linked sensor says."""
    at = NOW - timedelta(hours=hours)
    return seen(battery=BatteryReading(level=level, low=low, at=at))


def feed(**fields: Any) -> dict[str, Any]:
    """Return a feed that differs."""
    state = {"checked_at": NOW, "expires_at": NOW + timedelta(days=1), **fields}
    return {"feed": FeedState(**state)}


def objections(**fields: Any) -> list[tuple[Reason, Verdict]]:
    """Return what is objected to, in order."""
    return [
        (check.reason, check.verdict)
        for check in run_checks(situation(**fields))
        if check.verdict is not Verdict.PASS
    ]


def test_in_a_good_night_nothing_is_objected_to() -> None:
    """All ten families have been asked."""
    checks = run_checks(situation())
    assert {check.verdict for check in checks} == {Verdict.PASS}
    assert {check.reason for check in checks} == {Reason.OK}
    assert {check.family for check in checks} == set(Family)


PAIRED_ELSEWHERE = RadioState(
    heard=True, rssi=-60, paired_with="hallway-proxy", pair_heard=False
)
ALWAYS_CONNECTED = RadioState(
    heard=True, rssi=-60, always_connected="Yale (Front door)"
)
BLOCKED: list[tuple[Reason, dict[str, Any]]] = [
    (Reason.OTHER_MODEL, lock(model="KL-1i")),
    (Reason.OTHER_HARDWARE, lock(hardware_revision="C")),
    (Reason.HARDWARE_UNKNOWN, lock(hardware_revision=None)),
    (Reason.VERSION_UNKNOWN, lock(firmware_version="debug")),
    (Reason.NOT_NEWER, lock(firmware_version="1.1.0")),
    (Reason.BELOW_FLOOR, {"floor": replace(FLOOR, security_version=3)}),
    (
        Reason.STEP_MISSING,
        {"release": replace(RELEASE, minimum_installed_version=dotted("1.0.5"))},
    ),
    (Reason.PINNED, {"decisions": replace(DECISIONS, pinned="1.0.0")}),
    (Reason.SKIPPED, {"decisions": replace(DECISIONS, skipped="1.1.0")}),
    (Reason.SOAKING, {"decisions": Decisions()}),
    (
        Reason.NOT_APPROVED,
        {"policy": LockPolicy(has_door_sensor=True, approval=ApprovalNeed.PERSON)},
    ),
    (
        Reason.NOT_APPROVED,
        {
            "policy": LockPolicy(
                has_door_sensor=True, approval=ApprovalNeed.SECOND_FACTOR
            ),
            "decisions": replace(DECISIONS, approval=APPROVAL),
        },
    ),
    (Reason.BATTERY_LOW, lock(battery=39)),
    (Reason.BATTERY_LOW, battery(39)),
    (Reason.BATTERY_FLAG, battery(100, low=True)),
    (Reason.BATTERY_UNKNOWN, seen(battery=BatteryReading(level=None))),
    (Reason.BATTERY_UNKNOWN, lock(battery=None)),
    (Reason.BATTERY_NOT_LOW, lock(battery=None) | battery(None)),
    (Reason.BATTERY_STALE, battery(90, hours=25)),
    (Reason.BATTERY_STALE, {"identity_at": NOW - timedelta(hours=25)}),
    # Read by a clock that was ahead: nobody knows when.
    (Reason.BATTERY_STALE, battery(90, hours=-1)),
    (Reason.BATTERY_STALE, {"identity_at": NOW.replace(year=2036)}),
    (
        Reason.FEED_NOT_ASKED,
        feed(checked_at=NOW.replace(year=2036), expires_at=NOW.replace(year=2037)),
    ),
    (
        Reason.SOAKING,
        {"decisions": Decisions(first_seen={"0" * 64: NOW.replace(year=2036)})},
    ),
    (
        Reason.SOAKING,
        {"decisions": Decisions(first_seen={"0" * 64: NOW.replace(year=1970)})},
    ),
    (Reason.BOLT_MOVING, seen(bolt=Bolt.MOVING)),
    (Reason.BOLT_JAMMED, seen(bolt=Bolt.JAMMED)),
    (Reason.BOLT_OPEN, seen(bolt=Bolt.OPEN)),
    (Reason.BOLT_UNKNOWN, seen(bolt=Bolt.UNKNOWN)),
    (Reason.BOLT_JUST_MOVED, seen(bolt_since=NOW - timedelta(seconds=119))),
    (Reason.BOLT_JUST_MOVED, seen(bolt_since=None)),
    (Reason.DOOR_OPEN, seen(door=Door.OPEN)),
    (Reason.DOOR_UNKNOWN, seen(door=Door.UNKNOWN)),
    (Reason.DOOR_NOT_SAID, seen(door=None)),
    (Reason.DOOR_JUST_MOVED, seen(door_since=NOW - timedelta(seconds=119))),
    (Reason.NO_WAY_IN, seen(someone_home=False)),
    (Reason.NO_WAY_IN, seen(someone_home=None)),
    (Reason.NOT_HEARD, {"radio": RadioState(heard=False)}),
    (
        Reason.HELD_ELSEWHERE,
        {
            "radio": RadioState(heard=False, reached_by="Yale"),
            "identity_at": NOW - timedelta(hours=1),
        },
    ),
    (Reason.WEAK_SIGNAL, {"radio": RadioState(heard=True, rssi=-86)}),
    (Reason.NO_SLOT, {"radio": RadioState(heard=True, rssi=-60, free_slots=0)}),
    (Reason.PAIRED_ELSEWHERE, {"radio": PAIRED_ELSEWHERE}),
    (Reason.ALWAYS_CONNECTED, {"radio": ALWAYS_CONNECTED}),
    # One sentence says it all.
    (
        Reason.HELD_ELSEWHERE,
        {
            "radio": replace(ALWAYS_CONNECTED, heard=False, reached_by="Yale"),
            "identity_at": NOW - timedelta(hours=1),
        },
    ),
    # Whatever the clock says: that it is over is told, not computed.
    (Reason.LET_GO, {"let_go_until": NOW + timedelta(minutes=5)}),
    (Reason.LET_GO, {"let_go_until": NOW - timedelta(minutes=5)}),
    (Reason.BACKUP_RUNNING, {"house": HouseState(backup_running=True)}),
    (Reason.HOUSE_STARTING, {"house": HouseState(starting=True)}),
    (Reason.HOUSE_STOPPING, {"house": HouseState(stopping=True)}),
    (Reason.UNSAVED, {"house": HouseState(unsaved="no space")}),
    (Reason.OTHER_INSTALLATION, {"house": HouseState(installing="Shed")}),
    (Reason.ENTRY_DOOR_TONIGHT, {"house": HouseState(entry_door_tonight="Back door")}),
    (Reason.DOES_NOT_FIT, {"expected": timedelta(hours=3, seconds=1)}),
    (Reason.FEED_IN_TROUBLE, feed(trouble="feed_unreachable")),
    (Reason.FEED_NOT_ASKED, feed(checked_at=None)),
    (Reason.FEED_NOT_ASKED, feed(checked_at=NOW - timedelta(hours=25))),
    (Reason.FEED_EXPIRED, feed(expires_at=NOW)),
    (Reason.FEED_EXPIRED, feed(expires_at=None)),
    (Reason.WITHDRAWN, feed(offers_release=False)),
    (Reason.HALTED, {"release": replace(RELEASE, halted=Halt())}),
    # Its maker's own word, of what a keeper offers too.
    (Reason.HALTED, {"release": replace(KEPT, halted=Halt())}),
    (
        Reason.HALTED_BY_KEEPER,
        {"release": replace(KEPT, halted=Halt(keeper="Northside Homes"))},
    ),
    (
        Reason.HALTED_BY_GONE_FEED,
        {"release": replace(RELEASE, halted=Halt(feed_gone=True))},
    ),
    (
        Reason.STAGED,
        {"let_out": False, "release": replace(RELEASE, rollout=Rollout(percent=5))},
    ),
    (
        Reason.STAGED_BY_KEEPER,
        {"let_out": False, "release": replace(KEPT, rollout=Rollout(percent=5))},
    ),
    (Reason.NO_FIRMWARE_KEY, feed(key_pinned=False)),
    (Reason.KEEPER_OTHER_SIGNER, {"release": KEPT, **feed(other_signer=True)}),
    (Reason.INDEX_RECALLED, feed(contradiction=Contradiction.RECALLED)),
    (Reason.INDEX_NOT_APPLICABLE, feed(contradiction=Contradiction.NOT_APPLICABLE)),
    (Reason.INDEX_OTHER_HARDWARE, feed(contradiction=Contradiction.OTHER_HARDWARE)),
    (Reason.INDEX_OTHER_MODEL, feed(contradiction=Contradiction.OTHER_MODEL)),
    (Reason.INDEX_OTHER_IMAGE, feed(contradiction=Contradiction.OTHER_IMAGE)),
    (Reason.INDEX_DOWNGRADE, feed(contradiction=Contradiction.DOWNGRADE)),
    (Reason.NOBODY_PRESENT, {"needs_presence": True}),
    (Reason.SOURCE_BUSY, {"source": replace(SOURCE, in_progress=True)}),
    (Reason.SOURCE_ALONE, {"source": replace(SOURCE, installs_by_itself=True)}),
    (Reason.SOURCE_UNABLE, {"source": replace(SOURCE, can_install=False)}),
    (Reason.OTHER_DEVICE, {"source": SOURCE, "stranger": True}),
    (Reason.IN_BOOTLOADER, {"in_bootloader": True}),
]


@pytest.mark.parametrize(("reason", "fields"), BLOCKED)
def test_what_blocks_at_night(reason: Reason, fields: dict[str, Any]) -> None:
    """That, and nothing else."""
    assert objections(**fields) == [(reason, Verdict.BLOCKER)]


def test_every_reason_is_given_somewhere() -> None:
    """One that never comes needs no sentence."""
    given_ = {reason for reason, _ in BLOCKED}
    warned = {
        Reason.BATTERY_FALLING,
        Reason.NO_PROOF,
        Reason.HALT_UNHEARD,
        Reason.KEEPER_ALONE,
    }
    on_the_way_back = {Reason.REFUSED_BY_LOCK, Reason.BELOW_SECURITY_FLOOR}
    assert given_ | {Reason.OK} | warned | on_the_way_back == set(Reason)


@pytest.mark.parametrize(
    "fields",
    [
        lock(battery=40),
        battery(40),
        battery(90, hours=24),
        seen(bolt=None),
        seen(bolt=Bolt.UNLOCKED),
        seen(bolt_since=NOW - timedelta(minutes=2)),
        seen(door_since=NOW - timedelta(minutes=2)),
        {**seen(door=None), "policy": LockPolicy(has_door_sensor=False)},
        {
            **seen(someone_home=False),
            "policy": LockPolicy(has_door_sensor=True, second_entry=True),
        },
        {"radio": RadioState(heard=True)},
        {"radio": replace(PAIRED_ELSEWHERE, pair_heard=True)},
        # It has answered just now, whoever else is connected to it.
        {"radio": RadioState(heard=False, reached_by="Yale")},
        {"radio": RadioState(heard=True, rssi=-80, free_slots=1)},
        {"expected": timedelta(hours=3)},
        {"expected": timedelta(hours=9), "window_end": None},
        {"decisions": replace(DECISIONS, skipped="1.0.9")},
        {
            "house": HouseState(entry_door_tonight="Back door"),
            "policy": LockPolicy(has_door_sensor=True, importance=Importance.SIDE),
        },
        {
            "policy": LockPolicy(has_door_sensor=True, approval=ApprovalNeed.PERSON),
            "decisions": replace(DECISIONS, approval=APPROVAL),
        },
        {
            "policy": LockPolicy(
                has_door_sensor=True, approval=ApprovalNeed.SECOND_FACTOR
            ),
            "decisions": replace(
                DECISIONS, approval=replace(APPROVAL, second_factor=True)
            ),
        },
        feed(checked_at=NOW - timedelta(hours=24)),
    ],
)
def test_what_just_passes(fields: dict[str, Any]) -> None:
    """The limits belong to what is allowed."""
    assert objections(**fields) == []


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({"decisions": Decisions(pinned="1.0.0", skipped="1.1.0")}, []),
        (seen(bolt_since=NOW), [(Reason.BOLT_JUST_MOVED, Verdict.WARNING)]),
        (seen(door_since=NOW), [(Reason.DOOR_JUST_MOVED, Verdict.WARNING)]),
        (
            {"radio": RadioState(heard=True, rssi=-95)},
            [(Reason.WEAK_SIGNAL, Verdict.WARNING)],
        ),
        (
            {"radio": PAIRED_ELSEWHERE},
            [(Reason.PAIRED_ELSEWHERE, Verdict.WARNING)],
        ),
        (
            {"radio": ALWAYS_CONNECTED},
            [(Reason.ALWAYS_CONNECTED, Verdict.WARNING)],
        ),
        (seen(door=Door.OPEN), [(Reason.DOOR_OPEN, Verdict.BLOCKER)]),
        (lock(battery=5), [(Reason.BATTERY_LOW, Verdict.BLOCKER)]),
    ],
)
def test_a_person_who_asks_just_now_decides_more(
    fields: dict[str, Any], expected: list[tuple[Reason, Verdict]]
) -> None:
    """But not that an open door is shut."""
    assert objections(unattended=False, **fields) == expected


def test_a_person_need_not_wait_for_a_stage_and_cannot_lift_a_halt() -> None:
    """Of a halted release only its vendor knows whether it is good after all."""
    assert objections(unattended=False, let_out=False) == []
    halted = {"release": replace(RELEASE, halted=Halt(why="It drains batteries."))}
    assert objections(unattended=False, **halted) == [(Reason.HALTED, Verdict.BLOCKER)]
    (check,) = blockers(run_checks(situation(unattended=False, **halted)))
    assert check.placeholders["why"] == "It drains batteries."
    assert override_for(check) is None


def test_a_signal_that_is_only_weak_is_a_warning() -> None:
    """Also at night."""
    assert objections(radio=RadioState(heard=True, rssi=-81)) == [
        (Reason.WEAK_SIGNAL, Verdict.WARNING)
    ]


# A lock in its bootloader.


@pytest.mark.parametrize(
    "fields",
    [
        lock(battery=1),
        seen(bolt=Bolt.UNKNOWN),
        seen(door=Door.OPEN),
        seen(someone_home=False),
        {"radio": RadioState(heard=False)},
        {"expected": timedelta(hours=9)},
        {"decisions": Decisions(pinned="1.0.0")},
        {"house": HouseState(entry_door_tonight="Back door")},
        {"house": HouseState(backup_running=True)},
        {"let_out": False},
        {"release": replace(RELEASE, halted=Halt())},
    ],
)
def test_a_stranded_lock_is_not_held_back(fields: dict[str, Any]) -> None:
    """It is a door that does not open. What stands against it is still shown."""
    verdicts = {verdict for _, verdict in objections(stranded=True, **fields)}
    assert verdicts == {Verdict.WARNING}


def test_a_bootloader_that_is_only_heard_softens_nothing() -> None:
    """Anybody near can advertise one."""
    found = objections(
        in_bootloader=True, surroundings=Surroundings(door=Door.OPEN), **lock(battery=1)
    )
    assert {verdict for _, verdict in found} == {Verdict.BLOCKER}
    assert {Reason.IN_BOOTLOADER, Reason.DOOR_OPEN, Reason.BATTERY_LOW} <= {
        reason for reason, _ in found
    }


@pytest.mark.parametrize(
    "fields",
    [
        lock(model="KL-1i"),
        lock(hardware_revision="C"),
        {"floor": replace(FLOOR, firmware_version=99_999)},
        feed(offers_release=False),
        feed(key_pinned=False),
        {"house": HouseState(installing="Shed")},
        {"house": HouseState(stopping=True)},
    ],
)
def test_nor_does_it_get_just_anything(fields: dict[str, Any]) -> None:
    """Wrong firmware does not help it."""
    assert Verdict.BLOCKER in {
        verdict for _, verdict in objections(stranded=True, **fields)
    }


# Overrides.


@pytest.mark.parametrize(
    ("override", "fields"),
    [
        (Override.BATTERY, lock(battery=5)),
        (Override.DOOR, seen(door=Door.OPEN)),
        (Override.WAY_IN, seen(someone_home=False)),
        (Override.SOAK, {"decisions": Decisions()}),
        (
            Override.HALT,
            {"release": replace(RELEASE, halted=Halt(feed_gone=True))},
        ),
    ],
)
def test_the_owner_may_judge_better(override: Override, fields: dict[str, Any]) -> None:
    """Of that one rule and that very release; who did is on record."""

    def with_approval(approval: Approval) -> list[Check]:
        decisions = fields.get("decisions", DECISIONS)
        return [
            check
            for check in run_checks(
                situation(
                    **{**fields, "decisions": replace(decisions, approval=approval)}
                )
            )
            if check.verdict is not Verdict.PASS
        ]

    (check,) = with_approval(replace(APPROVAL, overrides=frozenset({override})))
    assert (check.verdict, check.overridden_by) == (Verdict.WARNING, "Ann")
    assert override_for(check) is override
    others = frozenset(Override) - {override}
    for approval in (
        replace(APPROVAL, overrides=others),
        replace(APPROVAL, overrides=frozenset({override}), version="1.2.0"),
        replace(APPROVAL, overrides=frozenset({override}), sha256="1" * 64),
    ):
        (check,) = with_approval(approval)
        assert (check.verdict, check.overridden_by) == (Verdict.BLOCKER, None)


@pytest.mark.parametrize(
    ("override", "age", "counts"),
    [
        *(
            (override, age, age <= timedelta(hours=12))
            for override in (Override.BATTERY, Override.DOOR, Override.WAY_IN)
            for age in (
                timedelta(),
                timedelta(hours=12),
                timedelta(hours=12, microseconds=1),
                timedelta(days=180),
            )
        ),
        # About the release, which does not change.
        (Override.SOAK, timedelta(days=180), True),
        # By a clock that was ahead: nobody knows when.
        *((each, timedelta(microseconds=-1), False) for each in Override),
        *((each, timedelta(days=-180), False) for each in Override),
    ],
)
def test_a_judgement_of_a_moment_ends_with_it(
    override: Override, age: timedelta, counts: bool
) -> None:
    """The consent of the same person stays; what is told says that the rest has ended."""
    approval = replace(APPROVAL, at=NOW - age, overrides=frozenset({override}))
    state = situation(
        **lock(battery=3),
        **seen(door=Door.OPEN, someone_home=False),
        decisions=Decisions(approval=approval),
    )
    if override is Override.HALT:
        assert (override in approval.overrides_at(NOW)) is counts
        return
    check = next(
        check for check in run_checks(state) if override_for(check) is override
    )
    if override is Override.SECURITY_FLOOR:
        assert approval.overrides_at(NOW) == frozenset()
        return
    assert check.verdict is (Verdict.WARNING if counts else Verdict.BLOCKER)
    assert check.overridden_by == ("Ann" if counts else None)
    assert check.override_ended == (None if counts else "Ann")
    need = replace(state.policy, approval=ApprovalNeed.PERSON)
    (consent,) = (
        check
        for check in run_checks(replace(state, policy=need))
        if check.rule == "approval"
    )
    assert consent.verdict is Verdict.PASS


@pytest.mark.parametrize(
    ("reason", "fields"),
    [
        each
        for each in BLOCKED
        if "decisions" not in each[1]
        and not each[0].startswith(("preflight_battery", "preflight_door"))
        and each[0] not in {Reason.NO_WAY_IN, Reason.HALTED_BY_GONE_FEED}
    ],
)
def test_nothing_else_can_be_overridden(reason: Reason, fields: dict[str, Any]) -> None:
    """Not the model, not the bolt, not the trust."""
    everything = replace(APPROVAL, overrides=frozenset(Override))
    if reason is Reason.NOT_APPROVED:
        everything = replace(everything, version="1.2.0")
    assert objections(**fields, decisions=replace(DECISIONS, approval=everything)) == [
        (reason, Verdict.BLOCKER)
    ]


# Properties.


@given(
    fields=st.fixed_dictionaries(
        {
            "identity": st.builds(
                LockIdentity,
                model=st.sampled_from(["KL-1", "KL-1i"]),
                hardware_revision=st.sampled_from([None, "A", "Z"]),
                firmware_version=st.sampled_from(["1.0.0", "1.1.0", "", "x"]),
                battery=st.none() | st.integers(0, 100),
            ),
            "surroundings": st.builds(
                Surroundings,
                bolt=st.none() | st.sampled_from(Bolt),
                bolt_since=st.none() | st.just(LONG_AGO) | st.just(NOW),
                door=st.none() | st.sampled_from(Door),
                door_since=st.none() | st.just(LONG_AGO) | st.just(NOW),
                battery=st.none()
                | st.builds(
                    BatteryReading,
                    level=st.none() | st.integers(0, 100),
                    low=st.booleans(),
                    at=st.none() | st.just(NOW) | st.just(LONG_AGO),
                ),
                someone_home=st.none() | st.booleans(),
            ),
            "radio": st.builds(
                RadioState,
                heard=st.booleans(),
                rssi=st.none() | st.integers(-110, 0),
                free_slots=st.none() | st.integers(0, 3),
            ),
            "unattended": st.booleans(),
            "in_bootloader": st.booleans(),
            "window_end": st.none()
            | st.just(NOW)
            | st.just(NOW - timedelta(hours=1))
            | st.just(NOW + timedelta(hours=1)),
        }
    )
)
def test_every_rule_is_asked_once_and_never_fails(fields: dict[str, Any]) -> None:
    """Everything is shown at once, and what is unknown never counts as safe."""
    wanted = situation(**fields)
    checks = run_checks(wanted)
    assert len(checks) == len(RULES)
    assert len({(check.family, check.rule) for check in checks}) == len(RULES)
    by_rule = {check.rule: check for check in checks}
    for check in checks:
        assert (check.reason is Reason.OK) == (check.verdict is Verdict.PASS)
        assert None not in check.placeholders.values()
    if wanted.in_bootloader:
        return
    around = wanted.surroundings
    for rule, unknown in (
        ("bolt", around.bolt is Bolt.UNKNOWN),
        ("door", around.door in {None, Door.UNKNOWN}),
        ("way_in", not around.someone_home),
        ("battery", around.battery == BatteryReading(level=None)),
        ("signal", not wanted.radio.heard),
    ):
        if unknown:
            assert by_rule[rule].verdict is Verdict.BLOCKER


@given(level=st.integers(0, 99))
def test_more_charge_is_never_worse(level: int) -> None:
    """Percent by percent."""
    blocked = bool(objections(**lock(battery=level)))
    assert blocked == (level < 40)


# The battery.


@pytest.mark.parametrize(
    ("minimum", "minutes", "limit"),
    [
        (40, 60, 40),
        (5, 60, HARD_LIMIT),
        (None, 10, 30),
        (None, 40, 45),
        (None, 999, 100),
    ],
)
def test_longer_takes_more(minimum: int | None, minutes: int, limit: int) -> None:
    """Where the vendor says nothing; and never less than the hard limit."""
    release = replace(RELEASE, minimum_battery=minimum)
    assert battery_limit(release, timedelta(minutes=minutes)) == limit


@pytest.mark.parametrize(
    ("low", "own", "hours", "expected"),
    [
        (False, 40, 0, []),
        (False, 39, 0, [Reason.BATTERY_LOW]),
        (False, None, 0, [Reason.BATTERY_NOT_LOW]),
        (False, 90, 25, [Reason.BATTERY_STALE]),
        (True, 90, 0, [Reason.BATTERY_FLAG]),
    ],
)
def test_a_sensor_that_only_knows_low(
    low: bool, own: int | None, hours: int, expected: list[Reason]
) -> None:
    """That it is not low must not pass for full: the level is what the lock says."""
    found = objections(
        **battery(None, low=low),
        **lock(battery=own),
        identity_at=NOW - timedelta(hours=hours),
    )
    assert found == [(reason, Verdict.BLOCKER) for reason in expected]


@pytest.mark.parametrize(
    ("unattended", "suffices", "expected"),
    [
        (False, False, [(Reason.BATTERY_NOT_LOW, Verdict.WARNING)]),
        (True, False, [(Reason.BATTERY_NOT_LOW, Verdict.BLOCKER)]),
        (True, True, []),
    ],
)
@pytest.mark.parametrize("days", [0, 200])
def test_not_low_is_enough_for_who_asks_and_where_the_owner_says_so(
    unattended: bool,
    suffices: bool,
    days: int,
    expected: list[tuple[Reason, Verdict]],
) -> None:
    """However long ago the sensor has said so: it says nothing new until it is low."""
    found = objections(
        **battery(None, hours=24 * days),
        **lock(battery=None),
        policy=LockPolicy(has_door_sensor=True, not_low_suffices=suffices),
        unattended=unattended,
        window_end=None,
    )
    assert found == expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        (battery(None, low=True), [Reason.BATTERY_FLAG]),
        (seen(battery=BatteryReading(level=None)), [Reason.BATTERY_UNKNOWN]),
        (battery(39), [Reason.BATTERY_LOW]),
    ],
)
@pytest.mark.parametrize("policy", [{"not_low_suffices": True}, {"has_battery": False}])
def test_what_the_owner_says_is_no_answer_to_a_sensor_that_says_otherwise(
    policy: dict[str, Any], fields: dict[str, Any], expected: list[Reason]
) -> None:
    """A battery that is linked is one that counts."""
    found = objections(
        **fields,
        **lock(battery=None),
        policy=LockPolicy(has_door_sensor=True, **policy),
    )
    assert found == [(reason, Verdict.BLOCKER) for reason in expected]


WIRED = {
    "release": replace(RELEASE, minimum_battery=None, traits=Traits(has_battery=False))
}
NO_BATTERY = {"policy": LockPolicy(has_door_sensor=True, has_battery=False)}


@pytest.mark.parametrize(
    ("said", "own", "passes", "said_by"),
    [
        (NO_BATTERY, None, True, NoBattery.OWNER),
        # It tells one, so the owner is mistaken.
        (NO_BATTERY, 5, False, None),
        (WIRED, None, True, NoBattery.VENDOR),
        # Some tell a level because they must tell one; their vendor knows better.
        (WIRED, 0, True, NoBattery.VENDOR),
        (NO_BATTERY | WIRED, None, True, NoBattery.VENDOR),
        ({}, None, False, None),
    ],
)
def test_a_lock_without_a_battery(
    said: dict[str, Any], own: int | None, passes: bool, said_by: NoBattery | None
) -> None:
    """No battery is waited for where vendor or owner say that there is none."""
    fields = situation(**said, **lock(battery=own))
    assert (not objections(**said, **lock(battery=own))) is passes
    assert summarise(fields.release, fields).no_battery is said_by


@pytest.mark.parametrize("tells", ["B", "C", None])
@pytest.mark.parametrize("model_tells", [True, False])
def test_only_a_lock_that_tells_no_hardware_needs_none(
    tells: str | None, model_tells: bool
) -> None:
    """One that tells hardware which the release is not for is refused all the same."""
    found = objections(
        **lock(hardware_revision=tells),
        release=replace(RELEASE, traits=Traits(tells_hardware=model_tells)),
    )
    expected = {
        "B": [],
        "C": [Reason.OTHER_HARDWARE],
        None: [Reason.HARDWARE_UNKNOWN] if model_tells else [],
    }[tells]
    assert found == [(reason, Verdict.BLOCKER) for reason in expected]


def test_readings_of_a_clock_that_was_ahead_tell_no_trend() -> None:
    """Nobody knows in which order they came."""
    history = (BatteryReading(level=99, at=NOW + timedelta(days=5)),)
    assert objections(battery_history=history, **lock(battery=80)) == []


def test_a_battery_that_falls_fast_is_a_warning() -> None:
    """Readings lie; the trend tells."""
    history = (BatteryReading(level=99, at=NOW - timedelta(days=5)),)
    assert objections(battery_history=history, **lock(battery=83)) == [
        (Reason.BATTERY_FALLING, Verdict.WARNING)
    ]
    assert objections(battery_history=history, **lock(battery=84)) == []
    old = (BatteryReading(level=99, at=NOW - timedelta(days=8)),)
    assert objections(battery_history=old, **lock(battery=50)) == []


def test_nothing_falls_where_there_is_no_battery() -> None:
    """What a wired lock tells as its level means nothing."""
    history = [BatteryReading(level=100, at=NOW - timedelta(days=1))]
    assert not objections(**WIRED, **lock(battery=0), battery_history=history)
    assert not objections(**NO_BATTERY, **lock(battery=None), battery_history=history)


def test_a_changed_battery_begins_anew() -> None:
    """What was before it does not count."""
    readings = [
        BatteryReading(level=level, at=NOW - timedelta(hours=10 - number))
        for number, level in enumerate((60, 30, 100, 95, None, 94))
    ]
    assert fall(readings, NOW, timedelta(days=1)) == 6


# What a person is told.


def test_the_error_lists_all_blockers_and_nothing_else() -> None:
    """In the order in which they are asked."""
    checks = run_checks(
        situation(**lock(battery=5), radio=RadioState(heard=True, rssi=-81))
    )
    error = PreflightError(checks)
    assert error.reason is PreflightProblem.BLOCKED
    assert [check.reason for check in error.blockers] == [Reason.BATTERY_LOW]
    assert error.blockers == blockers(checks)
    assert error.blockers[0].placeholders == {"measured": "5 %", "limit": "40 %"}


def test_the_risk_is_told_in_values() -> None:
    """What changes, what it closes, for how long, and whether there is a way back."""
    release = replace(
        RELEASE,
        severity=Severity.HIGH,
        advisories=(Advisory(id="CVE-1"),),
        disrupts=(Disruption.KEYPAD,),
    )
    risk = summarise(release, situation(expected=timedelta(seconds=601)))
    assert (risk.from_version, risk.to_version) == ("1.0.0", "1.1.0")
    assert risk.severity is Severity.HIGH
    assert risk.advisories == ("CVE-1",)
    assert risk.expected == timedelta(seconds=601)
    assert risk.disrupts == (Disruption.KEYPAD,)
    assert risk.way_back is WayBack.NOT_KEPT
    kept = situation(running_release=replace(RELEASE, version=dotted("1.0.0")))
    assert summarise(release, kept).way_back is WayBack.KEPT


def test_a_check_is_softened_only_where_it_blocks() -> None:
    """A warning stays one."""
    rules: dict[str, Callable[[Situation], Check]] = {
        rule.__name__: rule for rule in RULES
    }
    warning = rules["check_signal"](situation(radio=RadioState(heard=True, rssi=-81)))
    assert warning.softened() is warning


def test_what_another_integration_installs_is_not_proven_here() -> None:
    """That is said, and does not stand against it: who owns the lock chose that way."""
    release = replace(RELEASE, artifact=None, payload=None, hardware_revisions=())
    decisions = Decisions(first_seen={release.key: LONG_AGO})
    identity = lock(hardware_revision=None)
    given_ = {"release": release, "decisions": decisions, **identity}
    assert objections(**given_) == [(Reason.NO_PROOF, Verdict.WARNING)]
    signed = replace(release, evidence=Evidence.SIGNATURE_PRESENT)
    assert objections(**{**given_, "release": signed}) == []


def test_a_person_who_asks_is_present() -> None:
    """What needs somebody at the door is only never done by itself."""
    assert objections(needs_presence=True, unattended=False) == []


# The way back.


def running(firmware_version: int) -> Release:
    """Return what the lock runs, as the vault has it."""
    return replace(
        RELEASE,
        version=dotted("1.0.0"),
        payload=Payload(
            format=PayloadFormat.NORDIC_DFU,
            hardware_version=52,
            firmware_version=firmware_version,
        ),
    )


@pytest.mark.parametrize(
    ("kept", "expected"),
    [
        (None, WayBack.NOT_KEPT),
        (running(10_099), WayBack.NONE),
        (running(10_100), WayBack.KEPT),
        (running(10_101), WayBack.KEPT),
    ],
)
def test_the_packages_say_whether_a_lock_can_go_back(
    kept: Release | None, expected: WayBack
) -> None:
    """Nordic's bootloader takes nothing with a lower counter than what it has run."""
    assert way_back(RELEASE, kept) is expected


def test_a_lock_on_trial_goes_back_by_itself() -> None:
    """Whatever is kept; and of what somebody else sends, nobody here can say."""
    trial = replace(RELEASE, transport=Transport.SMP)
    assert way_back(trial, None) is WayBack.ON_TRIAL
    keeps = replace(trial, traits=Traits(confirms_itself=True))
    assert way_back(keeps, None) is WayBack.KEEPS_ITSELF
    assert way_back(replace(RELEASE, payload=None), None) is WayBack.UNKNOWN


def back(version: str = "0.9.0", counter: int = 10_000, **fields: Any) -> Release:
    """Return something older."""
    return replace(running(counter), version=dotted(version), **fields)


def test_a_rollback_may_go_where_an_update_may_not() -> None:
    """To what is older; only the lock's own counter and the security floor bind it."""
    decisions = Decisions(first_seen={"0" * 64: LONG_AGO})
    way = {"release": back(), "decisions": decisions}
    assert Reason.NOT_NEWER in {reason for reason, _ in objections(**way)}
    assert objections(**way, purpose=Purpose.ROLLBACK) == []
    refused = {**way, "release": back(counter=9_999)}
    assert objections(**refused, purpose=Purpose.ROLLBACK) == [
        (Reason.REFUSED_BY_LOCK, Verdict.BLOCKER)
    ]


def test_a_closed_hole_is_opened_only_by_an_owner_who_says_so() -> None:
    """With an approval for that very release; it stays visible then."""
    release = back(security_version=1)
    way = {"release": release, "purpose": Purpose.ROLLBACK}
    assert objections(**way) == [(Reason.BELOW_SECURITY_FLOOR, Verdict.BLOCKER)]
    approval = replace(
        APPROVAL,
        version="0.9.0",
        overrides=frozenset({Override.SECURITY_FLOOR}),
        words="The new one eats the battery, and the hole needs a person inside.",
    )
    decisions = replace(DECISIONS, approval=approval)
    assert objections(**way, decisions=decisions) == [
        (Reason.BELOW_SECURITY_FLOOR, Verdict.WARNING)
    ]
    other = replace(decisions, approval=replace(approval, sha256="1" * 64))
    assert objections(**way, decisions=other) == [
        (Reason.BELOW_SECURITY_FLOOR, Verdict.BLOCKER)
    ]


def test_a_stranded_lock_is_held_by_nothing_that_protects_a_working_one() -> None:
    """An empty battery, an open door and a busy night do not keep a door shut."""
    assert {
        verdict
        for _, verdict in objections(
            purpose=Purpose.RECOVERY,
            release=replace(RELEASE, version=dotted("1.0.0")),
            stranded=True,
            surroundings=Surroundings(
                bolt=Bolt.JAMMED, bolt_since=NOW, door=Door.OPEN, door_since=NOW
            ),
            radio=RadioState(heard=False, rssi=-99, free_slots=0),
            house=HouseState(entry_door_tonight="Back door"),
            window_end=NOW,
            policy=LockPolicy(approval=ApprovalNeed.SECOND_FACTOR),
            decisions=Decisions(pinned="1.0.0"),
            **lock(battery=1),
        )
    } == {Verdict.WARNING}


def test_a_lock_that_tells_its_level_since_makes_a_sensor_fresh() -> None:
    """The lower of the two counts; one that tells no level says nothing of it."""

    def checked(own: int | None, asked: datetime | None) -> Check:
        told = {**battery(90, hours=40), **lock(battery=own)}
        return check_battery(situation(asked_at=asked, identity_at=NOW, **told))

    assert checked(85, NOW).measured == "85 %"
    assert checked(95, NOW).measured == "90 %"
    assert checked(85, NOW).verdict is Verdict.PASS
    assert checked(5, NOW).reason is Reason.BATTERY_LOW
    for own, asked in [(None, NOW), (85, None), (85, NOW - timedelta(hours=41))]:
        assert checked(own, asked).reason is Reason.BATTERY_STALE
