"""What things cost, as ratios: `python3 -m tests.benchmarks`."""
