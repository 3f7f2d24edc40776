"""The parts of Chat Completions, for `openai_chat`."""
