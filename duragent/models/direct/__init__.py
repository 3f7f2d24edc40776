"""Models that are asked without another library in between: one engine over HTTP, and a dialect for each protocol."""
