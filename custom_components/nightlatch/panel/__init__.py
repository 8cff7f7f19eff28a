"""The panel *Nightlatch* and the card of the same: what they are told, and by which way."""
