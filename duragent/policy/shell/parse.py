"""A shell text as the simple commands in it, wherever they stand: tree-sitter-bash parses, and each word is read again.

The law of this file: what is answered is what bash would do, or it says so. The parser's structure is believed only
where the characters between its tokens are blanks, each word is a whole word by our own reading, and every node is of
a kind that is known here. The rest is `Unparsable`, or a `Construct` that a person should look at.
"""

import functools
import itertools
import re
import unicodedata
from collections.abc import Iterator
from typing import TYPE_CHECKING

from duragent.policy.shell import grammar
from duragent.policy.shell.script import Assignment, Construct, Redirection, Script, SimpleCommand, Unparsable
from duragent.policy.shell.words import NotAWord, Word, read_word

if TYPE_CHECKING:
    from tree_sitter import Node, Parser

MAX_CHARS = 32_768
MAX_DEPTH = 60
MAX_HERE_DOCUMENTS = 8


def parse(text: str) -> Script | Unparsable:
    """Every simple command in `text`, also those within substitutions, functions and here-documents."""
    if reason := _unreadable(text):
        return Unparsable(reason)
    data = text.encode()
    root = _parser().parse(data).root_node
    if root.has_error:
        return Unparsable("is not a shell command that can be understood")
    reader = _Reader(data)
    try:
        reader.visit(root, 0)
        reader.between(0, root.start_byte)
        reader.between(root.end_byte, len(data))
    except (_NotUnderstood, NotAWord) as error:
        return Unparsable(f"has a part that cannot be understood: {str(error)[:80]}")
    return Script(tuple(reader.pieces), frozenset(reader.functions))


@functools.cache
def _parser() -> "Parser":
    # Imported late: most runs of the command line never judge a command.
    import tree_sitter
    import tree_sitter_bash

    return tree_sitter.Parser(tree_sitter.Language(tree_sitter_bash.language()))


def _unreadable(text: str) -> str | None:
    if len(text) > MAX_CHARS:
        return f"is longer than {MAX_CHARS} characters"
    if text.count("<<") > MAX_HERE_DOCUMENTS or len(re.findall(r"[({`]|\b(?:if|for|while|until|case)\b", text)) > 400:
        return "has too many here-documents or groups"
    for char in text:
        kind = unicodedata.category(char)
        if (kind[0] in "CZ" and char not in "\n\t ") or char == "\ufeff":
            return f"has the invisible or control character U+{ord(char):04X}"
    return None


class _NotUnderstood(ValueError):
    pass


