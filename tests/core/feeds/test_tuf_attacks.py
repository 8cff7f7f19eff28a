"""A feed that lies, dawdles or breaks: each is told by its own reason, and passes.

The catalogue is that of the TUF specification 1.0.34, 1.5.2, and of Uptane, with what
may go wrong on the household's side.
"""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import datetime, timedelta
import gzip
from pathlib import Path
import shutil
from typing import Any

import pytest

from custom_components.nightlatch.core.errors import FeedError, FeedProblem
from custom_components.nightlatch.core.feeds.transfer import Limits
from custom_components.nightlatch.core.feeds.tuf import TufFeed
from custom_components.nightlatch.core.model import Halt
from custom_components.nightlatch.core.records.trust import Trust
from tests.rig.vendor import Vendor, new_signer
from tests.rig.vendor_http import (
    Behaviour,
    Changed,
    Cut,
    Drip,
    Endless,
    Redirect,
    Silence,
    Status,
)

from .conftest import (
    FIRMWARE_TWO,
    ONE,
    TWO,
    Clock,
    FeedFactory,
    LoopClock,
    MemoryTrust,
    names_in,
)


async def refusal(feed: TufFeed) -> FeedError:
    """Return the error of a check."""
    with pytest.raises(FeedError) as caught:
        await feed.check()
    return caught.value


async def works(feed: TufFeed) -> bool:
    """Return whether the feed offers its two releases."""
    return len((await feed.check()).releases) == 2


def flip(data: bytes) -> bytes:
    """Flip one bit in the middle."""
    middle = len(data) // 2
    return data[:middle] + bytes([data[middle] ^ 0x10]) + data[middle + 1 :]


# On the way.


async def refusal_after(
    attempt: Coroutine[Any, Any, object],
    vendor: Vendor,
    path: str,
    clock: LoopClock,
    seconds: float,
) -> FeedError:
    """Return the error of an attempt, time passing once a file is asked for."""
    task = asyncio.ensure_future(attempt)
    await vendor.server.asked_for(path)
    clock.jump(seconds)
    with pytest.raises(FeedError) as caught:
        await task
    return caught.value


@pytest.mark.parametrize("warm", [False, True], ids=["first", "later"])
@pytest.mark.parametrize(
    ("behaviour", "reason", "details"),
    [
        (Redirect("http://127.0.0.1:1/"), FeedProblem.REDIRECTED, {}),
        (Redirect("/metadata/1.root.json"), FeedProblem.REDIRECTED, {}),
        (Status(500), FeedProblem.HTTP_STATUS, {"status": "500"}),
        (Status(403), FeedProblem.HTTP_STATUS, {"status": "403"}),
        (Status(404), FeedProblem.HTTP_STATUS, {"status": "404"}),
        (Status(204), FeedProblem.HTTP_STATUS, {"status": "204"}),
        (Cut(100), FeedProblem.UNREACHABLE, {}),
        (Endless(), FeedProblem.TOO_LARGE, {}),
        (Changed(lambda body: body + b" " * 20_000), FeedProblem.TOO_LARGE, {}),
    ],
    ids=lambda value: repr(value)[:40],
)
async def test_a_server_that_misbehaves_is_found_out(
    *,
    feed: TufFeed,
    vendor: Vendor,
    warm: bool,
    behaviour: Behaviour,
    reason: FeedProblem,
    details: dict[str, str],
) -> None:
    """No redirect is followed, and no answer read too far."""
    if warm:
        await feed.check()
    vendor.misbehave("metadata/timestamp.json", behaviour)
    vendor.requests.clear()
    error = await refusal(feed)
    assert error.reason is reason
    assert error.details == {
        "host": "127.0.0.1",
        "file": "timestamp.json",
        **details,
    }
    # Nothing was asked for behind the file that was no good.
    assert vendor.requests[-1].path == "metadata/timestamp.json"
    vendor.behave()
    assert await works(feed)


PATIENT = Limits(total=1000, file=1000, answer=1000, grace=1000, rate=0.001)


