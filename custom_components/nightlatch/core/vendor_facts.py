"""What makers of locks say of their updates, out of one reviewed file.

Nothing in it is a guess: each fact has a source, the day on which it was looked at, and
whether the source itself was read or only an excerpt of it. Where nothing was found,
nothing stands there.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import cache
import json
from pathlib import Path
import re
from typing import Any

from .advisories.published import Mitigation, PublishedAdvisory, read_span
from .advisories.score import severity_of

FACTS_FILE = Path(__file__).with_name("vendor_facts.json")


class Step(StrEnum):
    """What a person does to update a lock."""

    APP = "step_app"
    """In the maker's app, near the lock."""
    APP_REMOTE = "step_app_remote"
    """In the maker's app, from anywhere."""
    BUTTON = "step_button"
    """At the lock itself, without an app."""
    BY_ITSELF = "step_by_itself"
    """Nothing: the lock does it when it can."""
    MAKER = "step_maker"
    """Ask the maker for it first."""
    TOOL = "step_tool"
    """With a program of the maker, on a computer."""


class Demand(StrEnum):
    """What the maker wants before or during an update."""

    NEAR = "demand_near"
    """A phone in Bluetooth range all the time."""
    INDOORS = "demand_indoors"
    """A person at the inner side of the door."""
    PIN = "demand_pin"
    """The administrator's PIN."""
    PARTS = "demand_parts"
    """Keypads and fobs are updated on their own, by hand."""
    VARIANT = "demand_variant"
    """Compare the hardware variant: firmware of another one is not compatible."""


class Aftercare(StrEnum):
    """What is to be done, or expected, after an update."""

    RECALIBRATE = "aftercare_recalibrate"
    RE_PAIR = "aftercare_re_pair"
    """If it no longer answers: remove it from Home Assistant and add it again."""
    OFFLINE_KEY = "aftercare_offline_key"
    """Its offline key may have changed."""
    CALIBRATION_LOST = "aftercare_calibration_lost"
    """A restart may cost it its calibration."""
    POSITIONING = "aftercare_positioning"
    """It may move by itself to find out where it is."""
    SIGN_IN = "aftercare_sign_in"
    """Its integration may ask to sign in again, though the lock works."""
    PUSH_STATES = "aftercare_push_states"
    """See whether it still tells by itself when it is locked and unlocked."""


class Caution(StrEnum):
    """What else a person should know beforehand."""

    OPERATION_BATTERY = "caution_operation_battery"
    """More than half a charge, the maker says, where the lock does not work well."""
    LEVEL_MISLEADS = "caution_level_misleads"
    """It failed after an update though its level was fine; fresh batteries cured it."""
    RELOAD_MOVES_BOLT = "caution_reload_moves_bolt"
    HALF_AN_HOUR = "caution_half_an_hour"
    NEVER_STARTS = "caution_never_starts"
    """Updates of this model have not begun at all."""
    KEEPS_FAILING = "caution_keeps_failing"
    LINK_IN_USE = "caution_link_in_use"
    """It cannot be calibrated while Home Assistant is connected to it."""
    NO_UPDATES = "caution_no_updates"
    """It takes no updates at all: what is wrong with it stays so."""


class Recovery(StrEnum):
    """What helps where a lock does not work, or does not answer, after an update."""

    KEY_WORKS = "recovery_key_works"
    """Key and knob work without any power."""
    FRESH_BATTERIES = "recovery_fresh_batteries"
    """Whatever charge is shown."""
    POWER_OUTSIDE = "recovery_power_outside"
    """A battery held to its contacts from outside."""
    MOVES = "recovery_moves"
    """When power comes back it moves by itself."""
    CALIBRATE = "recovery_calibrate"
    """After a restart it may work only once it is calibrated."""
    ADD_AGAIN = "recovery_add_again"
    """In Home Assistant, after removing it there."""


class Confidence(StrEnum):
    """How the source was looked at."""

    READ = "read"
    EXCERPT = "excerpt"


