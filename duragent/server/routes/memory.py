"""`/agents/{name}/memory`: what an agent remembers. `worldMemory` as the name is what all agents share.

Nothing of the rooms behind it is loaded before the first of these requests.
"""

import asyncio
from typing import TYPE_CHECKING

from starlette.requests import Request
from starlette.responses import Response

from duragent.errors import InvalidRequest, MemoryFull, NotFound
from duragent.server.dependencies import Dependencies
from duragent.server.memories import (
    WORLD_NAME,
    agent_of,
    all_notes,
    diff_of,
    file_changed_at,
    memories_of,
    mind_of,
    note_fields,
    note_info,
    pending_info,
    waiting_of,
)
from duragent.server.params import (
    ForgetQuery,
    MemoryUndoQuery,
    MindLogQuery,
    NoteSearchQuery,
    NotesQuery,
    body_of,
    idempotency_key_of,
    misfit,
    query_of,
)
from duragent.server.responses import answer, replayed
from duragent.wire import (
    AddNote,
    ForgetMemory,
    ForgottenMemory,
    ForgottenNote,
    FoundNote,
    MemoryIndexInfo,
    MemoryJob,
    MemoryRepaired,
    MemoryUndone,
    MemoryUndoPlan,
    MemoryWork,
    MindRecords,
    NoteInfo,
    NoteList,
    NoteSearch,
    Reviewed,
    ReviewNote,
    UndoMemory,
)

if TYPE_CHECKING:
    from duragent.journal.mind.state import FileVersion
    from duragent.memory.base import MemoryNote, Scope
    from duragent.memory.recall import NoteRecall
    from duragent.mind.actor import Mind
    from duragent.mind.forgetting import ForgetRequest, Gone

_SEARCH_BUDGET_TOKENS = 20_000


def _name(request: Request) -> str:
    return str(request.path_params["name"])


# --- notes ----------------------------------------------------------------------------------------------------------


async def list_notes(dependencies: Dependencies, request: Request) -> Response:
    name, query = _name(request), query_of(request, NotesQuery)
    mind = await mind_of(dependencies, name)
    notes, faults = await all_notes(mind)
    wanted = [note for note in notes if _is_wanted(note, query)]
    page = wanted[query.skip : query.skip + query.limit]
    waiting = await waiting_of(mind)
    infos = [await _info(dependencies, name, mind, note, whole=query.trust == "unreviewed") for note in page]
    return answer(NoteList(notes=infos, total=len(wanted), waiting=waiting, faults=list(faults)))


def _is_wanted(note: "MemoryNote", query: NotesQuery) -> bool:
    return (
        query.file in (None, note.file)
        and query.scope in (None, str(note.scope))
        and query.trust in (None, note.trust)
        and (query.match or "") in note.id
    )


async def get_note(dependencies: Dependencies, request: Request) -> Response:
    name = _name(request)
    mind = await mind_of(dependencies, name)
    note = await _found(mind, str(request.path_params["note"]))
    return answer(await _info(dependencies, name, mind, note, whole=True))


async def _found(mind: "Mind", wanted: str) -> "MemoryNote":
    notes, _ = await all_notes(mind)
    note = next((note for note in notes if note.id == wanted), None)
    if note is None:
        raise NotFound(f"no note '{wanted[:40]}' is there")
    return note


async def _info(dependencies: Dependencies, name: str, mind: "Mind", note: "MemoryNote", *, whole: bool) -> NoteInfo:
    from duragent.memory.notes import UNREVIEWED
    from duragent.mind.pending import Pending

    if note.file != UNREVIEWED:
        return await note_info(mind, note)
    since = next((review.since for review in mind.state.reviews if review.note == note.id), note.written_at)
    if not whole:
        return await note_info(mind, note, waits_since=since or None)
    return await pending_info(dependencies, memories_of(dependencies, name).minds(), mind, Pending(note, since))


async def add_note(dependencies: Dependencies, request: Request) -> Response:
    from duragent.memory.base import NewNote
    from duragent.memory.notes import MAX_NOTE_BYTES

    name, key, body = _name(request), idempotency_key_of(request), await body_of(request, AddNote)
    mind = await mind_of(dependencies, name)
    size = len(body.text.encode("utf-8", "replace"))
    if size > MAX_NOTE_BYTES:
        raise MemoryFull("the note", size, MAX_NOTE_BYTES)
    if (name == WORLD_NAME) != bool(body.topic):
        raise misfit("topic", f"goes with {WORLD_NAME}, and has to be there with it")
    if body.topic:
        made, known = await _add_to_topic(mind, body)
        return answer(made, 201, replayed(known))
    if body.replaces:
        await _found(mind, body.replaces)
    new = NewNote(body.text, importance_milli=round(body.importance * 1000), trust="owner", replaces=body.replaces)
    note, saved = await mind.remember(new, person=body.by or "http", key=key or "")
    return answer(await note_info(mind, await _found(mind, note.id)), 201, replayed(saved is None))


