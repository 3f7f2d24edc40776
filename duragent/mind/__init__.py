"""What agents remember, alive: the one writer of each agent's memory, and of what all agents share."""
