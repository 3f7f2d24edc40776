"""The HTTP door: routes, auth, problems, streams. It knows of the inside only `Sessions` and the agents' catalog."""
