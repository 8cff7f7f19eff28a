"""Preflight: does the way to the lock carry a transfer."""

from .base import Check, Family, Reason, Verdict, passed
from .situation import Situation

# Receivers of locks and proxies work down to about -95 dBm; ten decibels above that a
# packet in ten is still lost, and a transfer takes several times as long.
WEAKEST_SIGNAL = -85
# A radio in the house between two floors: it works, with losses.
_WEAK_SIGNAL = -80


def check_signal(situation: Situation) -> Check:
    """Check that the lock is heard, and well enough.

    A lock to which somebody holds the only connection does not advertise, and works.
    """
    radio = situation.radio
    limit = f"{WEAKEST_SIGNAL} dBm"
    if not radio.heard and radio.reached_by is not None:
        if situation.identity_at >= situation.now:
            # It has just told what it is.
            return passed(Family.RADIO, "signal", limit=limit)
        return Check(
            family=Family.RADIO,
            rule="signal",
            verdict=Verdict.BLOCKER,
            reason=Reason.HELD_ELSEWHERE,
            measured=radio.always_connected or radio.reached_by,
            limit=limit,
        )
    if not radio.heard:
        return Check(
            family=Family.RADIO,
            rule="signal",
            verdict=Verdict.BLOCKER,
            reason=Reason.NOT_HEARD,
            limit=limit,
        )
    measured = None if radio.rssi is None else f"{radio.rssi} dBm"
    if radio.rssi is None or radio.rssi >= _WEAK_SIGNAL:
        return passed(Family.RADIO, "signal", measured=measured, limit=limit)
    return Check(
        family=Family.RADIO,
        rule="signal",
        verdict=(
            Verdict.BLOCKER
            if situation.unattended and radio.rssi < WEAKEST_SIGNAL
            else Verdict.WARNING
        ),
        reason=Reason.WEAK_SIGNAL,
        measured=measured,
        limit=limit,
    )


def check_slot(situation: Situation) -> Check:
    """Check that a radio which hears the lock has a connection to spare."""
    slots = situation.radio.free_slots
    if slots is None or slots > 0:
        return passed(
            Family.RADIO,
            "slot",
            measured=None if slots is None else str(slots),
            limit="1",
        )
    return Check(
        family=Family.RADIO,
        rule="slot",
        verdict=Verdict.BLOCKER,
        reason=Reason.NO_SLOT,
        measured="0",
        limit="1",
    )


def check_let_go(situation: Situation) -> Check:
    """Check that nobody has just made us let go of it for its maker's app."""
    # Whatever the clock says: as long as it is so, nothing connects to it.
    if situation.let_go_until is None:
        return passed(Family.RADIO, "let_go")
    return Check(
        family=Family.RADIO,
        rule="let_go",
        verdict=Verdict.BLOCKER,
        reason=Reason.LET_GO,
    )


def check_pairing(situation: Situation) -> Check:
    """Check that what the lock is paired with hears it: it may refuse all others.

    A person who is at the lock can pair it anew, at night nobody can.
    """
    radio = situation.radio
    if radio.paired_with is None or radio.pair_heard or not radio.heard:
        return passed(Family.RADIO, "pairing", measured=radio.paired_with)
    return Check(
        family=Family.RADIO,
        rule="pairing",
        verdict=Verdict.BLOCKER if situation.unattended else Verdict.WARNING,
        reason=Reason.PAIRED_ELSEWHERE,
        measured=radio.paired_with,
    )


def check_connection(situation: Situation) -> Check:
    """Check that nobody is set to hold the lock's only connection for ever.

    One that has let go just now takes it again, at the latest when the lock has restarted
    and has to be asked what it runs. A person sees that, at night nobody does.
    """
    radio = situation.radio
    held_now = check_signal(situation).reason is Reason.HELD_ELSEWHERE
    if radio.always_connected is None or held_now:
        return passed(Family.RADIO, "connection")
    return Check(
        family=Family.RADIO,
        rule="connection",
        verdict=Verdict.BLOCKER if situation.unattended else Verdict.WARNING,
        reason=Reason.ALWAYS_CONNECTED,
        measured=radio.always_connected,
    )
