"""What every kind of lock does in its own way; all else is the same for all.

The lock that it is of is not named here: whoever has a lock asks its kind.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Coroutine, Iterable
from datetime import datetime
from typing import Any, ClassVar

from homeassistant.config_entries import ConfigSubentry
from homeassistant.core import CALLBACK_TYPE, callback
from homeassistant.helpers.device_registry import AnyDeviceEntry, DeviceInfo

from ..adapters.index_query import IndexQuery
from ..core.errors import NightlatchError, SourceError
from ..core.guard.conduct import Conduct
from ..core.guard.hold import Hold
from ..core.guard.offer import NoOffer
from ..core.guard.source import SourceReading
from ..core.installation.journal import JournalEntry
from ..core.installation.machine import Installation, Job
from ..core.model import LockIdentity, LockKind, Model, Release, Source
from ..core.preflight.situation import FeedState, RadioState
from ..core.transports.way import Way


class Kind(ABC):
    """How one lock is reached, and where its releases come from."""

    name: ClassVar[LockKind]
    firmware_key = "firmware"
    """The translation key of its update entity."""

    by_hand: ClassVar = False
    """Whether only a person can bring firmware to it."""
    sends_firmware: ClassVar = False
    """Whether Nightlatch sends its firmware itself, and so can use what is kept of it."""
    shown_elsewhere: ClassVar = False
    """Whether another integration shows its battery, its signal and the like."""

    @abstractmethod
    def configure(self, subentry: ConfigSubentry) -> None:
        """Take over what the owner has set."""

    # What it is.

    @property
    @abstractmethod
    def key(self) -> str:
        """Return what the lock is known by, also after it was removed and added anew."""

    @property
    def model(self) -> Model | None:
        """Return the model as a feed describes it."""
        return None

    @property
    @abstractmethod
    def firmware_form(self) -> str | None:
        """Return how the version stands in what it tells; None where it is all of it."""

    @property
    def build(self) -> str | None:
        """Return by what people know what runs, where its version is but a number."""
        return None

    @property
    def knows_latest(self) -> bool:
        """Return whether anybody has said what the newest version is."""
        return self.model is not None

    @property
    @abstractmethod
    def can_install(self) -> bool:
        """Return whether Nightlatch can bring it to a release."""

    def can_install_from(self, source: Source) -> bool:
        """Return whether Nightlatch can bring it firmware that comes from there."""
        return source is Source.FEED and self.can_install

    @property
    @abstractmethod
    def trouble(self) -> str | None:
        """Return the issue that keeps it from being cared for, if there is one."""

    @property
    def source_error(self) -> SourceError | None:
        """Return what a person has to put right at what it is looked after through."""
        return None

    @property
    def stranger(self) -> LockIdentity | None:
        """Return which other lock is in its place; None where it is the one known."""
        return None

    async def async_taken_over(self) -> None:
        """Begin anew: a person has confirmed the lock that is in its place."""
        return

    @property
    def successor(self) -> tuple[str, str] | None:
        """Return what to link instead of what is gone, by its setting and as an entity.

        None where nothing is gone, or nobody knows which one it is.
        """
        return None

    @property
    def why_not_offered(self) -> NightlatchError | None:
        """Return why there is nothing to install; None where nothing is new."""
        return None

    @property
    def is_away(self) -> bool:
        """Return whether what it is looked after through says nothing now."""
        return False

    @property
    def anchor(self) -> str | None:
        """Return the entity that stands for the lock: where it goes, ours go."""
        return None

    @property
    def bluetooth_address(self) -> str | None:
        """Return where it is reached over Bluetooth, by whomever; None where it is not."""
        return None

    @property
    def integration(self) -> str | None:
        """Return the domain of the integration that knows it, where one does."""
        return None

    @property
    def other_names(self) -> Iterable[str]:
        """Return what else its model is called."""
        return ()

    @property
    def misconduct(self) -> Conduct | None:
        """Return what its source lastingly does that it was not told to."""
        return None

    @property
    def bridge_forgets(self) -> bool:
        """Return whether Zigbee2MQTT keeps nothing of what the lock has told."""
        return False

    @property
    def guardable_by(self) -> str | None:
        """Return the entity by which a lock that is only watched could be guarded."""
        return None

    @property
    def updated_elsewhere(self) -> bool:
        """Return whether somebody else brings it firmware now, as far as that is told."""
        return False

    @property
    def left_at_source(self) -> NoOffer | None:
        """Return why an update that waits at its source is not offered here."""
        return None

    @property
    @abstractmethod
    def device_id(self) -> str | None:
        """Return its device in Home Assistant's registry."""

    @property
    def device(self) -> AnyDeviceEntry | None:
        """Return the device of another integration that it is; None where it has none."""
        return None

    @property
    @abstractmethod
    def device_info(self) -> DeviceInfo:
        """Return what a device of our own is, where there is no other one."""

    @property
    def feed_id(self) -> str | None:
        """Return which feed the owner has chosen for it, if any."""
        return None

    # What it says, and what is said of it.

    @abstractmethod
    def on_offer(self) -> Iterable[Release]:
        """Return all releases that are known for its model."""

    @abstractmethod
    def select(self) -> Release | None:
        """Return the release that it should get."""

    @property
    @abstractmethod
    def knows_what_runs(self) -> bool:
        """Return whether anybody could bring what it runs once more.

        A version that only the lock tells is none.
        """

    @abstractmethod
    async def async_ask(self) -> LockIdentity:
        """Return what it says that it runs; raise ``NightlatchError``."""

    async def async_try_way(self) -> tuple[LockIdentity, Way | None]:
        """Return what it says, and how good the way to it is, where that can be measured.

        Raises ``NightlatchError``.
        """
        return await self.async_ask(), None

    async def async_waits_for_restart(self) -> bool:
        """Return whether it tries new firmware at its next restart.

        Raises ``NightlatchError``.
        """
        return False

    @abstractmethod
    async def async_check(self) -> None:
        """Ask for news, because a person wants to know; right now."""

    @abstractmethod
    async def async_news(self) -> None:
        """Ask for news with all others, soon."""

    @abstractmethod
    def watch(
        self,
        look: Callable[[], None],
        read: Callable[[], Coroutine[Any, Any, None]],
    ) -> CALLBACK_TYPE:
        """Notice by itself when something changes; return what ends that.

        ``look`` takes over what others say of the lock, ``read`` asks it what it runs.
        """

    # For the rules of preflight.

    @abstractmethod
    def radio(self) -> RadioState:
        """Return what is known of the way to it."""

    @abstractmethod
    def feed_state(self, release: Release, *, just_asked: bool) -> FeedState:
        """Return what is known of where the release comes from."""

    async def async_recheck(self, source: Source) -> None:
        """Ask others once more, just before an installation of what comes from there."""
        return

    def source(self) -> SourceReading | None:
        """Return what another integration says that updates it."""
        return None

    async def async_index_query(self) -> IndexQuery | None:
        """Return what a public index is to be asked about it; None for nothing."""
        return None

    @property
    def hold(self) -> Hold | None:
        """Return how it is with what is held back at its source; None where nothing is."""
        return None

    def skipped_by_person(self, release: Release) -> bool:
        """Return whether a person has skipped the release elsewhere."""
        return False

    async def async_want_after_all(self) -> None:
        """Lift what a person has skipped elsewhere: they want it after all."""
        return

    @property
    def may_rest(self) -> bool:
        """Return whether nothing goes on with it that the time alone changes.

        One that is heard over the air is looked at each minute.
        """
        return False

    @property
    def rests_on(self) -> tuple[str, ...]:
        """Return the entities that tell how it is, where it may rest."""
        return ()

    @callback
    def look(self, now: datetime) -> None:
        """See whether anything goes on that nobody asked for."""
        return

    async def async_removed(self) -> None:
        """Leave everything as it was before the lock was added."""
        return

    # Installing.

    @abstractmethod
    def installation(self, job: Job) -> Installation:
        """Return what brings it to a release."""

    @abstractmethod
    async def async_release_of(self, entry: JournalEntry) -> Release | None:
        """Return what was being installed, once it is known again."""

    @abstractmethod
    async def async_find_running(self) -> LockIdentity:
        """Wait until it says what it runs; raise ``NightlatchError``."""

    @abstractmethod
    def gone(self) -> NightlatchError:
        """Return why an installation cannot be gone on with."""
