"""The vault in the house: its key, its places, its upkeep."""
