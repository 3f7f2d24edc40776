"""Tools for models without native tool calls: described in the prompt, and read from the answer."""
