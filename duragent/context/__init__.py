"""What the model sees: sections make the system message, the transcript makes the rest, the budget decides how much."""
