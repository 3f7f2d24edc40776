"""Markdown files that begin with YAML between two lines `---`."""

import re

from duragent.errors import InvalidFile
from duragent.yaml.document import YamlDocument, parse_yaml

_RULE = re.compile(r"---\s*")


def has_front_matter(text: str) -> bool:
    """Whether the first line that is neither blank nor a Markdown heading is a `---`."""
    return _RULE.fullmatch(next((line for line in text.splitlines() if not _before(line)), "")) is not None


def split_front_matter(text: str, name: str, keys: str) -> tuple[YamlDocument, str]:
    """Front matter and body. Before the front matter there may be blank lines and Markdown headings.

    `name` is the file for the errors, `keys` says which keys belong there. Raises InvalidFile.
    """
    lines = text.splitlines()
    begin = next((at for at, line in enumerate(lines) if not _before(line)), len(lines))
    if begin == len(lines) or not _RULE.fullmatch(lines[begin]):
        raise InvalidFile(name, "has no front matter", line=1, hint=f"begin with a line ---, then {keys}")
    end = next((at for at in range(begin + 1, len(lines)) if _RULE.fullmatch(lines[at])), None)
    if end is None:
        raise InvalidFile(name, "has front matter without an end", line=begin + 1, hint="close it with a line ---")
    # Blank lines in front keep the line numbers of faults right.
    document = parse_yaml("\n" * (begin + 1) + "\n".join(lines[begin + 1 : end]), name)
    return document, "\n".join(lines[end + 1 :]).strip()


def _before(line: str) -> bool:
    return not line.strip() or line.startswith("#")
