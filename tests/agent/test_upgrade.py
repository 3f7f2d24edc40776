"""An agent.yaml that v0.5 took becomes one that is taken here: place by place, by what stands there, and only once."""

import itertools

import pytest

from duragent.agent.spec import AgentFile
from duragent.agent.upgrade import Upgraded, upgraded
from duragent.errors import InvalidFile
from duragent.yaml.document import parse_yaml
from duragent.yaml.model import found_faults, validate

HEAD = """\
# My agent.
apiVersion: duragent/v1alpha1   # the format
kind: Agent
metadata:
  name: clerk  # its name
"""
BODY = """\
spec:
  # which model
  model:
    provider: demo
    temperature: 0.5   # not too wild
"""
GOOD = HEAD + BODY
LOOSE = {
    "version is a number": (
        "name: clerk  # its name\n",
        "name: clerk  # its name\n  version: 1.10\n",
        'version: "1.10"',
    ),
    "label is a number": ("name: clerk  # its name\n", "name: clerk  # its name\n  labels: {tier: 2}\n", '{tier: "2"}'),
    "label is a truth": ("name: clerk  # its name\n", "name: clerk  # its name\n  labels:\n    on: yes\n", 'on: "yes"'),
    "number is a text": ("temperature: 0.5   # not", "temperature: '0.7'   # not", "temperature: 0.7   # not"),
    "whole number has a point": (
        "spec:\n",
        "spec:\n  session:\n    max_tool_iterations: 20.0\n",
        "max_tool_iterations: 20\n",
    ),
    "key is misspelt": ("temperature: 0.5", "temprature: 0.5", "    temperature: 0.5   # not too wild"),
    "key is misspelt and its number a text": (
        "temperature: 0.5",
        "temprature: '0.7'",
        "    temperature: 0.7   # not too",
    ),
    "key is of another style": ("temperature: 0.5", "max-tokens: 5", "    max_tokens: 5   # not too wild"),
    "key is unknown": ("temperature: 0.5", "wings: 2", "    # (not a key of duragent) wings: 2   # not too wild"),
    "keys below it are unknown": (
        "spec:\n",
        "spec:\n  triggers:\n    - on: push\n      do: |\n        say hi\n\n        and bye\n\n  # after\n",
        "  #   - on: push\n  #     do: |\n  #       say hi\n\n  #       and bye\n\n  # after\n",
    ),
    "all keys of a block are unknown": (
        "spec:\n",
        "spec:\n  memory:\n    kind: x\n",
        "    # (not a key of duragent) kind: x\n",
    ),
    "item begins with an unknown key": (
        "spec:\n",
        "spec:\n  tools:\n    - color: red\n      type: builtin\n      name: bash\n",
        "    - # (not a key of duragent) color: red\n      type: builtin\n",
    ),
    "word is in capitals": ("spec:\n", "spec:\n  session:\n    on_disconnect: Pause\n", "on_disconnect: pause\n"),
    "name is free": ("name: clerk", "name: My Clerk!", '  name: clerk  # its name\n  aliases: ["My Clerk!"]\n'),
    "name has quotes in it": ("name: clerk", "name: 'My \"Clerk\"'", 'aliases: ["My \\"Clerk\\""]\n'),
    "prompt is not there": ("spec:\n", "spec:\n  soul: ./GONE.md\n", "  # (the file is not there) soul: ./GONE.md\n"),
}


def fixed(text: str) -> Upgraded:
    return upgraded(text, "clerk", lambda named: "GONE" not in named)


@pytest.mark.parametrize(("old", "new", "wanted"), LOOSE.values(), ids=LOOSE)
def test_each_looseness_is_put_right_where_it_stands_and_once(old: str, new: str, wanted: str) -> None:
    text = GOOD.replace(old, new, 1)
    found = fixed(text)
    assert wanted in found.text
    assert len(found.changes) == 1
    assert validate(parse_yaml(found.text, "agent.yaml"), AgentFile).metadata.name == "clerk"
    assert fixed(found.text) == Upgraded(found.text)
    assert all(comment in found.text for comment in ("# My agent.", "# the format", "# its name", "# which model"))


def test_all_pairs_of_them_are_put_right_together() -> None:
    for (old, new, _), (other, newer, _) in itertools.combinations(LOOSE.values(), 2):
        text = GOOD.replace(old, new, 1)
        both = text.replace(other, newer, 1)
        if other in text and not _has_twice(both):
            found = fixed(both)
            assert found_faults(parse_yaml(found.text, "agent.yaml"), AgentFile) == []
            assert fixed(found.text) == Upgraded(found.text)


def _has_twice(text: str) -> bool:
    try:
        parse_yaml(text, "agent.yaml")
    except InvalidFile:
        return True
    return False


LEFT = {
    "two keys are as near": GOOD.replace("temperature: 0.5", "max_out_put_token: 5").replace(
        "demo\n", "demo\n    max_tokens: 4\n"
    ),
    "text is no number": GOOD.replace("temperature: 0.5", "temperature: warm"),
    "number is out of bounds": GOOD.replace("temperature: 0.5", "temperature: 9"),
    "whole number is none": GOOD.replace("spec:\n", "spec:\n  session: {max_tool_iterations: 2.5}\n"),
    "unknown key is in braces": GOOD.replace("spec:\n", "spec:\n  session: {wings: 2}\n"),
    "something is missing": GOOD.replace("    provider: demo\n", ""),
    "nothing is there": "",
    "a list": "- a\n",
}


@pytest.mark.parametrize("text", LEFT.values(), ids=LEFT)
def test_what_would_be_a_guess_is_left_to_a_person(text: str) -> None:
    found = fixed(text)
    if found.changes:
        assert all("it is a comment now" in change for change in found.changes)
    else:
        assert found.text == text


def test_what_is_no_yaml_is_said() -> None:
    with pytest.raises(InvalidFile):
        fixed("a: [")
