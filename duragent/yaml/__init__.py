"""YAML that people write: read with line numbers, checked against a model, and refused in words that help."""
