"""What the benchmarks measure is held to what they promise."""
