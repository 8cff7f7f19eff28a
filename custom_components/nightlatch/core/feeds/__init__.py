"""What is on offer: feeds of releases."""
