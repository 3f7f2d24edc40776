"""Who turns texts into vectors. A shelf: each file is one more way, and `base.py` is the contract."""
