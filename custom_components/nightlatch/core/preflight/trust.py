"""Preflight: can the feed and the release be relied upon, now.

The feed is asked again just before a transfer, when the artifact is fetched; here it is
what was heard last.
"""

from datetime import timedelta

from ..feeds.public_index import Contradiction
from ..model import Evidence
from ..moments import age
from .base import Check, Family, Reason, Verdict, passed
from .situation import Situation

# Twice the interval at which feeds are asked.
MAX_AGE = timedelta(hours=24)
_CONTRADICTIONS = {
    Contradiction.RECALLED: Reason.INDEX_RECALLED,
    Contradiction.NOT_APPLICABLE: Reason.INDEX_NOT_APPLICABLE,
    Contradiction.OTHER_HARDWARE: Reason.INDEX_OTHER_HARDWARE,
    Contradiction.OTHER_MODEL: Reason.INDEX_OTHER_MODEL,
    Contradiction.OTHER_IMAGE: Reason.INDEX_OTHER_IMAGE,
    Contradiction.DOWNGRADE: Reason.INDEX_DOWNGRADE,
}


def check_feed(situation: Situation) -> Check:
    """Check that the feed was heard not long ago, and is neither wrong nor expired."""
    feed, now = situation.feed, situation.now
    limit = f"{MAX_AGE // timedelta(hours=1)} h"

    def blocked(reason: Reason, measured: str | None = None) -> Check:
        return Check(
            family=Family.TRUST,
            rule="feed",
            verdict=Verdict.BLOCKER,
            reason=reason,
            measured=measured,
            limit=limit,
        )

    if feed.trouble is not None:
        return blocked(Reason.FEED_IN_TROUBLE, feed.trouble)
    if feed.checked_at is None:
        return blocked(Reason.FEED_NOT_ASKED)
    if feed.expires_at is None or feed.expires_at <= now:
        return blocked(Reason.FEED_EXPIRED)
    known = age(feed.checked_at, now)
    if known is None:
        return blocked(Reason.FEED_NOT_ASKED)
    measured = f"{known // timedelta(hours=1)} h"
    if known > MAX_AGE:
        return blocked(Reason.FEED_NOT_ASKED, measured)
    return passed(Family.TRUST, "feed", measured=measured, limit=limit)


def check_offered(situation: Situation) -> Check:
    """Check that the vendor has not taken the release back."""
    if situation.feed.offers_release:
        return passed(Family.TRUST, "offered")
    return Check(
        family=Family.TRUST,
        rule="offered",
        verdict=Verdict.BLOCKER,
        reason=Reason.WITHDRAWN,
        measured=situation.release.version.text,
    )


def check_halted(situation: Situation) -> Check:
    """Check that who signs it has not halted the release; nobody here knows better.

    Where the feed that said so is gone, an administrator may, who has been told of it.
    """
    release, halt = situation.release, situation.release.halted

    def halted(reason: Reason, **details: str) -> Check:
        return Check(
            family=Family.TRUST,
            rule="halted",
            verdict=Verdict.BLOCKER,
            reason=reason,
            measured=release.version.text,
            details=details,
        )

    if halt is not None and halt.feed_gone:
        return halted(Reason.HALTED_BY_GONE_FEED)
    if halt is not None and halt.keeper is not None:
        return halted(Reason.HALTED_BY_KEEPER, why=halt.why, keeper=halt.keeper)
    if halt is not None:
        return halted(Reason.HALTED, why=halt.why)
    if situation.feed.unheard is not None:
        return Check(
            family=Family.TRUST,
            rule="halted",
            verdict=Verdict.WARNING,
            reason=Reason.HALT_UNHEARD,
            measured=situation.feed.unheard,
            limit=release.version.text,
        )
    return passed(Family.TRUST, "halted")


def check_proofs(situation: Situation) -> Check:
    """Check that both proofs can be had: the feed's, and the artifact's own.

    What another integration installs, Nightlatch cannot prove; it says so.
    """
    release = situation.release
    if release.payload is None:
        if release.evidence is not Evidence.NOTHING_KNOWN:
            return passed(Family.TRUST, "proofs", measured=release.evidence)
        return Check(
            family=Family.TRUST,
            rule="proofs",
            verdict=Verdict.WARNING,
            reason=Reason.NO_PROOF,
            measured=release.evidence,
            limit=release.version.text,
        )
    if situation.feed.key_pinned:
        return passed(Family.TRUST, "proofs")
    return Check(
        family=Family.TRUST,
        rule="proofs",
        verdict=Verdict.BLOCKER,
        reason=Reason.NO_FIRMWARE_KEY,
    )


def check_keeper(situation: Situation) -> Check:
    """Check what says that the maker has made it, where a keeper has signed for it.

    Of another signer than what the lock runs it is refused, as a file is. With nothing to
    compare it takes an approval, which is asked for elsewhere; see ``policy_for``.
    """
    release = situation.release
    if release.keeper is None:
        return passed(Family.TRUST, "keeper")
    if situation.feed.other_signer:
        return Check(
            family=Family.TRUST,
            rule="keeper",
            verdict=Verdict.BLOCKER,
            reason=Reason.KEEPER_OTHER_SIGNER,
            measured=release.evidence,
            limit=release.version.text,
            details={"keeper": release.keeper},
        )
    if not release.rests_on_keeper:
        return passed(Family.TRUST, "keeper", measured=release.evidence)
    return Check(
        family=Family.TRUST,
        rule="keeper",
        verdict=Verdict.WARNING,
        reason=Reason.KEEPER_ALONE,
        measured=release.evidence,
        limit=release.version.text,
        details={"keeper": release.keeper, "maker": release.vendor},
    )


def check_index(situation: Situation) -> Check:
    """Check that no public index says that this release is not for this lock."""
    contradiction = situation.feed.contradiction
    if contradiction is None:
        return passed(Family.TRUST, "index")
    return Check(
        family=Family.TRUST,
        rule="index",
        verdict=Verdict.BLOCKER,
        reason=_CONTRADICTIONS[contradiction],
        measured=situation.identity.firmware_version,
        limit=situation.release.version.text,
    )
