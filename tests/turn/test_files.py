"""Files of messages and results, as the model that is asked gets them."""

import hashlib
from dataclasses import replace

import pytest

from duragent.errors import BadModelRequest, Damaged
from duragent.file_types import media_type_of
from duragent.journal.events import (
    Attachment,
    Event,
    MessageReceived,
    ModelCalled,
    ModelReplied,
    ToolFinished,
    TurnEnded,
    TurnStarted,
)
from duragent.journal.record import Record
from duragent.models.base import ModelChoice
from duragent.models.messages import AttachedFile, ChatMessage, ModelRequest
from duragent.models.shown_files import reference
from duragent.turn.files import INLINE_BYTES, FileReader, ShownFiles, refused_up_to
from tests.support.pictures import picture, png

SEES = ModelChoice("anthropic", "claude-sonnet-4-5")
BLIND = ModelChoice("openai", "gpt-3.5-turbo")
UNKNOWN = ModelChoice("openai", "what-a-person-serves")
PNG, PDF, ZIP, TEXT = png(), b"%PDF-1.7 and so on", b"PK\x03\x04 and so on", b"one\ntwo\n"


class Blobs:
    """The blobs of a session."""

    def __init__(self) -> None:
        self.kept: dict[str, bytes] = {}
        self.read: list[str] = []

    def file(self, content: bytes, name: str) -> Attachment:
        sha256 = hashlib.sha256(content).hexdigest()
        self.kept[sha256] = content
        return Attachment(name=name, media_type=media_type_of(content), sha256=sha256, size_bytes=len(content))

    async def blob(self, sha256: str) -> bytes:
        self.read.append(sha256)
        if sha256 not in self.kept:
            raise Damaged("s", f"blobs/{sha256}", 1, "the blob is absent", 1)
        return self.kept[sha256]


@pytest.fixture
def blobs() -> Blobs:
    return Blobs()


def log(*events: Event) -> list[Record]:
    return [Record(seq, "2026-01-02T03:04:05.678Z", event) for seq, event in enumerate(events, 1)]


def said(*files: Attachment, text: str = "look") -> MessageReceived:
    return MessageReceived(message_id="m", text=text, attachments=files)


def asked(model: ModelChoice = SEES, window: int = 200_000, trigger: int = 1, can_read: bool = True) -> FileReader:
    return FileReader(model, window, can_read, trigger)


async def shown(blobs: Blobs, by: FileReader, *events: Event) -> list[tuple[str, list[str]]]:
    """For each record its text and the names of the files that stay."""
    records = await ShownFiles(by, blobs.blob).of(log(*events))
    found = []
    for record in records:
        match record.event:
            case MessageReceived() as message:
                found.append((message.text, [file.name for file in message.attachments]))
            case ToolFinished() as result:
                found.append((result.content, [file.name for file in result.attachments]))
    return found


async def test_records_without_files_cost_nothing(blobs: Blobs) -> None:
    records = log(said(), ToolFinished(call="c", outcome="ok"))
    shown_files = ShownFiles(asked(), blobs.blob)
    assert [a is b for a, b in zip(await shown_files.of(records), records, strict=True)] == [True, True]
    request = ModelRequest(messages=())
    assert shown_files.with_contents(request) is request


async def test_a_model_that_sees_gets_images_and_pdfs_and_texts_in_the_message(blobs: Blobs) -> None:
    files = [blobs.file(PNG, "a.png"), blobs.file(PDF, "b.pdf"), blobs.file(TEXT, "c.txt"), blobs.file(ZIP, "d.zip")]
    assert await shown(blobs, asked(), said(*files)) == [
        (
            "look\n\n"
            f"[file a.png (image/png, {len(PNG)} bytes) is attached]\n\n"
            "[file b.pdf (application/pdf, 18 bytes) is attached]\n\n"
            "[file c.txt (text/plain, 8 bytes):]\none\ntwo\n[end of c.txt]\n\n"
            "[file d.zip (application/zip, 14 bytes), whose content this model does not get]",
            ["a.png", "b.pdf"],
        )
    ]


async def test_the_bytes_are_in_the_request_and_only_those_of_its_messages(blobs: Blobs) -> None:
    files = [blobs.file(png(colour=colour), f"{colour}.png") for colour in (1, 2)]
    shown_files = ShownFiles(asked(), blobs.blob)
    await shown_files.of(log(said(files[0]), said(files[1])))
    kept = AttachedFile.model_validate(files[1].model_dump())
    request = shown_files.with_contents(ModelRequest(messages=(ChatMessage(role="user", attachments=(kept,)),)))
    assert dict(request.files) == {kept.sha256: png(colour=2)}
    assert "files" not in request.model_dump()


