"""The mind of an agent as a stream: its events, its state and the fold. It never holds a note's text."""
