"""Forms in which people set something up or put it right."""
