"""What Home Assistant asks of the files of an integration, checked offline."""
