"""A session alive: the one writer of its log, its watchers, and the engine that runs its turns; and all of them."""
