"""The steps of a new user's first day at a terminal, as a table. A step is done where a test says `day.step(NAME)`."""

from typing import NamedTuple

from tests.support.window import Size

SIZES = (Size(80, 24), Size(120, 40), Size(40, 20))
USUAL, WIDE, NARROW = SIZES


class Step(NamedTuple):
    """What the person does, and what the person must see then."""

    name: str
    does: str
    sees: str


STEPS = (
    # --- the first chat: test_first_chat.py, in every size ---
    Step("help", "duragent --help", "the commands, each line within the window"),
    Step("first chat", "duragent chat in an empty folder", "what was made, which model answers, and a prompt"),
    Step("first answer", "says hello", "what was said, once, and the answer below it"),
    Step("wide letters", "types letters that are two cells wide, and emoji", "the cursor behind them; the answer"),
    Step("long answer", "asks for more than a screen", "all of it in the scrollback, in order, once"),
    Step("menu", "types /", "commands in a menu; Esc and Backspace take it away"),
    Step("commands", "/help", "each command with what it does, below what was typed"),
    Step("unknown command", "/nonsense", "that there is none, and where they are listed"),
    Step("several lines", "Alt-Enter between two lines", "one message of two lines"),
    Step("older line", "Up", "what was typed before, ready to be sent again"),
    Step("stop", "Ctrl-C in an answer", "that it stopped, and the words until then"),
    Step("nothing to stop", "Ctrl-C at an empty prompt", "how to leave"),
    Step("detach", "Ctrl-D", "how to come back; a shell's line below all of it"),
    # --- a day later: test_going_on.py ---
    Step("nothing said", "chat, then Ctrl-D", "no session is left"),
    Step("the last one", "chat -c", "what was said last, and the same session goes on"),
    Step("a picker", "chat --resume, a word, Enter", "the sessions by their first words; the one that fits"),
    Step("a picker in a chat", "/sessions, Esc; /sessions, a word, Enter", "the chat as it was; the other session"),
    Step("attach", "attach without an id", "the session that was used last"),
    Step("the list", "session list", "each session with what it is about, and idle"),
    Step("another agent", "agent create poet; chat, a word, Enter", "the agents; a chat with the one that fits"),
    # --- work on files: test_work.py ---
    Step("a first message on the command line", "chat 'replace … in poem.txt'", "the question, its keys, a prompt"),
    Step("the change before the decision", "begins a message, Esc", "the diff and the keys; that a draft is no answer"),
    Step("an edit refused", "n", "who denied it; the draft again; the file as it was"),
    Step("an edit allowed", "asks again; y", "the change in a line; its diff stood in the question"),
    Step("what was changed", "/diff", "the change, against what the file was at first"),
    Step("taken back", "/undo", "what is put back, and the file as it was"),
    Step(
        "taken back after another change",
        "another edit, by hand; /undo",
        "a refusal; the file as it is",
    ),
    Step(
        "allowed for the session",
        "a, Enter; another edit",
        "what is allowed, in words; no question about the next",
    ),
    Step("an allowance taken back", "policy list, policy revoke; an edit", "what it was; the question again"),
    Step("a command of one's own", "!ls; seq 1 100", "its output, cut, with its exit code"),
    Step("all of a long result", "Ctrl-O", "the lines that were left out, in the pager; the chat again"),
    Step("how things stand", "looks at the line above the prompt", "model, context in percent"),
    Step("a long paste", "pastes 30 lines, Enter", "one mark for it; all of it is sent"),
    Step("a huge paste", "pastes 4 MB, Ctrl-C", "soon that it is too much, and what can be done"),
    Step("the conversation as a file", "/export talk.md", "where it is; what was said is in it"),
    Step("another model", "/model", "what answers now, and how to choose"),
    Step("another answer", "/retry", "the last message, asked again"),
    Step("one question", "duragent ask", "the answer, and the shell again"),
    # --- memory: test_memory.py ---
    Step("something to remember", "remember that …; then has a page read", "where the note went; which one waits"),
    Step("a note that waits", "another chat", "in its head, that one waits, and the command for it"),
    Step("a note that comes back", "what do you know about …?", "what was recalled; the answer, without what waits"),
    Step("why", "/why", "the question, and the words by which the note was found"),
    Step("a review", "duragent memory review, n", "where it comes from, its words, the keys; that it is forgotten"),
    # --- what goes wrong: test_trouble.py ---
    Step("wrong key", "asks a provider that refuses the key", "that it is the key, and no traceback"),
    Step("a key that comes later", "chat, after a key was exported", "two questions; the provider's answer"),
    Step("right key", "asks again when the provider takes it", "the answer, in the same session"),
    Step("slow provider", "asks a provider that has no time", "that it is asked again, and when; then the answer"),
    Step("server dies in an answer", "kill -9 in the middle", "that the server was gone; then the whole answer"),
    Step("server dies under a question", "kill -9, then y", "the question all the time; what was allowed, done once"),
    Step("server is stopped", "serve stop, then another message", "the answer of a server that was started for it"),
    Step("window changes in an answer", "narrower, wider, as before", "the answer once, and the prompt below it"),
    Step("window changes under a draft", "narrower, and as before", "the draft, whole"),
    Step("window changes under a question", "narrower, wider, as before", "the question and its keys, whole"),
    Step("a second terminal", "attach in another window", "the same session"),
    Step("messages of the other", "types a draft while Ada writes", "Ada's name and message; the draft is left alone"),
    Step("the other decides", "looks on while Ada allows a command", "who decided; the question is gone"),
    # --- how it looks: test_looks.py ---
    Step("no colours", "NO_COLOR=1 duragent chat, a table, code, a command, a question", "no colours anywhere"),
    Step("light background", "the same where letters are black on white", "no letter that is hard to read on white"),
    Step("nothing is redrawn", "TERM=dumb, a message of one line, another of two", "lines, and no escape codes"),
    Step("a file in lines", "@ and the name of a photo", "that it went with the message"),
    Step("a question in lines", "a message, then a line that is an answer", "the question, its answers, a line each"),
    Step("stopped and left in lines", "Ctrl-C, Ctrl-C, Ctrl-D", "Stopped; how to leave; how to come back"),
    # --- more than a line of text: test_input_line.py, in every size ---
    Step("a file in a message", "see @not, Tab", "the file is offered, taken, and goes with the message"),
    Step("an image in a message", "pastes the path of a photo, Enter", "@ and its name; that it went with the message"),
    Step("an image of the clipboard", "Ctrl-V, Enter", "a mark for it; that it went with the message"),
    Step("one's own editor", "Ctrl-G", "what was edited, in the line"),
    Step("a search", "Ctrl-R, a word, another, Enter", "the older line, ready to be changed and sent"),
    Step("a huge paste as a file", "pastes 2 MB, Ctrl-X f", "that it is too much; the name of its file in the line"),
    Step("a command from a file", "writes commands/greet.md; /gre, Tab", "it is in the menu; its text is sent"),
    Step("the answer in the clipboard", "/copy", "how much of it, and where"),
    Step("a fork", "/fork, a message", "what was said; the answer, in a session of its own"),
    Step("another window is in front", "a message, while it is", "a bell and a notice of the answer"),
)

BY_NAME = {step.name: step for step in STEPS}
