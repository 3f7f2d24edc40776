"""Which tools a small model is offered."""

from hypothesis import given
from hypothesis import strategies as st

from duragent.context.tool_recall import recall, stems
from duragent.models.messages import ToolSchema


def tool(name: str, description: str, *arguments: str) -> ToolSchema:
    parameters = {"type": "object", "properties": {each: {"type": "string"} for each in arguments}}
    return ToolSchema(name=name, description=description, parameters=parameters)


TOOLS = (
    tool("bash", "Run a command in the shell.", "command"),
    tool("read_file", "Read a file of the workspace.", "path"),
    tool("write_file", "Write a file.", "path", "content"),
    tool("search_files", "Find lines that match a pattern.", "pattern", "path"),
    tool("web", "Fetch a page from the internet, or search it.", "url", "query"),
    tool("think", "Note a thought."),
)


def names(said: list[str], n: int, always: tuple[str, ...] = ()) -> list[str]:
    return [each.name for each in recall(TOOLS, said, n, always)]


def test_recall_finds_tools_by_name_description_and_arguments_in_any_inflection() -> None:
    assert names(["please fetch https://example.org"], 1) == ["web"]
    assert names(["searching the files for patterns"], 1) == ["search_files"]
    assert names(["which shell COMMANDS do I need?"], 1) == ["bash"]
    assert names(["which url was it"], 1) == ["web"]
    assert names(["writeFile"], 1) == ["write_file"]


def test_recall_keeps_the_order_of_the_tools_and_fills_up_to_n() -> None:
    assert names(["fetch, then write"], 2) == ["write_file", "web"]
    assert names(["\U0001f600"], 3) == ["bash", "read_file", "write_file"]
    assert names([], 99) == [each.name for each in TOOLS]


def test_newer_message_counts_more_than_an_older_one() -> None:
    assert names(["fetch the page", "run a command"], 1) == ["bash"]
    assert names(["run a command", "fetch the page"], 1) == ["web"]


def test_tools_used_before_stay_and_the_best_fill_the_rest() -> None:
    assert names(["fetch the page"], 2, ("think",)) == ["web", "think"]
    assert names(["fetch the page"], 1, ("think", "bash", "gone")) == ["bash", "think"]
    assert names(["fetch the page"], 0) == []


def test_stems_split_names_and_drop_endings() -> None:
    assert stems("readFiles read_files ReadingFile HTTP2") == ["read", "fil", "read", "fil", "read", "fil", "http2"]
    assert stems("running stopped queries query classes press") == ["run", "stop", "quer", "quer", "class", "press"]


WORDS = st.sampled_from(["read", "file", "files", "run", "\u00e4", "web", "a_b", "", "\ud800", "1"])


@given(
    said=st.lists(st.lists(WORDS, max_size=6).map(" ".join), max_size=10),
    n=st.integers(-1, 9),
    always=st.sets(st.sampled_from(["bash", "web", "nope"])),
)
def test_recall_gives_n_tools_in_order_and_always_the_same(said: list[str], n: int, always: set[str]) -> None:
    found = recall(TOOLS, said, n, always)
    assert found == recall(TOOLS, said, n, sorted(always, reverse=True))
    assert [each for each in TOOLS if each in found] == list(found)
    kept = always & {"bash", "web"}
    assert kept <= {each.name for each in found}
    assert len(found) == min(len(TOOLS), max(n, len(kept)))
