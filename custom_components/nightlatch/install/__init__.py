"""Installing on a lock, from asking to telling how it ended."""
