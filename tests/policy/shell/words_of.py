"""A command as words, as the parser gives them."""

from duragent.policy.shell.inside import Words
from duragent.policy.shell.parse import parse
from duragent.policy.shell.script import Script, SimpleCommand


def words_of(command: str) -> Words:
    """The words of the first simple command in the text."""
    script = parse(command)
    assert isinstance(script, Script), command
    return next(piece.words for piece in script.pieces if isinstance(piece, SimpleCommand) and piece.words)


def texts(words: Words) -> str:
    return " ".join(word.text for word in words)
