"""The parts of Anthropic's Messages: what is written, how thinking is asked for, how an answer is gathered."""