async def test_a_blind_model_is_told_what_there_is(blobs: Blobs) -> None:
    files = [blobs.file(PNG, "a.png"), blobs.file(PDF, "b.pdf")]
    [(text, stay)] = await shown(blobs, asked(BLIND), said(*files, text=""))
    assert stay == []
    assert text == (
        f"[file a.png (image/png, {len(PNG)} bytes), whose content this model does not get]\n\n"
        "[file b.pdf (application/pdf, 18 bytes), whose content this model does not get]"
    )
    assert blobs.read == []


async def test_of_a_model_that_nothing_is_known_of_its_provider_decides_about_images(blobs: Blobs) -> None:
    [(_, stay)] = await shown(blobs, asked(UNKNOWN), said(blobs.file(PNG, "a.png"), blobs.file(PDF, "b.pdf")))
    assert stay == ["a.png"]


@pytest.mark.parametrize("can_read", [True, False])
async def test_a_long_text_is_named_and_read_file_opens_it(blobs: Blobs, can_read: bool) -> None:
    file = blobs.file(b"x" * (INLINE_BYTES + 1), "log.txt")
    [(text, _)] = await shown(blobs, asked(can_read=can_read), said(file))
    where = reference(AttachedFile.model_validate(file.model_dump()))
    assert "too long to be shown here" in text
    assert (f"read_file opens it as {where}" in text) is can_read


@pytest.mark.parametrize("letters", ["abcd", "äöüß"])
async def test_the_texts_of_one_message_have_a_limit_together(blobs: Blobs, letters: str) -> None:
    long = [(each * INLINE_BYTES).encode()[: INLINE_BYTES - 100] for each in letters]
    files = [blobs.file(content, f"{at}.txt") for at, content in enumerate(long)]
    [(text, _)] = await shown(blobs, asked(), said(*files))
    assert [f"[end of {at}.txt]" in text for at in range(4)] == [True, True, False, False]


async def test_less_of_a_text_fits_into_a_small_window(blobs: Blobs) -> None:
    file = blobs.file(b"x" * 4_000, "a.txt")
    assert ["[end of a.txt]" in (await shown(blobs, asked(window=w), said(file)))[0][0] for w in (8_000, 16_000)] == [
        False,
        True,
    ]


async def test_results_have_files_too(blobs: Blobs) -> None:
    result = ToolFinished(call="c", outcome="ok", content="it is there", attachments=(blobs.file(PNG, "a.png"),))
    assert await shown(blobs, asked(), result) == [
        (f"it is there\n\n[file a.png (image/png, {len(PNG)} bytes) is attached]", ["a.png"])
    ]


async def test_a_file_that_is_lost_is_told_and_the_session_goes_on(blobs: Blobs) -> None:
    files = [blobs.file(PNG, "a.png"), blobs.file(TEXT, "b.txt")]
    blobs.kept.clear()
    [(text, stay)] = await shown(blobs, asked(), said(*files))
    assert (text.count("whose content is lost"), stay) == (2, [])


# --- as many as there is room for -----------------------------------------------------------------------------------


async def test_the_newest_images_are_shown_and_older_ones_can_be_opened(blobs: Blobs) -> None:
    history = [said(blobs.file(png(colour=colour), f"{colour}.png")) for colour in range(30)]
    found = await shown(blobs, asked(trigger=30), *history)
    stay = [bool(names) for _, names in found]
    assert stay == sorted(stay)
    assert 10 <= sum(stay) <= 20
    first = found[0][0]
    assert "left out now; read_file opens it as attachment:" in first


async def test_what_is_left_out_stays_left_out_while_a_few_more_come(blobs: Blobs) -> None:
    history = [said(blobs.file(png(colour=colour), f"{colour}.png")) for colour in range(60)]
    starts = []
    for count in range(1, 61):
        found = await shown(blobs, asked(trigger=count), *history[:count])
        starts.append([bool(names) for _, names in found].index(True))
        assert found[-1][1], "the newest is shown"
    assert starts == sorted(starts)
    assert len(set(starts)) <= 12, starts


