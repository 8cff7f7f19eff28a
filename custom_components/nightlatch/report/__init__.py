"""How all locks of the household stand, to be kept or given to somebody."""