class _Reader:
    """Walks the tree once; `pieces` are in the order of the text, those within others behind them."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.pieces: list[SimpleCommand | Construct] = []
        self.functions: set[str] = set()
        self.more_words: dict[int, list[Node]] = {}

    def text(self, node: "Node") -> str:
        return self.data[node.start_byte : node.end_byte].decode()

    def between(self, start: int, end: int) -> None:
        if not grammar.GAP.fullmatch(self.data, start, end):
            raise _NotUnderstood(self.data[start:end].decode(errors="replace"))

    def construct(self, node: "Node", why: str) -> None:
        self.pieces.append(Construct(" ".join(self.text(node).split()), why))

    # --- statements ---------------------------------------------------------------------------------------------------

    def visit(self, node: "Node", depth: int) -> None:
        if depth > MAX_DEPTH:
            raise _NotUnderstood("too many levels")
        kind = node.type
        if kind in grammar.STATEMENTS and not (kind == "compound_statement" and self.text(node).startswith("((")):
            self.statements(node, depth)
        elif kind == "command":
            self.command(node, depth)
        elif kind == "redirected_statement":
            self.redirected(node, depth)
        elif kind == "for_statement":
            self.for_loop(node, depth)
        elif kind in ("variable_assignment", "variable_assignments"):
            self.assignments(node, depth)
        elif kind == "comment":
            self.comment(node)
        elif kind == "test_command" and self.is_plain_test(node):
            self.inside(node, depth)
        elif kind in ("compound_statement", "test_command"):
            self.construct(node, "does arithmetic or a test that may run commands")
            self.inside(node, depth)
        elif kind in grammar.CONSTRUCTS:
            self.special(node, depth)
        else:
            raise _NotUnderstood(self.text(node))

    def statements(self, node: "Node", depth: int) -> None:
        at = node.start_byte
        for child in node.children:
            self.between(at, child.start_byte)
            at = child.end_byte
            if child.is_named:
                self.visit(child, depth + 1)
            elif child.type not in grammar.TOKENS:
                raise _NotUnderstood(self.text(child))
        self.between(at, node.end_byte)

    def comment(self, node: "Node") -> None:
        before = self.data[node.start_byte - 1 : node.start_byte]
        if b"\n" in self.data[node.start_byte : node.end_byte] or (before and before not in b" \t\n;&|()"):
            raise _NotUnderstood(self.text(node))

    def is_plain_test(self, node: "Node") -> bool:
        source = self.text(node)
        return bool(grammar.PLAIN_TEST.fullmatch(source)) and not grammar.COUNTING.search(source)

    def special(self, node: "Node", depth: int) -> None:
        self.construct(node, grammar.CONSTRUCTS[node.type])
        if node.type == "function_definition" and (name := node.child_by_field_name("name")) is not None:
            self.functions.add(self.text(name))
        if node.type in ("declaration_command", "unset_command"):
            words = tuple(Word(part, part) for part in self.text(node).split())
            self.pieces.append(SimpleCommand(words, source=self.text(node)))
        self.inside(node, depth)

    def for_loop(self, node: "Node", depth: int) -> None:
        variable = node.child_by_field_name("variable")
        values = {value.id for value in node.children_by_field_name("value")}
        if variable is None or self.text(node).startswith("select"):
            self.construct(node, "asks for a choice")
        else:
            name = self.text(variable)
            self.pieces.append(SimpleCommand((), (Assignment(name, Word("…", "…", dynamic=True), f"{name}=…"),)))
        for child in node.children:
            if child.id in values:
                self.word(child, depth)
            elif child.is_named and child != variable:
                self.visit(child, depth + 1)
            elif not child.is_named and child.type not in grammar.TOKENS:
                raise _NotUnderstood(self.text(child))

    def assignments(self, node: "Node", depth: int) -> None:
        nodes = [node] if node.type == "variable_assignment" else list(node.named_children)
        assigned = tuple(self.assignment(each, depth) for each in nodes)
        self.pieces.append(SimpleCommand((), assigned, source=self.text(node)))

    def assignment(self, node: "Node", depth: int) -> Assignment:
        name, value, source = node.child_by_field_name("name"), node.child_by_field_name("value"), self.text(node)
        if name is None or name.type != "variable_name" or source[len(self.text(name)) :][:1] != "=":
            self.inside(node, depth)
            return Assignment(self.text(name) if name else source, None, source)
        if value is None:
            return Assignment(self.text(name), Word("", ""), source)
        if value.type not in grammar.WORDS:
            self.inside(node, depth)
            return Assignment(self.text(name), None, source)
        return Assignment(self.text(name), self.word(value, depth, after="="), source)

    # --- simple commands and their redirections -----------------------------------------------------------------------

    def command(self, node: "Node", depth: int) -> None:
        items = sorted([*node.children, *self.more_words.pop(node.id, [])], key=lambda item: item.start_byte)
        words: list[Word] = []
        assigned: list[Assignment] = []
        redirections: list[Redirection] = []
        place = len(self.pieces)
        for item in items:
            if item.type == "command_name":
                words.append(self.word(item.children[0], depth))
            elif item.type == "variable_assignment":
                assigned.append(self.assignment(item, depth))
            elif item.type in ("file_redirect", "herestring_redirect"):
                redirection, others = self.redirection(item, depth)
                redirections.append(redirection)
                words += [self.word(other, depth) for other in others]
            elif item.type in grammar.WORDS or not item.is_named:
                words.append(self.word(item, depth))
            else:
                raise _NotUnderstood(self.text(item))
        self.one_line(items)
        first = words[0] if words else None
        if first is not None and first.source in grammar.RESERVED:
            raise _NotUnderstood(first.source)
        self.pieces.insert(
            place, SimpleCommand(tuple(words), tuple(assigned), tuple(redirections), " ".join(self.text(node).split()))
        )

    def one_line(self, items: "list[Node]") -> None:
        """Between the words of one command there are blanks and escaped line ends only."""
        spans = sorted((item.start_byte, item.end_byte) for item in items)
        for (_, end), (start, _) in itertools.pairwise(spans):
            gap = self.data[end:start]
            if b"<" not in gap and b">" not in gap and not grammar.BLANKS.fullmatch(gap):
                raise _NotUnderstood(gap.decode(errors="replace"))

    def redirected(self, node: "Node", depth: int) -> None:
        body = node.child_by_field_name("body")
        redirections: list[Redirection] = []
        for child in node.children:
            if child == body:
                continue
            if child.type in ("file_redirect", "herestring_redirect"):
                redirection, others = self.redirection(child, depth)
                redirections.append(redirection)
                self.give(body, others)
            elif child.type == "heredoc_redirect":
                self.here_document(child, body, depth)
            else:
                raise _NotUnderstood(self.text(child))
        if body is not None:
            self.visit(body, depth + 1)
        if redirections:
            self.pieces.append(SimpleCommand((), (), tuple(redirections)))

    def give(self, body: "Node | None", words: "list[Node]") -> None:
        """Words behind a redirection belong to the command in front of it; the parser adds them to the redirection."""
        if not words:
            return
        while body is not None and body.type in ("list", "pipeline", "redirected_statement", "negated_command"):
            body = body.child_by_field_name("body") or body.named_children[-1]
        if body is None or body.type != "command":
            raise _NotUnderstood(self.text(words[0]))
        self.more_words.setdefault(body.id, []).extend(words)

    def redirection(self, node: "Node", depth: int) -> "tuple[Redirection, list[Node]]":
        operator, targets = "", []
        # The parser skips an escaped blank, with which a file's name may begin.
        for one, other in itertools.pairwise(node.children):
            if not grammar.BLANKS.fullmatch(self.data, one.end_byte, other.start_byte):
                raise _NotUnderstood(self.text(node))
        for child in node.children:
            if child.type == "file_descriptor":
                continue
            if not child.is_named and not operator:
                operator = self.text(child)
            else:
                targets.append(child)
        if operator in (">&-", "<&-"):
            return Redirection(operator, None), targets
        if not targets:
            raise _NotUnderstood(self.text(node))
        return Redirection(operator, self.word(targets[0], depth)), targets[1:]

    def here_document(self, node: "Node", body: "Node | None", depth: int) -> None:
        # Where it ends is the parser's word alone, so a here-document is always shown to a person.
        self.pieces.append(Construct(self.text(node).split("\n", 1)[0], "feeds a here-document"))
        for child in node.children:
            if child.type in ("heredoc_start", "heredoc_end", "file_descriptor") or not child.is_named:
                continue
            if child.type == "heredoc_body":
                self.pieces.append(Construct(self.text(child), "here-document"))
                self.inside(child, depth)
            elif child.type == "file_redirect":
                redirection, others = self.redirection(child, depth)
                self.pieces.append(SimpleCommand((), (), (redirection,)))
                self.give(body, others)
            elif child.type in grammar.WORDS:
                self.give(body, [child])
            else:
                self.visit(child, depth + 1)

    # --- words --------------------------------------------------------------------------------------------------------

    def word(self, node: "Node", depth: int, after: str = "") -> Word:
        if node.is_named and node.type not in grammar.WORDS:
            raise _NotUnderstood(self.text(node))
        self.boundaries(node, after)
        source = self.text(node)
        spans = {
            len(self.data[node.start_byte : self.begin(inner)].decode()): len(
                self.data[node.start_byte : inner.end_byte].decode()
            )
            for inner in self.expansions(node)
        }
        self.inside(node, depth)
        return read_word(source, spans)

    def begin(self, node: "Node") -> int:
        """Where it begins: a backtick's node may have the blanks in front of it as well."""
        raw = self.data[node.start_byte : node.end_byte]
        return node.end_byte - len(raw.lstrip())

    def boundaries(self, node: "Node", after: str) -> None:
        start, end = node.start_byte, node.end_byte
        while self.data[end : end + 2] == b"\\\n":
            end += 2
        while self.data[max(start - 2, 0) : start] == b"\\\n":
            start -= 2
        before = self.data[start - 1] if start else ord(" ")
        behind = self.data[end] if end < len(self.data) else ord(" ")
        if (before not in grammar.BOUNDARY and chr(before) != after) or behind not in grammar.BOUNDARY:
            raise _NotUnderstood(self.text(node))

    def expansions(self, node: "Node") -> "Iterator[Node]":
        """The outermost expansions within a word."""
        if node.type in grammar.SPANS:
            yield node
            return
        for child in node.children:
            yield from self.expansions(child)

    def inside(self, node: "Node", depth: int) -> None:
        """The commands of every substitution within `node`, and what else in it could run one."""
        if depth > MAX_DEPTH:
            raise _NotUnderstood("too many levels")
        kind, source = node.type, self.text(node)
        if kind in ("command_substitution", "process_substitution"):
            source = source.lstrip()
            if source.startswith("`") and "\\" in source:
                raise _NotUnderstood(source)
            if re.match(r"\$\(\s*<", source):
                self.construct(node, "reads a file")
                return
            self.statements(node, depth + 1)
            return
        if kind == "expansion" and not grammar.PLAIN_EXPANSION.fullmatch(source):
            self.construct(node, "expands a variable in a way that may run commands")
        elif kind == "arithmetic_expansion" and not grammar.PLAIN_ARITHMETIC.fullmatch(source):
            self.construct(node, "does arithmetic, which may run commands")
        for child in node.children:
            if child.type == "command" or child.type in grammar.STATEMENTS or child.type == "redirected_statement":
                self.visit(child, depth + 1)
            else:
                self.inside(child, depth + 1)