async def test_all_files_of_one_message_are_shown(blobs: Blobs) -> None:
    files = [blobs.file(png(colour=colour), f"{colour}.png") for colour in range(20)]
    older = [said(blobs.file(png(colour=100 + at), f"old{at}.png")) for at in range(5)]
    found = await shown(blobs, asked(trigger=6), *older, said(*files))
    assert [len(names) for _, names in found] == [0] * 5 + [20]


async def test_a_small_window_has_room_for_one_image(blobs: Blobs) -> None:
    history = [said(blobs.file(png(colour=colour), f"{colour}.png")) for colour in range(3)]
    found = await shown(blobs, asked(window=8_000, trigger=3), *history)
    assert [names for _, names in found] == [[], [], ["2.png"]]


async def test_all_images_together_have_a_limit(blobs: Blobs) -> None:
    files = [blobs.file(PNG, f"{at}.png").model_copy(update={"size_bytes": 3 << 20}) for at in range(9)]
    [(_, stay)] = await shown(blobs, asked(), said(*files))
    assert stay == [f"{at}.png" for at in range(3, 9)]


# --- too large, and refused -----------------------------------------------------------------------------------------

HUGE = picture(8_100, 10, "PNG")


async def test_a_large_image_is_made_smaller(blobs: Blobs) -> None:
    file = blobs.file(HUGE, "a.png")
    shown_files = ShownFiles(asked(), blobs.blob)
    [record] = await shown_files.of(log(said(file)))
    assert isinstance(record.event, MessageReceived)
    [smaller] = record.event.attachments
    assert (smaller.media_type, smaller.sha256 in shown_files.contents) == ("image/jpeg", True)
    assert smaller.sha256 != file.sha256
    assert "image/jpeg" in record.event.text


async def test_an_image_that_cannot_be_made_smaller_fails_the_turn_that_it_was_sent_for_and_no_other(
    blobs: Blobs,
) -> None:
    file = blobs.file(b"\x89PNG\r\n\x1a\n" + b"x" * (6 << 20), "a.png")
    with pytest.raises(BadModelRequest, match=r"a\.png is too large"):
        await shown(blobs, asked(trigger=1), said(file))
    found = await shown(blobs, asked(trigger=2), said(file), said(text="and now?"))
    assert "too large to be shown" in found[0][0]
    result = ToolFinished(call="c", outcome="ok", content="it", attachments=(file,))
    assert "too large to be shown" in (await shown(blobs, asked(trigger=1), said(), result))[1][0]


def turn(at: int, model: ModelChoice, *, code: str = "bad-model-request", asks: bool = True) -> list[Event]:
    """A turn for the message at that record, which failed."""
    called = ModelCalled(turn="t", step=1, epoch=1, model=model.label, input_seq=at, attempt=1)
    ended = TurnEnded(turn="t", outcome="failed", code=code)
    return [TurnStarted(turn="t", trigger=at), *([called] if asks else []), ended]


async def test_what_the_provider_refused_is_not_sent_to_it_again(blobs: Blobs) -> None:
    history = [said(blobs.file(PNG, "a.png")), *turn(1, UNKNOWN), said(blobs.file(png(colour=7), "b.png"))]
    assert [names for _, names in await shown(blobs, asked(UNKNOWN, trigger=5), *history)] == [[], ["b.png"]]
    # Another model may take it.
    assert [names for _, names in await shown(blobs, asked(SEES, trigger=5), *history)] == [["a.png"], ["b.png"]]


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        ([], 0),
        (turn(1, SEES), 1),
        (turn(1, UNKNOWN), 0),
        (turn(1, SEES, code="rate-limited"), 0),
        (turn(1, SEES, asks=False), 3),
        ([*turn(1, SEES), said(), *turn(5, SEES, code="")], 1),
    ],
)
def test_what_was_refused_is_told_by_the_log(events: list[Event], expected: int) -> None:
    assert refused_up_to(log(said(), *events), SEES.label) == expected


async def test_the_same_records_give_the_same_bytes(blobs: Blobs) -> None:
    history: list[Event] = [
        said(blobs.file(HUGE, "a.png"), blobs.file(TEXT, "b.txt")),
        ModelReplied(message_id="m", text="so"),
    ]
    one, other = [await ShownFiles(asked(), blobs.blob).of(log(*history)) for _ in range(2)]
    assert one == other
    longer = await ShownFiles(asked(), blobs.blob).of([*log(*history), replace(log(said())[0], seq=3)])
    assert longer[:2] == one
