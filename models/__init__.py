"""The numeric core: pure functions over arrays, without I/O, clock, logging or hidden randomness."""
