"""Tools for models without native tool calls: told in the prompt, read from the answer."""
