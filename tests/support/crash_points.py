"""Places in the program where a process can be killed, by what is under way there."""

IN_A_WRITE = (
    "mind.write_begun",
    "memory.temporary_written",
    "memory.replaced",
    "memory.written",
    "mind.file_written",
    "mind.recorded",
)
"""A file of a memory is written."""
