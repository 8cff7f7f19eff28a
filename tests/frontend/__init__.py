"""The panel and the card, in a browser: scripts/test frontend."""
