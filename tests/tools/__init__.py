"""The programs that come with Nightlatch, beside the integration."""
