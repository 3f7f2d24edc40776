"""The routes of what agents remember, as a part of the one table."""

from duragent import wire
from duragent.server.params import ForgetQuery, MemoryUndoQuery, MindLogQuery, NoteSearchQuery, NotesQuery
from duragent.server.routes import memory, memory_import
from duragent.server.routing import Route

MEMORY = "/api/v1/agents/{name}/memory"

MEMORY_ROUTES = (
    Route(
        "GET", f"{MEMORY}/notes", memory.list_notes, "What an agent remembers.", {200: wire.NoteList}, query=NotesQuery
    ),
    Route("POST", f"{MEMORY}/notes", memory.add_note, "Write a note.", {201: wire.NoteInfo}, body=wire.AddNote),
    Route("GET", f"{MEMORY}/notes/{{note}}", memory.get_note, "One note.", {200: wire.NoteInfo}),
    Route(
        "DELETE",
        f"{MEMORY}/notes/{{note}}",
        memory.delete_note,
        "Forget it for good, and say where its words still stand.",
        {200: wire.ForgottenNote},
        query=ForgetQuery,
    ),
    Route(
        "POST",
        f"{MEMORY}/notes/{{note}}/review",
        memory.review_note,
        "Decide about a note that waits for a person.",
        {200: wire.Reviewed},
        body=wire.ReviewNote,
        repeatable=True,
    ),
    Route(
        "POST",
        f"{MEMORY}/forget",
        memory.forget_notes,
        "Forget all notes of a person, or all with some words, for good; say where they still stand.",
        {200: wire.ForgottenMemory},
        body=wire.ForgetMemory,
    ),
    Route(
        "POST",
        f"{MEMORY}/import",
        memory_import.import_memory,
        "Take in what another program remembered; what is here already is not written again.",
        {200: wire.ImportedMemory},
        body=wire.ImportMemory,
        repeatable=True,
    ),
    Route(
        "GET", f"{MEMORY}/search", memory.search_notes, "What is found.", {200: wire.NoteSearch}, query=NoteSearchQuery
    ),
    Route(
        "GET", f"{MEMORY}/index", memory.check_index, "Compare the index with the notes.", {200: wire.MemoryIndexInfo}
    ),
    Route(
        "POST", f"{MEMORY}/index", memory.rebuild_index, "Make it again.", {200: wire.MemoryIndexInfo}, repeatable=True
    ),
    Route(
        "GET",
        f"{MEMORY}/log",
        memory.get_log,
        "What was written and by whom: the newest records of the memory's log.",
        {200: wire.MindRecords},
        query=MindLogQuery,
    ),
    Route("POST", f"{MEMORY}/repair", memory.repair_log, "Mend the memory's log.", {200: wire.MemoryRepaired}),
    Route(
        "GET",
        f"{MEMORY}/undo",
        memory.plan_undo,
        "What an undo of the newest write would do; it changes nothing.",
        {200: wire.MemoryUndoPlan},
        query=MemoryUndoQuery,
    ),
    Route(
        "POST",
        f"{MEMORY}/undo",
        memory.undo_write,
        "Put a file of the memory back as it was before its newest write.",
        {200: wire.MemoryUndone},
        body=wire.UndoMemory,
        repeatable=True,
    ),
    Route("GET", f"{MEMORY}/work", memory.get_work, "What work in the background used today.", {200: wire.MemoryWork}),
)
