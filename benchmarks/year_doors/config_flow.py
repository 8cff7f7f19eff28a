"""Nobody adds the doors by hand."""

from homeassistant.config_entries import ConfigFlow


class DoorsFlow(ConfigFlow, domain="year_doors"):
    """Home Assistant sets up no entry of whom has no flow."""
