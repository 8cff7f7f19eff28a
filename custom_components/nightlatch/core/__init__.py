"""The ground floor of Nightlatch: plain asyncio Python that knows no Home Assistant."""