@pytest.mark.parametrize("warm", [False, True], ids=["first", "later"])
@pytest.mark.parametrize(
    ("behaviour", "limits", "seconds", "reason"),
    [
        (Silence(), Limits(), 31, FeedProblem.UNREACHABLE),
        (Drip(1, 0.01), Limits(), 11, FeedProblem.TOO_SLOW),
        # Bytes that come and come do not put off the end.
        (Drip(1, 0.01), replace(PATIENT, file=100), 101, FeedProblem.TOO_SLOW),
        (Drip(1, 0.01), replace(PATIENT, total=100), 101, FeedProblem.TOO_SLOW),
    ],
    ids=["silence", "drip", "file", "total"],
)
async def test_a_server_that_dawdles_is_given_up(
    *,
    make_feed: FeedFactory,
    vendor: Vendor,
    loop_clock: LoopClock,
    warm: bool,
    behaviour: Behaviour,
    limits: Limits,
    seconds: float,
    reason: FeedProblem,
) -> None:
    """There is a deadline for an answer, for a file and for all, and a least speed."""
    feed = make_feed(limits=limits)
    if warm:
        await feed.check()
    vendor.misbehave("metadata/timestamp.json", behaviour)
    vendor.requests.clear()
    error = await refusal_after(
        feed.check(), vendor, "metadata/timestamp.json", loop_clock, seconds
    )
    assert error.reason is reason
    assert error.details == {"host": "127.0.0.1", "file": "timestamp.json"}
    vendor.behave()
    assert await works(feed)


async def test_a_slow_server_may_be_slow_within_the_limits(
    make_feed: FeedFactory, vendor: Vendor, loop_clock: LoopClock
) -> None:
    """Somebody's line is always bad."""
    feed = make_feed(limits=replace(PATIENT, file=100))
    vendor.misbehave("metadata/timestamp.json", Drip(10, 0.001))
    check = asyncio.ensure_future(feed.check())
    await vendor.server.asked_for("metadata/timestamp.json")
    loop_clock.jump(90)
    assert len((await check).releases) == 2


async def test_many_slow_files_share_one_deadline(
    make_feed: FeedFactory, vendor: Vendor, loop_clock: LoopClock
) -> None:
    """None of them is too slow, but all together are."""
    feed = make_feed(limits=replace(PATIENT, total=250, file=240))
    vendor.misbehave("metadata/*.targets.json", Drip(1, 0.01))
    check = asyncio.ensure_future(feed.check())
    for file in ("timestamp", "4.snapshot", "4.targets"):
        await vendor.server.asked_for(f"metadata/{file}.json")
        loop_clock.jump(100)
    with pytest.raises(FeedError) as caught:
        await check
    assert caught.value.reason is FeedProblem.TOO_SLOW
    assert caught.value.details["file"] == "4.targets.json"
    vendor.behave()
    assert await works(make_feed())


async def test_a_closed_door(feed: TufFeed, vendor: Vendor) -> None:
    """A server that refuses connections is unreachable, until it comes back."""
    await feed.check()
    await vendor.stop()
    error = await refusal(feed)
    assert error.reason is FeedProblem.UNREACHABLE
    assert error.details == {"host": "127.0.0.1", "file": "2.root.json"}
    await vendor.start()
    assert await works(feed)


