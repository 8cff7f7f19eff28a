"""The best release for a lock, and never a worse one."""

from dataclasses import replace

from hypothesis import given, strategies as st
import pytest

from custom_components.nightlatch.core.model import (
    Artifact,
    Halt,
    LockIdentity,
    Model,
    Payload,
    PayloadFormat,
    Purpose,
    Release,
    Rollout,
    Traits,
)
from custom_components.nightlatch.core.records.trust import LockFloor
from custom_components.nightlatch.core.select import PassedOver, reason_against, select
from custom_components.nightlatch.core.versions import Version, VersionScheme

DOTTED = VersionScheme.DOTTED
MODEL = Model(model="ND-100", name="Night Door", version_scheme=DOTTED)
IDENTITY = LockIdentity(model="ND-100", hardware_revision="A", firmware_version="1.0")


def release(
    version: str,
    *,
    scheme: VersionScheme = DOTTED,
    model: str = "ND-100",
    revisions: tuple[str, ...] = ("A", "B"),
    security_version: int = 1,
    firmware_version: int = 10,
    minimum: str | None = None,
    rollout: Rollout | None = None,
    halted: Halt | None = None,
) -> Release:
    """Return a release."""
    return Release(
        vendor="Acme",
        model=model,
        hardware_revisions=revisions,
        version=Version.parse(scheme, version),
        security_version=security_version,
        artifact=Artifact(path=f"{version}.zip", length=1, sha256="00" * 32),
        payload=Payload(
            format=PayloadFormat.NORDIC_DFU,
            hardware_version=52,
            firmware_version=firmware_version,
        ),
        minimum_installed_version=Version.parse(scheme, minimum) if minimum else None,
        rollout=rollout,
        halted=halted,
    )


def floor(
    version: str = "1.0",
    *,
    scheme: VersionScheme = DOTTED,
    security_version: int = 1,
    firmware_version: int = 10,
) -> LockFloor:
    """Return the floor of a lock."""
    return LockFloor(
        version=Version.parse(scheme, version),
        security_version=security_version,
        firmware_version=firmware_version,
    )


def chosen(*releases: Release, identity: LockIdentity = IDENTITY) -> str | None:
    """Return the version that is chosen."""
    selection = select(releases, identity, MODEL, None)
    return selection.release.version.text if selection.release else None


def test_the_newest_is_chosen_in_whatever_order_they_come() -> None:
    """By its number, not by its place."""
    releases = [release(version) for version in ("1.9", "1.10", "1.2")]
    assert chosen(*releases) == "1.10"
    assert chosen(*reversed(releases)) == "1.10"
    selection = select(releases, IDENTITY, MODEL, floor())
    assert {
        (other.version.text, reason) for other, reason in selection.passed_over
    } == {("1.9", PassedOver.SUPERSEDED), ("1.2", PassedOver.SUPERSEDED)}


def test_of_two_that_are_the_same_version_the_first_is_chosen() -> None:
    """However they are written; the other one is passed over."""
    one, two = release("1.9"), release("1.9.0")
    for first, second in ((one, two), (two, one)):
        selection = select([first, second], IDENTITY, MODEL, None)
        assert selection.release is first
        assert selection.passed_over == ((second, PassedOver.SUPERSEDED),)


@pytest.mark.parametrize(
    ("offered", "low", "reason"),
    [
        ("1.0.1 (1012)", None, None),
        ("1.0.1 (1012)", "1.0.1 (1011)", None),
        ("1.0.1 (1012)", "1.0.1 (1012)", None),
        ("1.0.1 (1012)", "1.0.1 (1013)", PassedOver.BELOW_FLOOR),
        # What the lock runs has no number: another text says nothing of the order.
        ("1.0.2 (1020)", None, PassedOver.NOT_COMPARABLE),
    ],
)
def test_a_lock_that_says_the_text_only_gets_its_next_number_above_the_floor(
    offered: str, low: str | None, reason: PassedOver | None
) -> None:
    """As Home Assistant writes what a lock with Matter runs."""
    scheme = VersionScheme.TEXT_INTEGER
    runs = replace(IDENTITY, firmware_version="1.0.1")
    kept = floor(low, scheme=scheme) if low else None
    assert reason_against(release(offered, scheme=scheme), runs, scheme, kept) is reason


