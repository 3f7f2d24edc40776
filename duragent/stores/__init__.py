"""Where streams rest. A shelf: each file is one more store, and `base.py` is the contract."""
