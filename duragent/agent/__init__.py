"""Agents are folders that people write. `spec` is their format, `load` reads one, `catalog` has all of a workspace."""
