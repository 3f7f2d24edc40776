"""The `duragent` command: one file or folder for each command; `main` has their list and the exit codes.

The law of this room: a command reads its arguments, calls one thing below, and shows what came of it. Files here import
typer and the standard library at the top and everything else where it is needed: `duragent --help` must be instant.
"""
