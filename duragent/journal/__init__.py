"""The state machine of a session: inputs, events, state, and the verbs `admit`, `apply` and `next_step`.

Pure: no I/O, no clock, no chance. Given the same records, it always gives the same state.
"""
