"""Is it genuine, and is it made for this lock: formats of firmware."""
