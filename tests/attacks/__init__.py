"""What somebody may try against a home, and what comes of it.

One file a family of attacks. What each has tried goes into the table that stands at the
end of a run: see ``table.py``.
"""