async def _add_to_topic(mind: "Mind", body: AddNote) -> tuple[NoteInfo, bool]:
    """One paragraph more at the end of a topic; whether it is the last one already."""
    from duragent.memory.writes import titled, topic_file

    file = await asyncio.to_thread(topic_file, mind.folder, body.topic)
    text, sha256 = await mind.read(file)
    paragraph = body.text.strip()
    known = text.rstrip().endswith(f"\n{paragraph}")
    if not known:
        before = f"{text.rstrip()}\n\n" if text.strip() else ""
        whole = f"{before}{paragraph}" if before else titled(body.topic, paragraph)
        await mind.write_whole(file, f"{whole}\n", sha256, person=body.by or "http")
    notes = await asyncio.to_thread(mind.folder.notes_of, file)
    return await note_info(mind, notes[-1]), known


async def delete_note(dependencies: Dependencies, request: Request) -> Response:
    """The note is in no file and no index when this answers."""
    from duragent.mind.forgetting import ForgetRequest

    name, note, query = _name(request), str(request.path_params["note"]), query_of(request, ForgetQuery)
    mind = await mind_of(dependencies, name)
    await _found(mind, note)
    gone = await _forget(dependencies, name, ForgetRequest(notes=(note,), by=query.by or "http", reason=query.reason))
    return answer(ForgottenNote(note=note, left=list(gone.left)))


async def forget_notes(dependencies: Dependencies, request: Request) -> Response:
    """All of it is in no file, no index and no text of a session when this answers."""
    from duragent.mind.forgetting import ForgetRequest

    name, body = _name(request), await body_of(request, ForgetMemory)
    if not (body.notes or body.person or body.match):
        raise InvalidRequest("say what is to be forgotten: notes, a person, or words")
    mind = await mind_of(dependencies, name)
    asked = ForgetRequest(
        tuple(body.notes), body.person, body.match, body.by or "http", body.reason, dry_run=body.dry_run
    )
    gone = await _forget(dependencies, name, asked)
    notes = [await note_info(mind, note) for note in gone.notes]
    return answer(ForgottenMemory(notes=notes, texts=gone.texts, left=list(gone.left)))


async def _forget(dependencies: Dependencies, name: str, asked: "ForgetRequest") -> "Gone":
    return await memories_of(dependencies, name).forgetter().forget(agent_of(name), asked)


async def review_note(dependencies: Dependencies, request: Request) -> Response:
    from duragent.mind.reviews import Verdict, decide

    name, note, body = _name(request), str(request.path_params["note"]), await body_of(request, ReviewNote)
    if (body.verdict == "edit") != bool((body.text or "").strip()):
        raise misfit("text", "goes with the verdict `edit`, and has to be there with it")
    mind = await mind_of(dependencies, name)
    verdict = Verdict(body.verdict, body.by or "http", body.text or "", body.proposes_sha256)
    minds = memories_of(dependencies, name).minds()
    file = await decide(minds, agent_of(name), note, verdict)
    return answer(Reviewed(note=note, verdict=body.verdict, file=file or None, waiting=await waiting_of(mind)))


# --- search and index -----------------------------------------------------------------------------------------------


async def _recall(dependencies: Dependencies, name: str) -> "NoteRecall":
    if name == WORLD_NAME:
        raise NotFound("what all agents share is in the index of each agent: name one")
    return await memories_of(dependencies, name).recall(name)


async def search_notes(dependencies: Dependencies, request: Request) -> Response:
    from duragent.memory.base import RecallQuery

    name, query = _name(request), query_of(request, NoteSearchQuery)
    recall, mind = await _recall(dependencies, name), await mind_of(dependencies, name)
    asked = RecallQuery(query.q, await _every_scope(mind), limit=query.limit, budget_tokens=_SEARCH_BUDGET_TOKENS)
    found = await recall.look_up(asked)
    minds = memories_of(dependencies, name).minds()
    notes = [
        FoundNote(
            **note_fields(mind, each.note) | {"trust": each.note.trust},
            file_changed_at=await file_changed_at(
                await minds.world() if each.note.file.startswith("world/") else mind, each.note
            ),
            score=each.score_milli / 1000,
            coverage=each.coverage_milli / 1000,
            age_hours=each.age_hours,
            own=list(each.own),
            near=list(each.near),
            left_out=each.left_out or None,
        )
        for each in found.candidates
    ]
    return answer(
        NoteSearch(
            index_rev=found.index_rev,
            indexed=found.notes,
            took_ms=found.took_ms,
            silent=found.silent or None,
            embedder=found.embedder or None,
            notes=notes,
        )
    )


