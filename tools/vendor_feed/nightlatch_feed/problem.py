"""What stands against a command, in words."""


class FeedToolError(Exception):
    """Something that whoever runs the command has to put right."""
