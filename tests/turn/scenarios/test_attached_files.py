"""Files of messages and of results, from the door to what the model is sent; and with every copy of a session."""

from pathlib import Path

import pytest

from duragent.errors import BadModelRequest, DuragentError, InvalidRequest
from duragent.journal.events import Attachment, MessageReceived, ToolFinished
from duragent.journal.inputs import ChooseModel, Message
from duragent.stores.base import Store
from duragent.stores.files.reader import FileLogReader
from duragent.stores.files.store import FileStore
from duragent.stores.memory import MemoryStore
from duragent.testing import ScriptedModel
from duragent.tools.base import ResultFile, ToolContext, ToolResult
from duragent.transfer.export import export
from duragent.transfer.fork import Fork, fork
from duragent.transfer.import_ import import_
from tests.support.house import House, open_house
from tests.support.logs import QuickDisk
from tests.support.pictures import png
from tests.support.probes import DO_IT, Deed, given, nothing

SEES = ChooseModel(provider="anthropic", model="claude-sonnet-4-5")
PNG, OTHER = png(), png(colour=9)


class Camera(Deed):
    """A deed whose result has files."""

    def __init__(self, *files: ResultFile) -> None:
        super().__init__("pure", nothing)
        self.files = files

    async def run(self, arguments: Deed.Arguments, context: ToolContext) -> ToolResult:
        await super().run(arguments, context)
        return ToolResult("here it is", files=self.files)


async def send(house: House, session: str, *files: Attachment, text: str = "look", key: str | None = None) -> int:
    message = Message(text=text, attachments=files, idempotency_key=key)
    return (await house.sessions.post(session, message)).seq


async def told(house: House, session: str, *files: Attachment) -> None:
    assert (await house.sessions.answer(session, await send(house, session, *files))).outcome == "completed"


async def seeing(house: House) -> str:
    session = await house.new()
    await house.sessions.post(session, SEES)
    return session


async def test_the_model_gets_the_bytes_of_an_image_also_in_later_questions(tmp_path: Path) -> None:
    model = ScriptedModel(["I see", "still"])
    async with open_house(MemoryStore(), model, tmp_path) as house:
        session = await seeing(house)
        file = await house.sessions.attach(session, PNG, "a.png")
        await told(house, session, file)
        await told(house, session)
    for request in model.requests:
        [shown] = request.messages[1].attachments
        assert (shown.name, request.files[shown.sha256]) == ("a.png", PNG)
        assert request.messages[1].content == f"look\n\n[file a.png (image/png, {len(PNG)} bytes) is attached]"
    assert model.requests[1].messages[1] == model.requests[0].messages[1]


async def test_a_model_that_does_not_see_is_told_what_there_is(tmp_path: Path) -> None:
    model = ScriptedModel(["which one?", "now I see"])
    async with open_house(MemoryStore(), model, tmp_path) as house:
        session = await house.new()
        await told(house, session, await house.sessions.attach(session, PNG, "a.png"))
        # A model that is chosen later sees what was sent before.
        await house.sessions.post(session, SEES)
        await told(house, session)
    assert [len(request.files) for request in model.requests] == [0, 1]
    assert "whose content this model does not get" in model.requests[0].messages[-1].content


async def test_a_result_has_its_files_and_what_is_too_much_is_left_out(tmp_path: Path) -> None:
    camera = Camera(
        ResultFile("/tmp/a.png", PNG),
        ResultFile("huge", b"x" * ((20 << 20) + 1)),
        *(ResultFile(f"{at}.txt", b"%d" % at) for at in range(25)),
    )
    model = ScriptedModel([DO_IT, "nice"])
    async with open_house(MemoryStore(), model, tmp_path, workbench=given(tmp_path, camera)) as house:
        session = await seeing(house)
        await told(house, session)
        [result] = [event for event in await house.events(session) if isinstance(event, ToolFinished)]
        assert [file.name for file in result.attachments] == ["a.png", *(f"{at}.txt" for at in range(18))]
        assert await house.sessions.blob(session, result.attachments[0].sha256) == PNG
    shown = model.requests[1].messages[-1]
    assert (shown.role, [file.name for file in shown.attachments]) == ("tool", ["a.png"])
    assert model.requests[1].files[shown.attachments[0].sha256] == PNG
    assert "[end of 17.txt]" in shown.content


async def test_results_with_other_images_are_other_results(tmp_path: Path) -> None:
    """A screen that changes is no circle, also where its words stay."""

    class Screen(Camera):
        async def run(self, arguments: Deed.Arguments, context: ToolContext) -> ToolResult:
            self.files = (ResultFile("screen.png", png(colour=self.runs)),)
            return await super().run(arguments, context)

    async with open_house(
        MemoryStore(), ScriptedModel([DO_IT] * 8 + ["done"]), tmp_path, workbench=given(tmp_path, Screen())
    ) as house:
        session = await seeing(house)
        await told(house, session)
        results = [event for event in await house.events(session) if isinstance(event, ToolFinished)]
    assert len({result.signature for result in results}) == len(results) == 8
    assert [result.note for result in results] == [""] * 8