def test_who_waits_for_a_newer_release_does_not_go_without_the_one_before() -> None:
    """One that is halted, or not let out to the lock yet, comes after all others."""
    old = release("1.1")
    staged, halted = (
        release("1.2", rollout=Rollout(percent=5)),
        release("1.3", halted=Halt()),
    )

    def select_of(*releases: Release, let_out: bool) -> list[object]:
        found = select(
            releases,
            IDENTITY,
            MODEL,
            None,
            lambda each: each.rollout is None or let_out,
        )
        assert found.release is not None
        passed = {(each.version.text, why) for each, why in found.passed_over}
        return [found.release.version.text, passed]

    for releases in ([old, staged, halted], [halted, staged, old]):
        assert select_of(*releases, let_out=False) == [
            "1.1",
            {("1.2", PassedOver.STAGED), ("1.3", PassedOver.HALTED)},
        ]
        assert select_of(*releases, let_out=True) == [
            "1.2",
            {("1.1", PassedOver.SUPERSEDED), ("1.3", PassedOver.HALTED)},
        ]
    # Where there is no other, people see it all the same.
    assert select_of(staged, halted, let_out=False)[0] == "1.2"
    assert select_of(halted, let_out=False)[0] == "1.3"


def test_nothing_is_chosen_out_of_nothing() -> None:
    """An empty feed."""
    assert chosen() is None


@pytest.mark.parametrize(
    ("offered", "reason"),
    [
        (release("2.0", model="ND-200"), PassedOver.OTHER_MODEL),
        (release("2.0", revisions=("B", "a")), PassedOver.OTHER_HARDWARE),
        (release("1.0"), PassedOver.NOT_NEWER),
        (release("1.0.0"), PassedOver.NOT_NEWER),
        (release("0.9"), PassedOver.NOT_NEWER),
        (release("2", scheme=VersionScheme.INTEGER), PassedOver.NOT_COMPARABLE),
        (release("2.0", security_version=0), PassedOver.BELOW_FLOOR),
        (release("2.0", firmware_version=9), PassedOver.BELOW_FLOOR),
        (release("2.0", minimum="1.1"), PassedOver.NEEDS_NEWER_FIRST),
    ],
)
def test_what_is_not_for_this_lock_is_passed_over(
    offered: Release, reason: PassedOver
) -> None:
    """With its reason."""
    selection = select([offered], IDENTITY, MODEL, floor())
    assert selection.release is None
    assert selection.passed_over == ((offered, reason),)


@pytest.mark.parametrize(
    ("identity", "reason"),
    [
        (replace(IDENTITY, model="ND-200"), PassedOver.OTHER_MODEL),
        (replace(IDENTITY, hardware_revision=None), PassedOver.HARDWARE_UNKNOWN),
        (replace(IDENTITY, hardware_revision="C"), PassedOver.OTHER_HARDWARE),
        (replace(IDENTITY, firmware_version="1.0-rc1"), PassedOver.NOT_COMPARABLE),
        (replace(IDENTITY, firmware_version=""), PassedOver.NOT_COMPARABLE),
    ],
)
def test_a_lock_that_cannot_be_matched_gets_nothing(
    identity: LockIdentity, reason: PassedOver
) -> None:
    """Rather no update than a wrong one."""
    offered = release("2.0")
    selection = select([offered], identity, MODEL, None)
    assert selection.release is None
    assert selection.passed_over == ((offered, reason),)


def test_a_stepping_stone_is_chosen_first() -> None:
    """The newest that can be reached directly."""
    two = release("2.0", minimum="1.5")
    stone = release("1.5")
    assert chosen(two, stone, release("1.2")) == "1.5"
    there = replace(IDENTITY, firmware_version="1.5")
    assert chosen(two, stone, identity=there) == "2.0"


def test_a_lock_that_says_it_is_older_than_it_was_gets_nothing_older() -> None:
    """Its floor is remembered."""
    selection = select([release("1.5")], IDENTITY, MODEL, floor("1.6"))
    assert selection.release is None
    assert select([release("1.6")], IDENTITY, MODEL, floor("1.6")).release is not None


def test_a_floor_of_another_scheme_holds_by_its_counters() -> None:
    """The vendor has begun to number otherwise."""
    old = floor("20251231", scheme=VersionScheme.INTEGER, firmware_version=20)
    for firmware_version, possible in ((19, False), (20, True), (21, True)):
        offered = release("1.5", firmware_version=firmware_version)
        selection = select([offered], IDENTITY, MODEL, old)
        assert (selection.release is not None) is possible


texts = st.lists(st.integers(0, 4), min_size=1, max_size=3).map(
    lambda parts: ".".join(map(str, parts))
)
releases = st.lists(
    st.builds(
        release,
        texts,
        scheme=st.just(DOTTED),
        model=st.sampled_from(["ND-100", "ND-200"]),
        revisions=st.sampled_from([("A",), ("B",), ("A", "B")]),
        security_version=st.integers(0, 3),
        firmware_version=st.integers(8, 12),
        minimum=st.none() | texts,
    ),
    max_size=8,
)
identities = st.builds(
    LockIdentity,
    model=st.sampled_from(["ND-100", "ND-200"]),
    hardware_revision=st.sampled_from(["A", "B", None]),
    firmware_version=texts | st.text(max_size=3),
)
floors = st.none() | st.builds(
    floor,
    texts,
    scheme=st.just(DOTTED),
    security_version=st.integers(0, 3),
    firmware_version=st.integers(8, 12),
)


