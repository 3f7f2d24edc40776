"""Programs of the workspace as tools: `agent.yaml` or a schema says how they are called."""