@pytest.mark.parametrize("file", ["2.root", "timestamp", "*.snapshot", "*.targets"])
@pytest.mark.parametrize(
    "change",
    [
        lambda _: b"",
        lambda _: b"<html>Welcome to our hotel</html>",
        lambda _: b"[]",
        lambda _: b'{"signed": ' + b"[" * 10_000,
        lambda body: body[: len(body) // 2],
        gzip.compress,
    ],
    ids=["empty", "portal", "list", "nested", "half", "compressed"],
)
async def test_garbage_is_no_metadata(
    feed: TufFeed,
    vendor: Vendor,
    file: str,
    change: Callable[[bytes], bytes],
) -> None:
    """Whatever comes in place of metadata is refused before it is looked into."""
    encoding = (("Content-Encoding", "gzip"),) if change is gzip.compress else ()
    vendor.misbehave(f"metadata/{file}.json", Changed(change, encoding))
    error = await refusal(feed)
    # The next root and the timestamp are named by nobody; the others by their hash.
    named = file in {"*.snapshot", "*.targets"}
    # Nor is anything read beyond the length that names it.
    longer = named and change(b"x" * 1000)[:1] == b"{"
    assert error.reason is (
        FeedProblem.TOO_LARGE
        if longer
        else FeedProblem.MIXED
        if named
        else FeedProblem.METADATA_INVALID
    )
    vendor.behave()
    assert await works(feed)


# The metadata.


@pytest.mark.parametrize("warm", [False, True], ids=["first", "later"])
@pytest.mark.parametrize("role", ["root", "timestamp", "snapshot", "targets"])
async def test_expired_metadata_are_refused(
    feed: TufFeed, vendor: Vendor, role: str, warm: bool
) -> None:
    """A feed that has not been signed for too long may hide what is new (freeze)."""
    if warm:
        await feed.check()
    vendor.expire(role)
    for _ in range(2):
        error = await refusal(feed)
        assert error.reason is FeedProblem.EXPIRED
        assert error.details["role"] == role
        assert error.details["expired"].startswith("20")
    vendor.renew(role)
    assert await works(feed)


async def test_metadata_expire_by_the_household_clock(
    feed: TufFeed, vendor: Vendor, clock: Clock, trust: MemoryTrust
) -> None:
    """A feed that is frozen counts as such once its timestamp has run out."""
    content = await feed.check()
    time = trust.kept.time
    clock.offset = timedelta(days=3, minutes=1)
    error = await refusal(feed)
    assert error.reason is FeedProblem.EXPIRED
    assert error.details == {
        "host": "127.0.0.1",
        "role": "timestamp",
        "expired": content.expires_at.isoformat(),
    }
    # A time at which nothing is fresh may be a wrong one: it is not learnt.
    assert trust.kept.time == time
    clock.offset = timedelta()
    assert await works(feed)


@pytest.mark.parametrize("warm", [False, True], ids=["first", "later"])
@pytest.mark.parametrize("enough", ["none", "one", "stranger"])
@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
async def test_unsigned_metadata_are_refused(
    feed: TufFeed, vendor: Vendor, role: str, enough: str, warm: bool
) -> None:
    """Every role needs its own keys, and the targets both of theirs."""
    if warm:
        await feed.check()
    signers = vendor.signers(role)
    signed_by = {
        "none": [],
        "one": signers[: len(signers) - 1],
        "stranger": [*signers[1:], new_signer()],
    }[enough]
    vendor.renew(role, signed_by=signed_by)
    error = await refusal(feed)
    assert error.reason is FeedProblem.UNSIGNED
    assert error.details == {"host": "127.0.0.1", "role": role}
    vendor.renew(role)
    assert await works(feed)


@pytest.mark.parametrize("file", ["timestamp", "4.snapshot", "4.targets"])
async def test_a_flipped_bit_is_noticed(
    feed: TufFeed, vendor: Vendor, file: str
) -> None:
    """In transit or on the server."""
    vendor.misbehave(
        f"metadata/{file}.json",
        Changed(lambda body: body.replace(b'"version":4', b'"version":5')),
    )
    error = await refusal(feed)
    assert error.reason is (
        FeedProblem.UNSIGNED if file == "timestamp" else FeedProblem.MIXED
    )
    vendor.behave()
    assert await works(feed)


@pytest.mark.parametrize("signatures", [0, 1, 2])
async def test_a_root_that_too_few_have_signed_is_refused(
    feed: TufFeed, vendor: Vendor, signatures: int
) -> None:
    """Two of the old keys and two of the new ones must agree to a new root."""
    await feed.check()
    vendor.rotate("root")
    # The first three signatures are those of the old keys.
    vendor.strip("metadata/2.root.json", signatures)
    error = await refusal(feed)
    assert error.reason is FeedProblem.UNSIGNED
    assert error.details == {"host": "127.0.0.1", "role": "root"}
    vendor.behave()
    assert await works(feed)


async def test_another_vendors_root_is_refused(
    make_feed: FeedFactory, vendor: Vendor
) -> None:
    """Who has not been pinned is nobody, however well he signs."""
    stranger = Vendor()
    error = await refusal(make_feed(root=stranger.root))
    assert error.reason is FeedProblem.UNSIGNED
    assert await works(make_feed())


async def test_a_pinned_root_that_is_damaged(
    make_feed: FeedFactory, vendor: Vendor
) -> None:
    """Storage may spoil what the owner has pinned."""
    for root in (b"", flip(vendor.root)):
        error = await refusal(make_feed(root=root))
        assert error.reason is FeedProblem.ROOT_INVALID
        assert error.details == {"problem": "it does not prove itself"}
    assert await works(make_feed())


@pytest.mark.parametrize("lose_cache", [False, True], ids=["cached", "cache deleted"])
@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
async def test_old_metadata_are_not_taken_again(
    *,
    feed: TufFeed,
    vendor: Vendor,
    role: str,
    lose_cache: bool,
    cache: Path,
    trust: MemoryTrust,
) -> None:
    """Not even if the cache is gone: the floors lie elsewhere (rollback)."""
    old = vendor.keep()
    vendor.renew(role)
    await feed.check()
    floor = trust.kept.feeds["acme"]
    vendor.replay(old)
    if lose_cache:
        shutil.rmtree(cache)
    error = await refusal(feed)
    assert error.reason is FeedProblem.ROLLED_BACK
    assert error.details == {"host": "127.0.0.1", "role": "timestamp"}
    assert trust.kept.feeds["acme"] == floor
    vendor.behave()
    assert await works(feed)


@pytest.mark.parametrize("lose_cache", [False, True], ids=["cached", "cache deleted"])
async def test_a_new_snapshot_cannot_bring_old_targets_back(
    feed: TufFeed, vendor: Vendor, lose_cache: bool, cache: Path
) -> None:
    """A thief of the online keys signs for what the vendor has replaced."""
    vendor.renew()
    await feed.check()
    vendor.jump("targets", -2)
    if lose_cache:
        shutil.rmtree(cache)
    error = await refusal(feed)
    assert error.reason is FeedProblem.ROLLED_BACK
    assert error.details["role"] == ("targets" if lose_cache else "snapshot")
    vendor.jump("targets", 2)
    assert await works(feed)


async def test_a_restored_cache_does_not_bring_old_metadata_back(
    feed: TufFeed, vendor: Vendor, cache: Path, tmp_path: Path
) -> None:
    """As after a backup from before the update."""
    old = vendor.keep()
    await feed.check()
    shutil.copytree(cache, tmp_path / "backup", symlinks=True)
    vendor.release("acme/nd-100/1.2.0.zip", b"firmware", version="1.2.0")
    await feed.check()
    shutil.rmtree(cache)
    shutil.copytree(tmp_path / "backup", cache, symlinks=True)
    vendor.replay(old)
    assert (await refusal(feed)).reason is FeedProblem.ROLLED_BACK
    vendor.behave()
    assert len((await feed.check()).releases) == 3


async def test_a_root_that_was_replaced_is_not_taken_again(
    feed: TufFeed, vendor: Vendor, cache: Path
) -> None:
    """A thief of the old timestamp key hides the root that has revoked it."""
    old = vendor.keep()
    vendor.rotate("timestamp")
    await feed.check()
    shutil.rmtree(cache)
    vendor.replay(old)
    error = await refusal(feed)
    assert error.reason is FeedProblem.ROLLED_BACK
    assert error.details["role"] == "root"
    vendor.behave()
    assert await works(feed)


async def test_an_old_root_under_a_new_name_is_refused(
    feed: TufFeed, vendor: Vendor
) -> None:
    """The chain of roots goes up by one."""
    vendor.overlay["metadata/2.root.json"] = vendor.root
    error = await refusal(feed)
    assert error.reason is FeedProblem.ROLLED_BACK
    assert error.details["role"] == "root"
    vendor.behave()
    assert await works(feed)


@pytest.mark.parametrize("role", ["timestamp", "snapshot"])
async def test_a_vendor_recovers_from_absurdly_high_versions(
    feed: TufFeed, vendor: Vendor, role: str, cache: Path, trust: MemoryTrust
) -> None:
    """A thief has signed a huge version; new keys for the role end it (fast-forward)."""
    honest = vendor.keep()
    await feed.check()
    vendor.jump(role, 1_000_000)
    await feed.check()
    assert getattr(trust.kept.feeds["acme"], role).version > 1_000_000
    vendor.replay(honest)
    assert (await refusal(feed)).reason is FeedProblem.ROLLED_BACK
    vendor.behave()
    vendor.jump(role, -1_000_000)
    # The snapshot's version is in the timestamp, so that one needs new keys, too.
    for rotated in ("snapshot", "timestamp"):
        vendor.rotate(rotated)
    assert await works(feed)
    assert getattr(trust.kept.feeds["acme"], role).version < 1000
    shutil.rmtree(cache)
    assert await works(feed)


@pytest.mark.parametrize("lists_hashes", [True, False])
@pytest.mark.parametrize("role", ["snapshot", "targets"])
async def test_metadata_that_do_not_belong_together_are_refused(
    socket_enabled: None,
    make_feed: FeedFactory,
    role: str,
    lists_hashes: bool,
) -> None:
    """Each file is genuine, but not of this moment (mix and match)."""
    vendor = Vendor(lists_hashes=lists_hashes)
    vendor.release(ONE, b"one", version="1.0.0")
    vendor.release(TWO, b"two", version="1.1.0")
    vendor.overlay[f"metadata/4.{role}.json"] = vendor.keep().files[
        f"metadata/3.{role}.json"
    ]
    vendor.renew()
    await vendor.start()
    feed = make_feed(url=vendor.url, root=vendor.root, pinned_keys=None)
    del vendor.overlay[f"metadata/4.{role}.json"]
    vendor.overlay[f"metadata/5.{role}.json"] = vendor.keep().files[
        f"metadata/4.{role}.json"
    ]
    error = await refusal(feed)
    assert error.reason is FeedProblem.MIXED
    assert error.details == {"host": "127.0.0.1", "role": role}
    vendor.behave()
    assert await works(feed)
    await vendor.stop()


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
async def test_more_keys_than_can_be_kept_are_not_followed(
    feed: TufFeed, vendor: Vendor, role: str, trust: MemoryTrust
) -> None:
    """They stay with the floors for ever, and the vault's ledger has no room for them."""
    await feed.check()
    floor = trust.kept.feeds["acme"]
    vendor._role("root").signed.roles[role].keyids += [
        f"{number:064x}" for number in range(1_000)
    ]
    vendor.renew("root")
    error = await refusal(feed)
    assert error.reason is FeedProblem.METADATA_INVALID
    assert trust.kept.feeds["acme"] == floor


@pytest.mark.parametrize("role", ["timestamp", "snapshot", "targets"])
async def test_a_version_that_cannot_be_kept_is_not_followed(
    feed: TufFeed, vendor: Vendor, role: str, trust: MemoryTrust
) -> None:
    """Nothing could ever be newer; it is forgotten, so that the vendor's next one is."""
    honest = vendor.keep()
    await feed.check()
    floor = trust.kept.feeds["acme"]
    vendor.jump(role, 2**63)
    error = await refusal(feed)
    assert error.reason is FeedProblem.VERSION_TOO_HIGH
    assert error.details == {"host": "127.0.0.1", "role": role}
    assert trust.kept.feeds["acme"] == floor
    vendor.replay(honest)
    assert await works(feed)


@pytest.mark.parametrize("allowed", [3, 2])
async def test_only_so_many_roles_may_sign_for_targets(
    make_feed: FeedFactory, vendor: Vendor, allowed: int
) -> None:
    """More are not even asked for."""
    vendor.delegate("line-one", ["acme/line-one/*"])
    vendor.delegate("line-two", ["acme/line-two/*"])
    vendor.release("acme/line-two/3.0.zip", b"two", version="3.0", role="line-two")
    feed = make_feed(limits=Limits(roles=allowed))
    if allowed == 3:
        assert len((await feed.check()).releases) == 3
        return
    error = await refusal(feed)
    assert error.reason is FeedProblem.TOO_MANY_ROLES
    assert error.details == {"host": "127.0.0.1", "roles": "3", "limit": "2"}
    assert not [each for each in vendor.requests if "line-" in each.path]


async def test_as_many_roles_as_are_allowed_are_followed(
    make_feed: FeedFactory, vendor: Vendor
) -> None:
    """Also where that is more than tuf would follow by itself."""
    for number in range(33):
        vendor.delegate(f"role-{number}", [f"*/role-{number}/*", "acme/last/*"])
        delegations = vendor._targets.signed.delegations
        assert delegations is not None
        assert delegations.roles is not None
        # It decides about nothing, so that all who come after it are asked as well.
        delegations.roles[f"role-{number}"].terminating = False
    vendor.release("acme/last/3.0.zip", b"last", version="3.0", role="role-32")
    feed = make_feed(limits=Limits(roles=34))
    assert len((await feed.check()).releases) == 3


@pytest.mark.parametrize("refused", [False, True], ids=["good", "refused"])
async def test_a_cache_that_is_too_full_is_emptied(
    make_feed: FeedFactory, vendor: Vendor, cache: Path, refused: bool
) -> None:
    """Whether what comes now is good or not: the next look begins anew."""
    assert await works(make_feed())
    if refused:
        vendor.misbehave("metadata/timestamp.json", Status(500))
    limits = Limits(metadata=len(vendor.keep().files["metadata/timestamp.json"]))
    error = await refusal(make_feed(limits=limits))
    assert names_in(cache) == ["checked_at"]
    if refused:
        assert error.reason is FeedProblem.HTTP_STATUS
    else:
        assert error.reason is FeedProblem.TOO_MUCH
        assert error.details == {
            "host": "127.0.0.1",
            "file": "timestamp.json",
            "limit": "0",
        }
    vendor.behave()
    assert await works(make_feed())


# The household's side.


@pytest.mark.parametrize("back", [timedelta(minutes=6), timedelta(days=20_000)])
async def test_a_clock_that_was_set_back_is_noticed(
    feed: TufFeed, vendor: Vendor, clock: Clock, back: timedelta
) -> None:
    """At the wrong time old metadata would look fresh."""
    await feed.check()
    vendor.requests.clear()
    clock.offset = -back
    error = await refusal(feed)
    assert error.reason is FeedProblem.CLOCK_WENT_BACK
    told = (datetime.fromisoformat(error.details[key]) for key in ("now", "trusted"))
    assert next(told) < next(told) - timedelta(minutes=5)
    assert vendor.requests == []
    clock.offset = timedelta()
    assert await works(feed)


async def test_a_check_counts_after_the_time_was_put_right(
    feed: TufFeed, trust: MemoryTrust
) -> None:
    """From then on as before; one that was begun by the old time does not."""
    trust.kept = Trust(time_resets=2)
    await feed.check()
    assert trust.kept.time is not None
    assert trust.kept.time_resets == 2


async def test_a_clock_may_be_corrected_a_little(feed: TufFeed, clock: Clock) -> None:
    """Time servers do that."""
    await feed.check()
    clock.offset = -timedelta(minutes=4)
    assert await works(feed)


async def test_a_cache_that_cannot_be_written(
    feed: TufFeed, vendor: Vendor, cache: Path
) -> None:
    """There is a file where the directory should be."""
    blocker = block(cache)
    error = await refusal(feed)
    assert error.reason is FeedProblem.STORAGE
    assert error.details == {"problem": "Not a directory"}
    blocker.unlink()
    assert await works(feed)


async def test_a_cache_that_a_power_cut_has_emptied(
    feed: TufFeed, vendor: Vendor, cache: Path
) -> None:
    """It heals by itself."""
    vendor.rotate("root")
    await feed.check()
    empty_all_files(cache)
    assert await works(feed)


@pytest.mark.parametrize(
    ("failure", "problem"),
    [
        (OSError(28, "No space left on device"), "No space left on device"),
        (BlockingIOError(), "BlockingIOError"),
    ],
)
async def test_floors_that_cannot_be_kept(
    *,
    feed: TufFeed,
    vendor: Vendor,
    trust: MemoryTrust,
    failure: OSError,
    problem: str,
) -> None:
    """What cannot be remembered must not be relied on."""
    trust.failure = failure
    error = await refusal(feed)
    assert error.reason is FeedProblem.STORAGE
    assert error.details == {"problem": problem}
    trust.failure = None
    assert await works(feed)


async def ends_when_cancelled(task: asyncio.Task[Any]) -> bool:
    """Return whether a task ends at once, long before a deadline would end it."""
    task.cancel()
    await asyncio.wait([task], timeout=5)
    return task.cancelled()


@pytest.mark.parametrize("behaviour", [Silence(), Drip(1, 0.01)])
async def test_a_check_can_be_cancelled(
    feed: TufFeed, vendor: Vendor, behaviour: Behaviour
) -> None:
    """It ends at once and leaves nothing behind that would hold up the next one."""
    vendor.misbehave("metadata/timestamp.json", behaviour)
    check = asyncio.create_task(feed.check())
    await vendor.server.asked_for("metadata/timestamp.json")
    assert await ends_when_cancelled(check)
    vendor.behave()
    assert await works(feed)


async def test_a_check_that_waits_for_another_one_can_be_cancelled(
    feed: TufFeed, vendor: Vendor
) -> None:
    """The one that runs goes on."""
    vendor.misbehave("metadata/timestamp.json", Drip(500, 0.05))
    running = asyncio.create_task(feed.check())
    await vendor.server.asked_for("metadata/timestamp.json")
    waiting = asyncio.create_task(feed.check())
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert len((await running).releases) == 2


async def test_a_feed_that_is_forgotten_leaves_nothing(
    feed: TufFeed, vendor: Vendor, cache: Path, tmp_path: Path
) -> None:
    """But it may be asked again; nor is it an error to forget what left nothing."""
    await feed.forget()
    await feed.check()
    assert names_in(tmp_path) == [cache.name]
    await feed.forget()
    assert names_in(tmp_path) == []
    assert await works(feed)


@pytest.mark.parametrize("behaviour", [Silence(), Drip(1, 0.01)])
async def test_a_feed_can_be_forgotten_in_the_middle_of_a_check(
    feed: TufFeed, vendor: Vendor, tmp_path: Path, behaviour: Behaviour
) -> None:
    """The check ends first, so that it writes nothing afterwards."""
    vendor.misbehave("metadata/timestamp.json", behaviour)
    check = asyncio.create_task(feed.check())
    await vendor.server.asked_for("metadata/timestamp.json")
    async with asyncio.timeout(5):
        await feed.forget()
        with pytest.raises(FeedError) as caught:
            await check
    assert caught.value.reason is FeedProblem.UNREACHABLE
    assert caught.value.details["file"] == "timestamp.json"
    assert names_in(tmp_path) == []
    vendor.behave()
    assert await works(feed)


# The artifact.


@pytest.mark.parametrize(
    ("behaviour", "reason"),
    [
        (Changed(flip), FeedProblem.ARTIFACT_MISMATCH),
        (Changed(lambda body: body[:-1]), FeedProblem.ARTIFACT_MISMATCH),
        (Changed(lambda _: b""), FeedProblem.ARTIFACT_MISMATCH),
        (Changed(lambda body: body + b"x"), FeedProblem.TOO_LARGE),
        (Endless(), FeedProblem.TOO_LARGE),
        (Cut(1000), FeedProblem.UNREACHABLE),
        (Redirect("/elsewhere"), FeedProblem.REDIRECTED),
        (Status(404), FeedProblem.HTTP_STATUS),
        (Status(503), FeedProblem.HTTP_STATUS),
    ],
    ids=[
        "altered",
        "cut",
        "empty",
        "extended",
        "endless",
        "broken-off",
        "redirected",
        "not-found",
        "unavailable",
    ],
)
async def test_an_artifact_that_is_not_what_was_promised(
    feed: TufFeed,
    vendor: Vendor,
    cache: Path,
    behaviour: Behaviour,
    reason: FeedProblem,
) -> None:
    """It is refused, nothing of it stays, and later the good one is fetched."""
    release = (await feed.check()).releases[1]
    vendor.misbehave("targets/*", behaviour)
    with pytest.raises(FeedError) as caught:
        await feed.fetch(release)
    assert caught.value.reason is reason
    if reason is FeedProblem.ARTIFACT_MISMATCH:
        assert caught.value.details == {"path": TWO}
    assert names_in(cache) == ["checked_at", "metadata"]
    vendor.behave()
    assert await feed.fetch(release) == FIRMWARE_TWO


@pytest.mark.parametrize(
    ("behaviour", "seconds", "reason"),
    [
        (Silence(), 31, FeedProblem.UNREACHABLE),
        (Drip(1, 0.01), 11, FeedProblem.TOO_SLOW),
    ],
)
async def test_an_artifact_that_does_not_come(
    *,
    feed: TufFeed,
    vendor: Vendor,
    cache: Path,
    loop_clock: LoopClock,
    behaviour: Behaviour,
    seconds: float,
    reason: FeedProblem,
) -> None:
    """It is not waited for without end."""
    release = (await feed.check()).releases[1]
    vendor.misbehave("targets/*", behaviour)
    error = await refusal_after(
        feed.fetch(release), vendor, vendor.artifact_path(TWO), loop_clock, seconds
    )
    assert error.reason is reason
    assert names_in(cache) == ["checked_at", "metadata"]
    vendor.behave()
    assert await feed.fetch(release) == FIRMWARE_TWO


async def test_an_artifact_that_the_disk_has_changed(
    feed: TufFeed, vendor: Vendor, cache: Path
) -> None:
    """The bytes are looked at once more after the disk has had them."""
    release = (await feed.check()).releases[1]
    (cache / "artifact").symlink_to("/dev/null")
    with pytest.raises(FeedError) as caught:
        await feed.fetch(release)
    assert caught.value.reason is FeedProblem.ARTIFACT_MISMATCH
    assert await feed.fetch(release) == FIRMWARE_TWO


async def test_a_release_that_was_withdrawn_in_the_meantime(
    feed: TufFeed, vendor: Vendor
) -> None:
    """A vendor who calls a release back is heard at the last moment."""
    one, two = (await feed.check()).releases
    vendor.withdraw(TWO)
    vendor.requests.clear()
    with pytest.raises(FeedError) as caught:
        await feed.fetch(two)
    assert caught.value.reason is FeedProblem.RELEASE_WITHDRAWN
    assert caught.value.details == {"path": TWO}
    assert not any(request.path.startswith("targets") for request in vendor.requests)
    await feed.fetch(one)


@pytest.mark.parametrize(
    "change",
    [
        lambda vendor: vendor.replace(TWO, b"other firmware"),
        lambda vendor: vendor.amend(TWO, minimum_battery=80),
        lambda vendor: vendor.amend(TWO, security_version=1),
        lambda vendor: vendor.amend(TWO, unheard_of=True),
        lambda vendor: vendor.amend(TWO, version="2.0.0"),
        lambda vendor: vendor.amend(TWO, version="nonsense"),
        lambda vendor: vendor.amend(TWO, schema=3),
    ],
    ids=["file", "field", "floor", "unknown", "version", "invalid", "schema"],
)
async def test_a_release_that_was_changed_in_the_meantime(
    feed: TufFeed, vendor: Vendor, change: Callable[[Vendor], None]
) -> None:
    """What was approved is what is fetched, or nothing is."""
    release = (await feed.check()).releases[1]
    change(vendor)
    with pytest.raises(FeedError) as caught:
        await feed.fetch(release)
    assert caught.value.reason is FeedProblem.RELEASE_CHANGED
    assert caught.value.details == {"path": TWO}


async def test_a_release_that_is_let_out_further_is_the_same_one(
    feed: TufFeed, vendor: Vendor
) -> None:
    """Who has begun with it need not begin anew."""
    vendor.amend(TWO, schema=2, rollout={"percent": 5})
    release = (await feed.check()).releases[1]
    vendor.amend(TWO, rollout={"percent": 50})
    assert await feed.fetch(release) == FIRMWARE_TWO
    vendor.amend(TWO, schema=1, rollout=None)
    assert await feed.fetch(release) == FIRMWARE_TWO


async def test_a_release_that_was_halted_in_the_meantime(
    feed: TufFeed, vendor: Vendor
) -> None:
    """A halt is heard at the last moment; nothing of it is fetched."""
    release = (await feed.check()).releases[1]
    vendor.amend(TWO, schema=2, halted={"reason": "It drains batteries."})
    vendor.requests.clear()
    with pytest.raises(FeedError) as caught:
        await feed.fetch(release)
    assert caught.value.reason is FeedProblem.RELEASE_HALTED
    assert caught.value.details == {"path": TWO, "why": "It drains batteries"}
    assert not any(request.path.startswith("targets") for request in vendor.requests)
    # Who has approved it though another feed, which is gone, had halted it: knows of that.
    approved = replace(release, halted=Halt(feed_gone=True))
    with pytest.raises(FeedError) as caught:
        await feed.fetch(approved)
    assert caught.value.reason is FeedProblem.RELEASE_HALTED
    # Half of it in a lock would be worse.
    assert await feed.fetch(release, begun=True) == FIRMWARE_TWO
    vendor.amend(TWO, schema=1, halted=None)
    assert await feed.fetch(release) == FIRMWARE_TWO


async def test_a_fetch_can_be_cancelled(
    feed: TufFeed, vendor: Vendor, cache: Path
) -> None:
    """Half an artifact does not stay."""
    release = (await feed.check()).releases[1]
    vendor.misbehave("targets/*", Drip(100, 0.01))
    fetch = asyncio.create_task(feed.fetch(release))
    await vendor.server.asked_for(vendor.artifact_path(TWO))
    assert await ends_when_cancelled(fetch)
    assert names_in(cache) == ["checked_at", "metadata"]
    vendor.behave()
    assert await feed.fetch(release) == FIRMWARE_TWO


def block(directory: Path) -> Path:
    """Put a file where a directory should be made."""
    directory.write_bytes(b"")
    return directory


def empty_all_files(directory: Path) -> None:
    """Leave the names, but not the bytes."""
    for path in directory.rglob("*"):
        if path.is_file():
            path.write_bytes(b"")