@given(releases, identities, floors)
def test_never_a_downgrade(
    offered: list[Release], identity: LockIdentity, low: LockFloor | None
) -> None:
    """Whatever is offered to whatever lock."""
    selection = select(offered, identity, MODEL, low)
    assert len(selection.passed_over) == len(offered) - bool(selection.release)
    if (best := selection.release) is None:
        return
    installed = Version.parse(DOTTED, identity.firmware_version)
    assert best.version > installed
    assert best.model == identity.model == MODEL.model
    assert identity.hardware_revision in best.hardware_revisions
    minimum = best.minimum_installed_version
    assert minimum is None or installed >= minimum
    if low is not None:
        assert best.version >= low.version
        assert best.security_version >= low.security_version
        assert best.payload is not None
        assert best.payload.firmware_version >= low.firmware_version
    for other, reason in selection.passed_over:
        if reason is PassedOver.SUPERSEDED:
            assert other.version <= best.version


# The way back.


@pytest.mark.parametrize(
    ("wanted", "purpose", "reason"),
    [
        (release("0.9"), Purpose.ROLLBACK, None),
        (release("0.9"), Purpose.RECOVERY, None),
        (release("1.0"), Purpose.ROLLBACK, PassedOver.NOT_NEWER),
        (release("1.0"), Purpose.RECOVERY, None),
        (release("2.0", minimum="1.1"), Purpose.RECOVERY, None),
        (release("0.9", firmware_version=9), Purpose.ROLLBACK, "refused_by_lock"),
        (release("0.9", firmware_version=9), Purpose.RECOVERY, "refused_by_lock"),
        (release("0.9", security_version=0), Purpose.ROLLBACK, "below_security_floor"),
        (release("0.9", security_version=0), Purpose.RECOVERY, "below_security_floor"),
        # It is what the lock ran when it was stranded.
        (release("1.0", security_version=0), Purpose.RECOVERY, None),
        (release("1.0", firmware_version=9), Purpose.RECOVERY, "refused_by_lock"),
        (release("0.9", model="ND-200"), Purpose.RECOVERY, PassedOver.OTHER_MODEL),
        (release("0.9", revisions=("B",)), Purpose.ROLLBACK, PassedOver.OTHER_HARDWARE),
    ],
)
def test_what_ran_before_may_come_back_if_the_lock_and_its_safety_allow(
    wanted: Release, purpose: Purpose, reason: PassedOver | None
) -> None:
    """Never another model, nothing that the lock would refuse, no hole opened again."""
    assert reason_against(wanted, IDENTITY, DOTTED, floor(), purpose) == reason
    if reason in {PassedOver.REFUSED_BY_LOCK, PassedOver.BELOW_SECURITY_FLOOR}:
        assert reason_against(wanted, IDENTITY, DOTTED, None, purpose) is None


@given(
    version=st.sampled_from(["0.9", "1.0", "1.1"]),
    firmware_version=st.integers(8, 12),
    security_version=st.integers(0, 2),
)
def test_an_update_never_takes_what_only_a_rollback_may(
    version: str, firmware_version: int, security_version: int
) -> None:
    """The way back opens nothing for what goes upwards by itself."""
    offered = release(
        version, firmware_version=firmware_version, security_version=security_version
    )
    if reason_against(offered, IDENTITY, DOTTED, floor()) is None:
        assert offered.version > Version.parse(DOTTED, "1.0")
        for purpose in (Purpose.ROLLBACK, Purpose.RECOVERY):
            assert reason_against(offered, IDENTITY, DOTTED, floor(), purpose) is None


@pytest.mark.parametrize("purpose", Purpose)
@pytest.mark.parametrize(
    ("model_tells", "revision", "expected"),
    [
        (True, "A", None),
        (True, "C", PassedOver.OTHER_HARDWARE),
        (True, None, PassedOver.HARDWARE_UNKNOWN),
        (False, "A", None),
        (False, "C", PassedOver.OTHER_HARDWARE),
        (False, None, None),
    ],
)
def test_a_model_whose_locks_tell_no_hardware(
    purpose: Purpose,
    model_tells: bool,
    revision: str | None,
    expected: PassedOver | None,
) -> None:
    """What its vendor says of them softens nothing for a lock that tells one."""
    offered = replace(release("1.1"), traits=Traits(tells_hardware=model_tells))
    identity = replace(IDENTITY, hardware_revision=revision)
    assert reason_against(offered, identity, DOTTED, None, purpose) is expected
