"""A home that an earlier version of Nightlatch has kept, and what stands around it."""
