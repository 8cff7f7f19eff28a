"""What the owner has set for all locks, as it holds now."""

from datetime import tzinfo
from typing import Any

from homeassistant.config_entries import ConfigEntry
from homeassistant.core import HomeAssistant, callback
from homeassistant.util import dt as dt_util

from .settings import (
    parse_audit_months,
    parse_gate,
    parse_hold,
    parse_household_policy,
    parse_indexes,
    parse_learn,
    parse_learn_within,
    parse_panel,
    parse_people,
    parse_vault,
)


class HouseholdSettings:
    """The options of the entry, read once; and the way in which switches change them."""

    def __init__(self, hass: HomeAssistant, entry: ConfigEntry) -> None:
        """Read what is set."""
        self._hass = hass
        self._entry = entry
        self.async_configure()

    @callback
    def async_configure(self) -> None:
        """Take over what the owner has set."""
        options = self._entry.options
        self.policy = parse_household_policy(options)
        self.people = parse_people(options)
        self.indexes = parse_indexes(options)
        self.panel = parse_panel(options)
        self.gate_entity = parse_gate(options)
        self.hold_entity = parse_hold(options)
        self.learns = parse_learn(options)
        self.learn_within = parse_learn_within(options)
        self.vault = parse_vault(options)
        self.audit_months = parse_audit_months(options)

    @property
    def zone(self) -> tzinfo:
        """The time zone of the house."""
        return dt_util.get_default_time_zone()

    @callback
    def async_set_option(self, key: str, value: Any) -> None:
        """Change one of the options, as the options flow does."""
        self._hass.config_entries.async_update_entry(
            self._entry, options={**self._entry.options, key: value}
        )

    @callback
    def async_set_lock_data(self, lock_id: str, **data: Any) -> None:
        """Change what is set for a lock, as its flow does; None removes."""
        subentry = self._entry.subentries[lock_id]
        merged = {**subentry.data, **data}
        self._hass.config_entries.async_update_subentry(
            self._entry,
            subentry,
            data={key: value for key, value in merged.items() if value is not None},
        )
