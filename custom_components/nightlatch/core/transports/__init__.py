"""How bytes reach a lock."""
