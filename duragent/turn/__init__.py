"""One turn, performed: ask the model, authorize and run the tool calls, commit each step. `turn` is the loop."""
