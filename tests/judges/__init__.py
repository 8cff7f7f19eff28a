"""The virtual locks, judged by other people's programs; needs Node."""