async def _every_scope(mind: "Mind") -> "tuple[Scope, ...]":
    """What the owner may read: everything."""
    from duragent.memory.base import OWNER, WORLD
    from duragent.memory.notes import scope_of

    files, _ = await asyncio.to_thread(mind.folder.files)
    return tuple(dict.fromkeys((OWNER, WORLD, *map(scope_of, files))))


async def check_index(dependencies: Dependencies, request: Request) -> Response:
    recall = await _recall(dependencies, _name(request))
    return answer(_index_info(recall, await recall.check()))


async def rebuild_index(dependencies: Dependencies, request: Request) -> Response:
    recall = await _recall(dependencies, _name(request))
    await recall.rewrite(from_start=True)
    return answer(_index_info(recall, await recall.check()))


def _index_info(recall: "NoteRecall", problems: list[str]) -> MemoryIndexInfo:
    embedder = recall.vectors.label if recall.vectors else None
    return MemoryIndexInfo(rev=recall.index.rev, problems=problems, embedder=embedder)


# --- the log --------------------------------------------------------------------------------------------------------


async def get_log(dependencies: Dependencies, request: Request) -> Response:
    query = query_of(request, MindLogQuery)
    mind = await mind_of(dependencies, _name(request))
    records = await mind.log.records_back(query.before, query.limit)
    shown = [
        {"seq": record.seq, "ts": record.ts, **record.event.model_dump(mode="json"), "type": record.event.type}
        for record in records
    ]
    return answer(MindRecords(records=shown, head=mind.state.seq))


async def plan_undo(dependencies: Dependencies, request: Request) -> Response:
    query = query_of(request, MemoryUndoQuery)
    mind = await mind_of(dependencies, _name(request))
    version = _newest(mind, query.file)
    now, _ = await mind.read(version.file)
    before = (await mind.log.blob(version.sha256)).decode() if version.sha256 else ""
    return answer(MemoryUndoPlan(file=version.file, seq=version.seq, diff=diff_of(now, before, version.file)))


def _newest(mind: "Mind", file: str | None) -> "FileVersion":
    version = next((each for each in reversed(mind.state.versions) if file in (None, each.file)), None)
    if version is None:
        of = f" of {file[:80]}" if file else ""
        raise NotFound(f"no earlier version{of} is kept; `duragent memory log` shows what was written")
    return version


async def undo_write(dependencies: Dependencies, request: Request) -> Response:
    body = await body_of(request, UndoMemory)
    mind = await mind_of(dependencies, _name(request))
    newest = _newest(mind, body.file)
    undone = next((each for each in mind.state.versions if (each.file, each.seq) == (body.file, body.seq)), None)
    done = undone is not None and undone is not newest
    done = done and undone is not None and (newest.sha256, newest.after_sha256) == (undone.after_sha256, undone.sha256)
    if not done:
        await mind.undo(body.file, body.by or "http", body.seq)
    return answer(MemoryUndone(file=body.file, seq=body.seq))


async def repair_log(dependencies: Dependencies, request: Request) -> Response:
    name = _name(request)
    minds, agent = memories_of(dependencies, name).minds(), agent_of(name)
    await minds.repair(agent)
    return answer(MemoryRepaired(head=(await minds.of(agent)).state.seq))


async def get_work(dependencies: Dependencies, request: Request) -> Response:
    name = _name(request)
    if name == WORLD_NAME:
        raise NotFound("work in the background belongs to an agent: name one")
    mind, memory = await mind_of(dependencies, name), dependencies.catalog.get(name).spec.memory
    assert memory is not None
    day = f"{dependencies.clock.now():%Y-%m-%d}"
    spent, sleep, state = mind.state.spent_on(day), memory.sleep, mind.state
    jobs = [
        MemoryJob(kind=job.kind, session=job.session or None, estimate_tokens=job.tokens, lost=lost)
        for lost, listed in ((False, state.jobs), (True, state.lost_jobs))
        for job in listed
    ]
    return answer(
        MemoryWork(
            day=day,
            tokens=spent.tokens,
            tokens_per_day=sleep.tokens_per_day,
            cost_usd=spent.usd,
            cost_usd_per_day=sleep.cost_usd_per_day,
            jobs=jobs,
        )
    )
