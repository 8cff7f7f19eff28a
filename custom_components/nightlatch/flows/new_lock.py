"""A lock that is about to be added: what it is, and what its form proposes."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from homeassistant.const import CONF_ADDRESS, CONF_NAME
from homeassistant.core import HomeAssistant
from homeassistant.loader import IntegrationNotFound, async_get_integration

from ..adapters.registry import main_device_of
from ..const import (
    CONF_BATTERY_ENTITY,
    CONF_DOOR_ENTITY,
    CONF_FEED,
    CONF_IDENTITY,
    CONF_IMPORTANCE,
    CONF_KIND,
    CONF_LOCK_ENTITY,
    CONF_UPDATE_ENTITY,
    CONF_VERSION_ENTITY,
)
from ..coordinator import FeedCoordinator
from ..core.model import LockIdentity, LockKind, Model
from ..core.schedule.importance import guessed_importance
from ..core.schedule.quiet_hours import QuietHours
from ..discovery.candidates import Candidate, also_on_device
from ..markup import Composed, neutral_all
from ..members import Members
from ..translation import or_not_known, told_now
from .lock_form import as_data, as_form, details_schema, form_errors

STEPS = {
    LockKind.DIRECT: "details",
    LockKind.GUARDED: "guarded",
    LockKind.WATCHED: "watched",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLock:
    """Everything that is known before a person fills in the form."""

    kind: LockKind
    unique_id: str
    name: str
    identity: LockIdentity
    model: str
    """What people call its model."""
    feed: FeedCoordinator | None
    """Where its releases come from, where a feed knows its model."""
    origin: str
    """The name of the feed, or of the integration, or what takes their place."""
    address: str | None = None
    proposed: dict[str, Any] = field(default_factory=dict)
    """The entities that were found on its device."""
    area: str | None = None
    """The name of the room that it is in, where that is known."""
    others: str = ""
    """What people are told of those that could as well be meant."""

    def form(
        self,
        hass: HomeAssistant,
        quiet_hours: QuietHours,
        user_input: dict[str, Any] | None,
    ) -> dict[str, Any]:
        """Return the arguments of the form; with what was filled in, if anything."""
        return {
            "step_id": STEPS[self.kind],
            "errors": {} if user_input is None else self.errors(user_input),
            "description_placeholders": neutral_all(
                {
                    "model": self.model,
                    "hardware": or_not_known(hass, self.identity.hardware_revision),
                    "version": or_not_known(hass, self.identity.firmware_version),
                    "feed": self.origin,
                    "others": self.others,
                }
            ),
            "suggested": user_input or self._suggested(quiet_hours),
            "data_schema": details_schema(self.kind),
        }

    def as_proposed(self, quiet_hours: QuietHours) -> dict[str, Any]:
        """Return the form as it may be taken without a person looking at it."""
        return as_form(self.proposed, self.name, quiet_hours)

    def _suggested(self, quiet_hours: QuietHours) -> dict[str, Any]:
        """Return the form as a person sees it first, with what is only guessed."""
        guess = guessed_importance(self.name, self.area)
        guessed = {} if guess is None else {CONF_IMPORTANCE: guess.name.lower()}
        return as_form({**self.proposed, **guessed}, self.name, quiet_hours)

    def errors(self, user_input: dict[str, Any]) -> dict[str, str]:
        """Return what a person must still say."""
        if (
            self.kind is LockKind.WATCHED
            and not self.identity.firmware_version
            and not user_input.get(CONF_VERSION_ENTITY)
        ):
            return {CONF_VERSION_ENTITY: "version_unknown"}
        return form_errors(user_input)

    def data(self, user_input: dict[str, Any]) -> dict[str, Any]:
        """Return what is kept of it."""
        data = {
            CONF_KIND: self.kind,
            CONF_ADDRESS: self.address,
            CONF_FEED: self.feed.subentry_id if self.feed else None,
            CONF_IDENTITY: asdict(self.identity),
            **as_data(user_input, {}),
        }
        return {key: value for key, value in data.items() if value is not None}

    def title(self, user_input: dict[str, Any]) -> str:
        """Return how the person calls it."""
        title: str = user_input[CONF_NAME]
        return title


def direct_lock(
    address: str,
    identity: LockIdentity,
    feed: FeedCoordinator | None,
    model: Model | None,
    origin: str,
) -> NewLock:
    """Return a lock that has said over Bluetooth what it is.

    ``origin`` is what its firmware comes from: the feed, where one knows its model.
    """
    name = model.name if model else identity.model
    return NewLock(
        kind=LockKind.DIRECT,
        unique_id=address,
        name=name,
        identity=identity.read_as(model.traits.firmware_text if model else None),
        model=name,
        feed=feed,
        origin=origin,
        address=address,
    )


def attached_lock(
    hass: HomeAssistant,
    feeds: Members[FeedCoordinator],
    candidate: Candidate,
    integration_name: str,
) -> NewLock:
    """Return a lock that another integration knows."""
    identity, feed = candidate.identity, None
    if candidate.kind is LockKind.WATCHED:
        found = _feed_for(hass, feeds, candidate.lock_entity)
        if found is not None:
            feed, model = found
            identity = replace(identity, model=model.model).read_as(
                model.traits.firmware_text
            )
    proposed = {
        CONF_LOCK_ENTITY: candidate.lock_entity,
        CONF_BATTERY_ENTITY: candidate.battery_entity,
        CONF_DOOR_ENTITY: candidate.door_entity,
    }
    if candidate.update_entity is not None:
        key = (
            CONF_UPDATE_ENTITY
            if candidate.kind is LockKind.GUARDED
            else CONF_VERSION_ENTITY
        )
        proposed[key] = candidate.update_entity
    return NewLock(
        kind=candidate.kind,
        unique_id=candidate.device_id,
        name=candidate.name,
        identity=identity,
        model=identity.told_model or told_now(hass, "word_model_unknown"),
        feed=feed,
        origin=integration_name,
        proposed=proposed,
        area=candidate.area,
        others=told_of_others(hass, proposed),
    )


def told_of_others(hass: HomeAssistant, data: Mapping[str, Any]) -> str:
    """Return what people are told where other entities could as well be meant."""
    linked = (
        data.get(key)
        for key in (CONF_LOCK_ENTITY, CONF_UPDATE_ENTITY, CONF_VERSION_ENTITY)
    )
    if not (others := also_on_device(hass, linked)):
        return ""
    told = told_now(hass, "also_on_device", entities=", ".join(others))
    return Composed(f"\n\n{told}")


def _feed_for(
    hass: HomeAssistant, feeds: Members[FeedCoordinator], lock_entity: str
) -> tuple[FeedCoordinator, Model] | None:
    """Return the feed that knows the model of a device, by its exact name."""
    device = main_device_of(hass, lock_entity)
    for name in (device.model_id, device.model) if device else ():
        if name and (found := feed_knowing(feeds, name)) is not None:
            return found
    return None


def feed_knowing(
    feeds: Members[FeedCoordinator], model_name: str
) -> tuple[FeedCoordinator, Model] | None:
    """Return the feed that has a model, and the model; a keeper's if there is no other."""
    found = [
        (feed, model)
        for feed in feeds.values()
        if feed.data is not None
        for model in feed.data.models
        if model.model == model_name
    ]
    return min(found, key=lambda each: each[0].keeper is not None, default=None)


async def integration_name(hass: HomeAssistant, candidate: Candidate) -> str:
    """Return what people call the integration that knows a lock."""
    try:
        integration = await async_get_integration(hass, candidate.integration)
    except IntegrationNotFound:
        return candidate.integration
    return integration.name
