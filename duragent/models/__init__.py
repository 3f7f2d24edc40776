"""Who thinks. A shelf: each file is one more kind of model, and `base.py` is the contract."""
