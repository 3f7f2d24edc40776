"""Logs alive, of every kind: the one writer of a log, and how a state is recovered from one."""
