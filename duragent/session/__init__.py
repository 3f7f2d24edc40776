"""A session alive: what may come in, what to do now, doing it, and the one writer of its log."""