async def test_a_turn_with_an_image_that_is_too_large_fails_in_words_and_the_session_goes_on(tmp_path: Path) -> None:
    model = ScriptedModel(["hello"])
    async with open_house(MemoryStore(), model, tmp_path) as house:
        session = await seeing(house)
        file = await house.sessions.attach(session, b"\x89PNG\r\n\x1a\n" + b"x" * (6 << 20), "a.png")
        answer = await house.sessions.answer(session, await send(house, session, file))
        assert (answer.outcome, answer.code) == ("failed", "bad-model-request")
        assert "the image a.png is too large" in answer.reason
        await told(house, session)
    assert "a.png" in model.requests[0].messages[1].content
    assert model.requests[0].files == {}


async def test_an_image_that_the_provider_refuses_costs_one_turn(tmp_path: Path) -> None:
    model = ScriptedModel(
        [BadModelRequest("could not process image"), "hello", "and this one I see"], label="anthropic/claude-sonnet-4-5"
    )
    async with open_house(MemoryStore(), model, tmp_path) as house:
        session = await seeing(house)
        bad = await house.sessions.attach(session, PNG, "bad.png")
        answer = await house.sessions.answer(session, await send(house, session, bad))
        assert (answer.outcome, answer.reason) == ("failed", "could not process image")
        await told(house, session)
        await told(house, session, await house.sessions.attach(session, OTHER, "good.png"))
    assert [list(request.files.values()) for request in model.requests] == [[PNG], [], [OTHER]]
    assert "read_file" not in model.requests[1].messages[1].content, "the agent does not have it"


async def test_a_message_that_comes_again_counts_once(tmp_path: Path) -> None:
    async with open_house(MemoryStore(), ScriptedModel(["I see"]), tmp_path) as house:
        session = await house.new()
        file = await house.sessions.attach(session, PNG, "a.png")
        bare = Attachment(name="a.png", sha256=file.sha256)
        assert await send(house, session, file, key="k") == await send(house, session, bare, key="k")
        received = [event for event in await house.events(session) if isinstance(event, MessageReceived)]
        assert [event.attachments for event in received] == [(file,)]


async def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    async with open_house(MemoryStore(), ScriptedModel([]), tmp_path) as house:
        with pytest.raises(InvalidRequest, match="upload it first"):
            await send(house, await house.new(), Attachment(name="a", sha256="0" * 64))


# --- copies ---------------------------------------------------------------------------------------------------------


def _store(folder: Path) -> FileStore:
    store = FileStore(folder / "sessions", disk=QuickDisk())
    store.open()
    return store


async def _files_of(store: Store, house: House, session: str) -> list[bytes | None]:
    """The bytes of all files that the log names; None for one that is lost."""
    found: list[bytes | None] = []
    for event in await house.events(session):
        for file in event.attachments if isinstance(event, MessageReceived | ToolFinished) else ():
            try:
                found.append(await house.sessions.blob(session, file.sha256))
            except DuragentError:
                found.append(None)
    return found


async def test_a_fork_an_export_and_an_import_have_the_files(tmp_path: Path) -> None:
    model, store = ScriptedModel([DO_IT, "I see", "in the fork", "in the import"]), _store(tmp_path)
    camera = Camera(ResultFile("b.png", OTHER))
    async with open_house(store, model, tmp_path, workbench=given(tmp_path, camera)) as house:
        session = await seeing(house)
        unsent = await house.sessions.attach(session, png(colour=1), "unsent.png")
        await told(house, session, await house.sessions.attach(session, PNG, "a.png"))
        forked, _ = await fork(house.sessions, house.clock, Fork(session))
        with await export(house.sessions, house.clock, session) as file:
            await house.sessions.delete(session)
            await import_(house.sessions, house.clock, file, new_id=False)
        for copied in (forked.session_id, session):
            assert await _files_of(store, house, copied) == [PNG, OTHER]
            await told(house, copied)
            found = FileLogReader(tmp_path / "sessions").check(copied)
            assert (found.lost_blobs, found.damage, found.blobs) == ([], None, 2)
            with pytest.raises(DuragentError):
                await house.sessions.blob(copied, unsent.sha256)
    assert [set(request.files.values()) for request in model.requests[-2:]] == [{PNG, OTHER}] * 2


async def test_a_fork_from_before_the_message_has_no_file_of_it(tmp_path: Path) -> None:
    async with open_house(_store(tmp_path), ScriptedModel(["I see"]), tmp_path) as house:
        session = await seeing(house)
        before = (await house.sessions.state(session)).seq
        file = await house.sessions.attach(session, PNG, "a.png")
        await told(house, session, file)
        forked, _ = await fork(house.sessions, house.clock, Fork(session, at=before))
        with pytest.raises(DuragentError):
            await house.sessions.blob(forked.session_id, file.sha256)
        await house.sessions.delete(session)
    assert not list((tmp_path / "sessions").glob("*/blobs/*"))


async def test_a_file_that_is_lost_is_found_by_a_check_and_told_to_the_model(tmp_path: Path) -> None:
    model = ScriptedModel(["I see", "it is gone"])
    async with open_house(_store(tmp_path), model, tmp_path) as house:
        session = await seeing(house)
        await told(house, session, await house.sessions.attach(session, PNG, "a.png"))
        for path in (tmp_path / "sessions").glob("*/blobs/*"):
            path.unlink()
        await told(house, session)
        found = FileLogReader(tmp_path / "sessions").check(session)
        assert len(found.lost_blobs) == 1
    assert "whose content is lost" in model.requests[1].messages[1].content
