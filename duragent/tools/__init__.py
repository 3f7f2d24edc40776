"""What an agent can do: each file is one tool or a family of tools, and `base` is their contract."""
