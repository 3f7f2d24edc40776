"""What is true. Pure: no I/O, no clock, no chance; given the same records, always the same state."""