_PRESENCE = {Demand.INDOORS, Aftercare.RECALIBRATE, Aftercare.CALIBRATION_LOST}
TO_DO = frozenset(
    {
        Aftercare.CALIBRATION_LOST,
        Aftercare.RECALIBRATE,
        Aftercare.RE_PAIR,
        Aftercare.OFFLINE_KEY,
        Aftercare.SIGN_IN,
        Aftercare.PUSH_STATES,
    }
)
"""After-care that a person does; the rest is only to be expected."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """What one source says of the locks of one maker."""

    vendors: tuple[str, ...]
    """As the device registry may write the maker; without regard to case."""
    models: tuple[str, ...] = ("*",)
    """Patterns with ``*``, against the model and its id; without regard to case."""
    maybe_models: tuple[str, ...] = ()
    """The same, for models that its advisories may be about as well."""
    integrations: tuple[str, ...] = ()
    """Only where one of these integrations knows the lock; any where empty."""
    steps: tuple[Step, ...] = ()
    demands: tuple[Demand, ...] = ()
    aftercare: tuple[Aftercare, ...] = ()
    cautions: tuple[Caution, ...] = ()
    recovery: tuple[Recovery, ...] = ()
    minimum_battery: int | None = None
    """Percent that is asked for."""
    command_pause: int | None = None
    """Seconds that the lock needs between two commands."""
    advisories: tuple[PublishedAdvisory, ...] = ()
    support_end: date | None = None
    """The last day on which it gets security updates."""
    contact: str | None = None
    """A page of the maker where its customers can ask."""
    source: str
    url: str | None = None
    checked: date
    confidence: Confidence

    def fits(self, vendor: str, models: Iterable[str], integration: str | None) -> bool:
        """Return whether this is about a lock."""
        return self._is_for(vendor, integration) and _any_like(models, self.models)

    def may_fit(
        self, vendor: str, models: Iterable[str], integration: str | None
    ) -> bool:
        """Return whether its advisories may be about a lock that it is not about."""
        return self._is_for(vendor, integration) and _any_like(
            models, self.maybe_models
        )

    def as_possible(self) -> Fact:
        """Return its advisories, as those that may be about a lock."""
        return Fact(
            vendors=self.vendors,
            advisories=tuple(
                replace(each, of_this_model=False) for each in self.advisories
            ),
            source=self.source,
            url=self.url,
            checked=self.checked,
            confidence=self.confidence,
        )

    def _is_for(self, vendor: str, integration: str | None) -> bool:
        return ("*" in self.vendors or vendor.casefold() in self.vendors) and (
            not self.integrations or integration in self.integrations
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class VendorFacts:
    """Everything that is known of the updates of one lock."""

    facts: tuple[Fact, ...] = ()

    @property
    def steps(self) -> tuple[Step, ...]:
        """Return the ways in which a person updates it."""
        return tuple(dict.fromkeys(each for fact in self.facts for each in fact.steps))

    @property
    def demands(self) -> tuple[Demand, ...]:
        """Return what the maker wants before or during."""
        found = (each for fact in self.facts for each in fact.demands)
        return tuple(dict.fromkeys(found))

    @property
    def aftercare(self) -> tuple[Aftercare, ...]:
        """Return what is to be done or expected afterwards."""
        found = (each for fact in self.facts for each in fact.aftercare)
        return tuple(dict.fromkeys(found))

    @property
    def cautions(self) -> tuple[Caution, ...]:
        """Return what else to know beforehand."""
        found = (each for fact in self.facts for each in fact.cautions)
        return tuple(dict.fromkeys(found))

    @property
    def recovery(self) -> tuple[Recovery, ...]:
        """Return what helps where it does not work after an update."""
        found = (each for fact in self.facts for each in fact.recovery)
        return tuple(dict.fromkeys(found))

    @property
    def minimum_battery(self) -> int | None:
        """Return the level that is asked for, in percent."""
        return (
            max((fact.minimum_battery or 0 for fact in self.facts), default=0) or None
        )

    @property
    def command_pause(self) -> float:
        """Return the seconds that it needs between two commands."""
        return float(max((fact.command_pause or 0 for fact in self.facts), default=0))

    @property
    def advisories(self) -> tuple[PublishedAdvisory, ...]:
        """Return what is published that is, or may be, about its model."""
        return tuple(each for fact in self.facts for each in fact.advisories)

    @property
    def gives_updates(self) -> bool:
        """Return whether its maker gives updates, as far as anybody has said."""
        return Caution.NO_UPDATES not in self.cautions

    @property
    def support_end(self) -> date | None:
        """Return the last day on which it gets security updates, if that is known."""
        ends = (fact.support_end for fact in self.facts if fact.support_end)
        return min(ends, default=None)

    @property
    def contacts(self) -> tuple[Fact, ...]:
        """Return who says where the maker can be asked."""
        return tuple(fact for fact in self.facts if fact.contact is not None)

    @property
    def needs_presence(self) -> bool:
        """Return whether a person has to be there, so that it never runs unattended."""
        return any(each in _PRESENCE for each in (*self.demands, *self.aftercare))

    def sources(self, told: StrEnum) -> tuple[Fact, ...]:
        """Return who says something."""
        return tuple(
            fact
            for fact in self.facts
            if told
            in {
                *fact.steps,
                *fact.demands,
                *fact.aftercare,
                *fact.cautions,
                *fact.recovery,
            }
        )


def facts_for(
    facts: Iterable[Fact],
    vendor: str | None,
    models: Iterable[str | None],
    integration: str | None,
) -> VendorFacts:
    """Return what is known of a lock, by its maker, model names and integration."""
    named = tuple(model for model in models if model)
    lock = (vendor or "", named, integration)
    return VendorFacts(
        facts=tuple(
            fact if fact.fits(*lock) else fact.as_possible()
            for fact in facts
            if fact.fits(*lock) or fact.may_fit(*lock)
        )
    )


class KnownFacts:
    """All facts, gone through once for all locks of one kind: most homes have few kinds."""

    def __init__(self, facts: Iterable[Fact]) -> None:
        """Take the facts."""
        self._facts = tuple(facts)
        self._found: dict[
            tuple[str | None, tuple[str | None, ...], str | None], VendorFacts
        ] = {}

    def of(
        self,
        vendor: str | None,
        models: tuple[str | None, ...],
        integration: str | None,
    ) -> VendorFacts:
        """Return what is known of a lock, by its maker, model names and integration."""
        kind = vendor, models, integration
        if (found := self._found.get(kind)) is None:
            found = self._found[kind] = facts_for(self._facts, *kind)
        return found


def _any_like(models: Iterable[str], patterns: Iterable[str]) -> bool:
    return any(
        fnmatchcase(model.casefold(), pattern)
        for pattern in patterns
        for model in (*models, "")
    )


@cache
def read_facts() -> tuple[Fact, ...]:
    """Read the reviewed file; blocks for a moment, once.

    It comes with this program, and changes with it only.
    """
    return load_facts(FACTS_FILE.read_text(encoding="utf-8"))


_KEYS = {
    "vendors",
    "models",
    "maybe_models",
    "integrations",
    "steps",
    "demands",
    "aftercare",
    "cautions",
    "recovery",
    "minimum_battery",
    "command_pause",
    "advisories",
    "support_end",
    "contact",
    "source",
    "url",
    "checked",
    "confidence",
}
_SAYING = (
    "steps",
    "demands",
    "aftercare",
    "cautions",
    "recovery",
    "minimum_battery",
    "command_pause",
    "advisories",
    "support_end",
    "contact",
)
_ADVISORY_KEYS = {
    "id",
    "affected",
    "perhaps",
    "fixed_in",
    "cvss",
    "mitigations",
    "url",
    "published",
}


def load_facts(text: str) -> tuple[Fact, ...]:
    """Read facts; raise ``ValueError`` that names the entry which is wrong."""
    raw = json.loads(text)
    if not isinstance(raw, list):
        raise ValueError("facts must be a list")  # noqa: TRY004  one error for all
    return tuple(_fact(number, each) for number, each in enumerate(raw))


def _fact(number: int, raw: Any) -> Fact:
    try:
        _check(raw)
        return Fact(
            vendors=_lowered(_texts(raw["vendors"])),
            models=_lowered(_texts(raw.get("models", ["*"]))),
            maybe_models=_lowered(_texts(raw.get("maybe_models"))),
            integrations=_texts(raw.get("integrations")),
            steps=tuple(map(Step, raw.get("steps", ()))),
            demands=tuple(map(Demand, raw.get("demands", ()))),
            aftercare=tuple(map(Aftercare, raw.get("aftercare", ()))),
            cautions=tuple(map(Caution, raw.get("cautions", ()))),
            recovery=tuple(map(Recovery, raw.get("recovery", ()))),
            minimum_battery=_whole(raw.get("minimum_battery"), 100),
            command_pause=_whole(raw.get("command_pause"), 300),
            advisories=tuple(map(_advisory, raw.get("advisories", ()))),
            support_end=_day(raw.get("support_end")),
            contact=_https(raw.get("contact")),
            source=raw["source"],
            url=_https(raw.get("url")),
            checked=date.fromisoformat(raw["checked"]),
            confidence=Confidence(raw["confidence"]),
        )
    except (AttributeError, KeyError, TypeError, ValueError) as err:
        raise ValueError(f"fact {number}: {err!r}") from err


def _advisory(raw: Any) -> PublishedAdvisory:
    if unknown := raw.keys() - _ADVISORY_KEYS:
        raise ValueError(f"unknown: {sorted(unknown)}")
    if not re.fullmatch(r"CVE-[0-9]{4}-[0-9]{4,}", raw["id"]):
        raise ValueError(f"{raw['id']!r} is no CVE")
    fixed_in, vector = raw.get("fixed_in"), raw.get("cvss")
    cleared = () if fixed_in is None else (read_span(f">={fixed_in}"),)
    return PublishedAdvisory(
        id=raw["id"],
        affected=tuple(map(read_span, _texts(raw.get("affected")))),
        perhaps=tuple(map(read_span, _texts(raw.get("perhaps")))),
        cleared=cleared,
        fixed_in=fixed_in,
        severity=None if vector is None else severity_of(vector),
        url=_https(raw["url"]),
        published=_day(raw.get("published")),
        mitigations=tuple(map(Mitigation, raw.get("mitigations", ()))),
    )


def _day(value: str | None) -> date | None:
    return None if value is None else date.fromisoformat(value)


def _check(raw: Any) -> None:
    if unknown := raw.keys() - _KEYS:
        raise ValueError(f"unknown: {sorted(unknown)}")
    if not any(raw.get(key) for key in _SAYING):
        raise ValueError("it says nothing")
    if not raw["vendors"] or not raw["source"].strip():
        raise ValueError("vendors and source must not be empty")


def _texts(value: Any) -> tuple[str, ...]:
    """Return texts that a list holds; none where there is no list."""
    if value is None:
        return ()
    if not isinstance(value, list) or not value:
        raise ValueError(f"{value!r} is not a list of texts")
    if not all(isinstance(each, str) and each.strip() for each in value):
        raise ValueError(f"{value!r} does not hold texts only")
    return tuple(value)


def _lowered(texts: Iterable[str]) -> tuple[str, ...]:
    return tuple(text.casefold() for text in texts)


def _whole(value: Any, maximum: int) -> int | None:
    if value is None:
        return None
    if type(value) is not int or not 0 < value <= maximum:
        raise ValueError(f"{value!r} is not a number from 1 to {maximum}")
    return value


def _https(url: str | None) -> str | None:
    if url is not None and not re.fullmatch(r"https://[a-z0-9.-]+(/\S*)?", url):
        raise ValueError(f"{url!r} is not https")
    return url
