"""Tags in answers: what becomes a note, what stays text, and that no cut of the stream changes it."""

import asyncio
import json

import pytest

from duragent.models.messages import ChatMessage, ModelDelta, ModelReply, ModelRequest, ToolCall, ToolSchema
from duragent.models.remember_tags import MAX_CHARS, MAX_TAGS, RememberTags, TagScanner
from duragent.testing.scripted import Line, ScriptedModel
from tests.support.bounds import LIMIT_SECONDS

MEMORY = ToolSchema(name="memory", description="Notes.", parameters={"type": "object", "properties": {}})
ASKED = ModelRequest(
    messages=(ChatMessage(role="system", content="Be kind."), ChatMessage(role="user", content="hi")), tools=(MEMORY,)
)

# The answer, what a person sees of it (None: all of it), and the notes.
TABLE = {
    "alone": ("[REMEMBER: likes tea]", "", ["likes tea"]),
    "in a sentence": ("Noted. [REMEMBER: likes tea] Anything else?", "Noted. Anything else?", ["likes tea"]),
    "before a full stop": ("Noted [REMEMBER: likes tea].", "Noted.", ["likes tea"]),
    "on its own line": ("Noted.\n\n[REMEMBER: likes tea]\n\nBye.", "Noted.\n\nBye.", ["likes tea"]),
    "at the end": ("Noted.\n[REMEMBER: likes tea]\n", "Noted.", ["likes tea"]),
    "two": ("A [REMEMBER: one] B [REMEMBER: two]", "A B", ["one", "two"]),
    "side by side": ("A [REMEMBER: one][REMEMBER: two] B", "A B", ["one", "two"]),
    "over two lines": ("A [REMEMBER: likes\n  green tea] B", "A B", ["likes green tea"]),
    "with brackets": ("A [REMEMBER: uses a[0] and [x](y)] B", "A B", ["uses a[0] and [x](y)"]),
    "other brackets": (
        "[x] [REM] [REMEMBER] [REMEMBER me: y] [REMEMBER: z]",
        "[x] [REM] [REMEMBER] [REMEMBER me: y]",
        ["z"],
    ),
    "without an end": ("A [REMEMBER: likes tea", None, []),
    "without words": ("A [REMEMBER:  ] B [REMEMBER: c]", "A [REMEMBER:  ] B", ["c"]),
    "over a paragraph's end": ("A [REMEMBER: likes\n \ntea] B", None, []),
    "a tag in what was none": ("A [REMEMBER: x\n\ny [REMEMBER: z]", "A [REMEMBER: x\n\ny", ["z"]),
    "too long": (f"A [REMEMBER: {'x' * MAX_CHARS}] B", None, []),
    "in a fence": ("A\n\n```\n[REMEMBER: x]\n```\n\n[REMEMBER: y]", "A\n\n```\n[REMEMBER: x]\n```", ["y"]),
    "in a longer fence": (
        "~~~~ md\n~~~\n[REMEMBER: x]\n~~~~\n[REMEMBER: y]",
        "~~~~ md\n~~~\n[REMEMBER: x]\n~~~~",
        ["y"],
    ),
    "in a fence without an end": ("```\nx\n[REMEMBER: x]", None, []),
    "between backticks": ("Write `[REMEMBER: x]` or `` [REMEMBER: x] ``.", None, []),
    "behind backticks": ("Run `ls` [REMEMBER: x].", "Run `ls`.", ["x"]),
    "in quotation marks": ('Write "[REMEMBER: x]" or \u201e[REMEMBER: y]\u201c', None, []),
    "in a block quote": (
        "> [REMEMBER: x]\nand [REMEMBER: y]\n\n[REMEMBER: z]",
        "> [REMEMBER: x]\nand [REMEMBER: y]",
        ["z"],
    ),
    "indented": ("So:\n\n    [REMEMBER: x]\n\t[REMEMBER: y]\n", None, []),
    "lower case": ("A [remember: x]", None, []),
    "blank space without tags": ("\n A [b] \n\n", "\n A [b] \n\n", []),
}


def expected(name: str) -> tuple[str, list[str]]:
    text, shown, notes = TABLE[name]
    return (text if shown is None else shown), notes


def scanned(*chunks: str) -> tuple[str, list[str]]:
    scanner = TagScanner()
    shown = "".join([*(scanner.feed(chunk) for chunk in chunks), scanner.finish()])
    return shown, scanner.notes


@pytest.mark.parametrize("name", TABLE)
def test_tag_is_a_note_and_what_is_quoted_is_text(name: str) -> None:
    assert scanned(TABLE[name][0]) == expected(name)


@pytest.mark.parametrize("name", TABLE)
def test_no_cut_of_the_stream_changes_it(name: str) -> None:
    text = TABLE[name][0]
    for at in range(len(text)) if len(text) < MAX_CHARS else range(0, len(text), 97):
        assert scanned(text[:at], text[at:]) == expected(name)
    assert scanned(*text) == expected(name)


def test_nothing_of_a_tag_is_shown_while_it_arrives() -> None:
    scanner = TagScanner()
    seen = ""
    for char in "Noted. [REMEMBER: likes tea] Bye.":
        seen += scanner.feed(char)
        assert "[" not in seen


def test_tags_after_the_most_are_text() -> None:
    shown, notes = scanned("[REMEMBER: x]" * (MAX_TAGS + 1))
    assert (shown, notes) == ("[REMEMBER: x]", ["x"] * MAX_TAGS)


def test_brackets_without_an_end_take_linear_time() -> None:
    assert scanned("[" * 300_000 + "[REMEMBER:" * 1_000)[1] == []


async def ask(model: ScriptedModel, request: ModelRequest = ASKED) -> tuple[list[ModelDelta], ModelReply]:
    async with asyncio.timeout(LIMIT_SECONDS):
        pieces = [piece async for piece in RememberTags(model).stream(request)]
    *deltas, reply = pieces
    assert isinstance(reply, ModelReply)
    return [delta for delta in deltas if isinstance(delta, ModelDelta)], reply


async def test_note_is_a_quiet_call_behind_those_of_the_model() -> None:
    own = ToolCall(id="note_1", name="bash", arguments="{}")
    said = ModelReply(text="Noted. [REMEMBER: mag T\u00fcrk\u00e7e]", reasoning="hm", calls=(own,), cost_usd=0.5)
    chunks = ("Noted. [REM", "EMBER: mag T\u00fcrk\u00e7e]")
    deltas, reply = await ask(ScriptedModel([Line(said, chunks=chunks)]))
    note = reply.calls[1]
    wanted = {"action": "remember", "content": "mag T\u00fcrk\u00e7e", "importance": 0.9}
    assert (note.name, json.loads(note.arguments)) == ("memory", wanted)
    assert reply == said.model_copy(update={"text": "Noted.", "calls": (own, note), "quiet": ("note_2",)})
    assert [delta.text for delta in deltas if delta.text] == ["Noted."]


async def test_model_is_told_of_tags_behind_the_system_message() -> None:
    model = ScriptedModel(["ok"])
    await ask(model)
    system = model.requests[0].messages[0].content
    assert system.startswith("Be kind.\n\n")
    assert "[REMEMBER: " in system


async def test_without_the_tool_an_answer_stays_as_it_is() -> None:
    model = ScriptedModel(["A [REMEMBER: x]"])
    request = ASKED.model_copy(update={"tools": ()})
    _, reply = await ask(model, request)
    assert (reply.text, reply.calls) == ("A [REMEMBER: x]", ())
    assert model.requests == [request]
