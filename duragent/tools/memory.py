"""The tool `memory`: what an agent remembers across sessions."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Literal

from pydantic import Field, model_validator

from duragent.errors import DuragentError, MemoryChanged
from duragent.journal.events import EffectClass
from duragent.memory.base import OWNER, WORLD, Cause, MemoryNote, MemoryPort, NewNote, Scope, Trust, Window, WrittenNote
from duragent.memory.scope import covers
from duragent.tools.base import Tool, ToolArguments, ToolContext, ToolResult, failed

MAX_NOTE_BYTES = 8 * 1024
MAX_TEXT_BYTES = 256 * 1024
LOOKED_AT = 5
"""So many notes that are like a new one are compared with it."""
_WAITS = "It waits for a person in {path}, because something from outside is in this conversation."
_NOTHING_LIKE_IT = "No memories found"


class MemoryTool(Tool["MemoryTool.Arguments"]):
    """Remember across sessions, and look up what is remembered.

    `recall` shows the last days, or with `query` the notes that fit, or with `id` one note. `remember` writes a note of
    today. `reflect` without content shows the long-term memory, MEMORY.md; with content it replaces all of it, so read
    it first. `update_world` replaces what all agents know of a topic. `forget` removes a note by its id.
    """

    name = "memory"
    effect: EffectClass = "idempotent"
    main = "content"
    outside = False
    runs_unasked = ("recall", "remember", "reflect", "update_world")

    class Arguments(ToolArguments):
        action: Literal["recall", "remember", "reflect", "update_world", "forget"] = Field(
            description="What to do: recall, remember, reflect, update_world or forget."
        )
        days: int = Field(default=3, ge=1, le=366, description="For recall: how many days back, today included.")
        query: str = Field(default="", max_length=2_000, description="For recall: words that the notes should have.")
        limit: int = Field(default=5, ge=1, le=50, description="For recall with a query: how many notes at most.")
        id: str = Field(default="", max_length=64, description="For recall and forget: a note's id, like m_3f9k2a7c.")
        content: str = Field(default="", description="For remember: one fact. For reflect and update_world: all of it.")
        replaces: str = Field(
            default="", max_length=64, description="For remember: the id of the note that is not true any more."
        )
        importance: float = Field(default=0.5, ge=0, le=1, description="For remember: from 0 to 1.")
        topic: str = Field(default="", max_length=200, description="For update_world: what it is about.")

        @model_validator(mode="after")
        def _has_what_the_action_needs(self) -> "MemoryTool.Arguments":
            if self.action in ("remember", "update_world") and not self.content.strip():
                raise ValueError(f"{self.action} needs `content`: the text to write")
            if self.action == "update_world" and not self.topic.strip():
                raise ValueError("update_world needs `topic`: what the text is about")
            if self.action == "forget" and not self.id.strip():
                raise ValueError("forget needs `id`: recall with a query shows the ids of notes")
            most = MAX_NOTE_BYTES if self.action == "remember" else MAX_TEXT_BYTES
            if (size := len(self.content.encode("utf-8", "replace"))) > most:
                raise ValueError(f"content has {size:,} bytes, and may have {most:,}")
            return self

    def __init__(self, port: MemoryPort | None = None) -> None:
        self._port = port

    def effect_of(self, arguments: Arguments) -> EffectClass:
        return "pure" if arguments.action == "recall" or _only_reads(arguments) else "idempotent"

    async def run(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        if self._port is None:
            return failed("this agent's memory is not open here")
        work = _Work(self._port, arguments, context)
        try:
            match arguments.action:
                case "recall":
                    return await work.recall()
                case "remember":
                    return await work.remember()
                case "reflect":
                    return await work.reflect()
                case "update_world":
                    return await work.update_world()
                case _:
                    return await work.forget()
        except MemoryChanged as changed:
            return _lost(changed)
        except DuragentError as error:
            return failed(str(error))


def _only_reads(arguments: MemoryTool.Arguments) -> bool:
    return arguments.action == "reflect" and not arguments.content.strip()


class _Work:
    """One call."""

    def __init__(self, port: MemoryPort, arguments: MemoryTool.Arguments, context: ToolContext) -> None:
        self._port, self._given, self._call = port, arguments, context.call

    async def recall(self) -> ToolResult:
        given = self._given
        if given.id.strip():
            note = await self._port.note(given.id.strip())
            return ToolResult(shown(note), details=_of_others([note])) if note else ToolResult(_unknown(given.id))
        if given.query.strip():
            notes = await self._port.search(given.query, given.limit)
            text = "\n".join(map(shown, notes)) or _NOTHING_LIKE_IT
            return ToolResult(text, details={"notes": [note.id for note in notes], **_of_others(notes)})
        return ToolResult(await self._port.recall_text(given.days))

    async def remember(self) -> ToolResult:
        from duragent.memory.trust import known_already, trust_of

        given, window = self._given, await self._port.window()
        scope = await self._place_of_new_notes()
        if scope is None:
            return failed("nothing can be remembered in this conversation: it is not known whose it is")
        trust = trust_of(given.content, window.owners, window.outside, touched=window.touched)
        new = self._new(given.content, scope, trust, window)
        if new.replaces:
            if refused := await self._not_replaceable(new.replaces):
                return failed(refused)
        elif known := known_already(given.content, window.recalled):
            # A model that repeats what it was shown says nothing; the owner who says it again does.
            return await self._known(known, reinforce=trust == "owner")
        elif known := await self._same(new):
            return await self._known(known, reinforce=trust != "unreviewed")
        written = await self._port.remember(new, self._call.call)
        return _remembered(written, trust)

    async def _not_replaceable(self, note: str) -> str:
        """Why that note keeps its place; "" when a new one may take it."""
        found = await self._port.note(note)
        if found is None:
            return _unknown(note)
        return "" if covers(await self._port.writes(), found.scope) else f"{note} belongs to another conversation"

    async def _same(self, new: NewNote) -> str:
        """The id of a note that says nearly the same; "" for none. What this call wrote itself is not meant."""
        from duragent.memory.score import says_the_same
        from duragent.memory.writes import call_note_id

        own = call_note_id(new)
        found = await self._port.search(new.text, LOOKED_AT)
        same = [
            note.id
            for note in found
            if note.scope == new.scope and note.file.endswith(".md") and says_the_same(note.text, new.text)
        ]
        return "" if own in same else next(iter(same), "")

    async def _known(self, note: str, *, reinforce: bool) -> ToolResult:
        found = await self._port.note(note) if reinforce else None
        if found is not None and covers(await self._port.writes(), found.scope):
            await self._port.reinforce(note, self._call.call)
        return ToolResult(f"known already: {note}", details={"note": note, "known": True})

    async def reflect(self) -> ToolResult:
        if OWNER not in await self._port.reads():
            return failed("this conversation has no part in the long-term memory")
        if _only_reads(self._given):
            text = await self._port.long_term()
            if not text.strip():
                return ToolResult("MEMORY.md is empty. Call reflect with content to create it.")
            return ToolResult(f"Current MEMORY.md:\n\n{text}")
        window = await self._port.window()
        if (trust := self._whole_text_trust(window)) == "unreviewed":
            return await self._propose("MEMORY.md", OWNER, trust, window)
        written = await self._port.reflect(self._given.content, self._call.call)
        return _whole("Reflected. Updated", written)

    async def update_world(self) -> ToolResult:
        given = self._given
        if WORLD not in await self._port.writes():
            return failed("only the owner's conversations change what all agents know")
        window = await self._port.window()
        if (trust := self._whole_text_trust(window)) == "unreviewed":
            from duragent.memory.topics import topic_stem

            file = f"world/{topic_stem(given.topic, lambda _: None)}.md"
            return await self._propose(file, WORLD, trust, window)
        written = await self._port.update_world(given.topic.strip(), given.content, self._call.call)
        return _whole("Updated world knowledge at", written)

    async def forget(self) -> ToolResult:
        note = self._given.id.strip()
        found = await self._port.note(note)
        if found is None:
            if (written := await self._port.forgotten(note, self._call.call)) is None:
                return failed(_unknown(note))
        elif not covers(await self._port.writes(), found.scope):
            return failed(f"{note} belongs to another conversation")
        else:
            written = await self._port.forget(note, self._call.call)
        return ToolResult(f"Forgotten: {note} of {written.path}", details={"note": note, "path": written.path})

    async def _place_of_new_notes(self) -> Scope | None:
        writes = await self._port.writes()
        return writes[0] if writes else None

    def _whole_text_trust(self, window: Window) -> Trust:
        from duragent.memory.trust import trust_of

        return trust_of(self._given.content, window.owners, window.outside, touched=window.touched)

    async def _propose(self, file: str, scope: Scope, trust: Trust, window: Window) -> ToolResult:
        new = replace(self._new(self._given.content, scope, trust, window), proposes=file)
        written = await self._port.propose(file, new, self._call.call)
        return ToolResult(
            f"Nothing was changed. {_WAITS.format(path=written.path)}", details={"path": written.path, "waits": True}
        )

    def _new(self, content: str, scope: Scope, trust: Trust, window: Window) -> NewNote:
        cause = Cause(self._call.session_id, window.seq, self._call.call)
        milli = round(self._given.importance * 1_000)
        return NewNote(content, scope, milli, trust, cause, self._given.replaces.strip())


def shown(note: MemoryNote) -> str:
    """One note for a model: when it was written, its text, its id."""
    day = f"{note.written_at[:10]}, " if note.written_at else ""
    said = {"owner": "a person said it", "agent": "you wrote it", "unreviewed": "waits for review"}[note.trust]
    heading = f"{note.heading}: " if note.heading else ""
    return f"- ({day}{said}) {heading}{' '.join(note.text.split())} [{note.id}]"


def _of_others(notes: Sequence[MemoryNote]) -> dict[str, list[str]]:
    """Those whose words are no words of the owner: they count as something from outside."""
    others = [note.id for note in notes if note.scope.kind in ("person", "chat")]
    return {"of_others": others} if others else {}


def _remembered(written: WrittenNote, trust: Trust) -> ToolResult:
    details = {"note": written.note, "path": written.path, "trust": trust}
    text = f"Remembered. Written to {written.path}"
    if trust == "unreviewed":
        return ToolResult(f"{text}\n{_WAITS.format(path=written.path)}", details={**details, "waits": True})
    return ToolResult(text + _theirs(written), details=details)


def _whole(done: str, written: WrittenNote) -> ToolResult:
    return ToolResult(f"{done} {written.path}{_theirs(written)}", details={"path": written.path})


def _theirs(written: WrittenNote) -> str:
    kept = f"A person saved that file in the same moment; what they saved is kept as {written.theirs}."
    unread = "It had a text that you had not read. That text is kept: a person can put it back with undo."
    return (f"\n{unread}" if written.unread else "") + (f"\n{kept}" if written.theirs else "")


def _lost(changed: MemoryChanged) -> ToolResult:
    parts = [f"{changed}. Merge your text with what it has now, and try again."]
    if changed.diff:
        parts.append(f"What changed since you read it:\n{changed.diff}")
    parts.append(f"What it has now:\n\n{changed.text}" if changed.text.strip() else "It is empty now.")
    return failed("\n\n".join(parts), file=changed.file)


def _unknown(note: str) -> str:
    return f"there is no note {note.strip()[:64]}; recall with a query shows notes with their ids"
