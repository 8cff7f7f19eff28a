"""Which settings of a lock are settings, and which of them may be set back.

Nothing here ever moves a bolt: what does, or might, is not set, and what only makes the
lock do something is no setting at all.
"""

from enum import StrEnum

from .redaction import Seen, SettingKind, words_of

_MAKES_IT_ACT = frozenset(
    {
        "calibrate",
        "exclusion",
        "factory",
        "firmware",
        "identify",
        "inclusion",
        "ota",
        "pair",
        "pairing",
        "reboot",
        "recalibrate",
        "reset",
        "restart",
        "unpair",
        "unpairing",
        "update",
        "upgrade",
    }
)
_BOLT = frozenset(
    {
        "bolt",
        "deadbolt",
        "latch",
        "lock",
        "nightlatch",
        "open",
        "opener",
        "strike",
        "unlatch",
        "unlock",
    }
)
# What is said beside it without saying anything else.
_FILLERS = frozenset(
    {
        "a",
        "back",
        "control",
        "door",
        "front",
        "main",
        "state",
        "status",
        "switch",
        "the",
    }
)
# What keeps the bolt back as long as it holds.
_HOLDS_OPEN = frozenset({"passage", "position", "unlatch", "unlatched", "unlatching"})
_PLACES = frozenset(
    {
        "lock",
        "locked",
        "open",
        "opened",
        "passage",
        "secured",
        "unlatch",
        "unlatched",
        "unlock",
        "unlocked",
        "unsecured",
    }
)
_BY_ITSELF = frozenset({"auto", "autolock", "automatic", "automatically"})
# What is operated has no such words in its name.
_CONFIGURES = _BY_ITSELF | frozenset(
    {
        "beep",
        "child",
        "delay",
        "duration",
        "keypad",
        "language",
        "led",
        "length",
        "level",
        "limit",
        "mode",
        "mute",
        "night",
        "notification",
        "notifications",
        "privacy",
        "relock",
        "sensitivity",
        "sound",
        "time",
        "timeout",
        "usage",
        "vacation",
        "volume",
    }
)


class WhyNot(StrEnum):
    """Why a setting was not, or cannot be, set back."""

    # As long as it is that setting.
    SECRET = "secret"  # noqa: S105
    """What it was is not kept."""
    SEEN_ONLY = "seen_only"
    """The lock shows it, and there is no way to set it."""
    CODES = "codes"
    """Codes are not kept; only a person can enter them again."""
    MOVES_BOLT = "moves_bolt"
    """Setting it might move the bolt."""
    # For now.
    GONE = "gone"
    UNAVAILABLE = "unavailable"
    NOT_AN_OPTION = "not_an_option"
    OUT_OF_RANGE = "out_of_range"
    OTHER_UNIT = "other_unit"
    REFUSED = "refused"
    """The lock, or the integration that knows it, said no."""
    NOT_CONFIRMED = "not_confirmed"
    """It was set, and the lock does not show it."""
    INTERRUPTED = "interrupted"
    """There was no time for it any more, or something else had to be done."""


def is_setting(kind: SettingKind, *names: str) -> bool:
    """Return whether something that can be set is a setting.

    ``names`` are its own, without those of its device. A switch without a name is what
    its device is for, and with a lock that is the bolt.
    """
    words = _words(*names)
    if kind in {SettingKind.CODE_SLOTS, SettingKind.FLAG}:
        return True
    if words & _MAKES_IT_ACT and not words & _BY_ITSELF:
        return False
    if kind in {SettingKind.SWITCH, SettingKind.SELECT}:
        return not words <= _BOLT | _FILLERS
    return True


def may_move_bolt(seen: Seen) -> bool:
    """Return whether setting it to what it was might move the bolt, or hold it back."""
    words = _words(seen.name, *seen.labels)
    if words & _BY_ITSELF:
        return False
    if words & _HOLDS_OPEN or {"hold", "open"} <= words:
        return True
    if (
        seen.kind in {SettingKind.SELECT, SettingKind.SWITCH}
        and not seen.configures
        and not words & _CONFIGURES
    ):
        # A relay on the same device, in whatever language.
        return True
    # "On" of a parameter says nothing; "Passage" does.
    choices = _words(seen.shown or "")
    if seen.kind is SettingKind.SELECT:
        choices |= _words(seen.value or "")
    return bool(choices & _PLACES)


def fixed_reason(seen: Seen, *, secret: bool) -> WhyNot | None:
    """Return why a setting can never be set back; None where it may be."""
    if seen.kind is SettingKind.CODE_SLOTS:
        return WhyNot.CODES
    if seen.kind is SettingKind.FLAG or not seen.writable:
        return WhyNot.SEEN_ONLY
    if secret:
        return WhyNot.SECRET
    return WhyNot.MOVES_BOLT if may_move_bolt(seen) else None


def _words(*names: str) -> frozenset[str]:
    return frozenset(word for name in names for word in words_of(name).split())
