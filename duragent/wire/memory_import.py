"""What another program remembered, on its way into a memory. A source of any size comes in several requests."""

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StringConstraints

from duragent.text import Text
from duragent.wire.base import Asked, WireModel
from duragent.wire.memory import NoteText

_TIME = r"^[12][0-9]{3}-[01][0-9]-[0-3][0-9]T[0-2][0-9]:[0-5][0-9]:[0-5][0-9]Z$"


def _plain(text: str) -> str:
    if "\0" in text:
        raise ValueError("must not have a NUL character")
    return text


def _moment(text: str) -> str:
    datetime.strptime(text, "%Y-%m-%dT%H:%M:%SZ")
    return text


_Plain = Annotated[Text, AfterValidator(_plain)]


class ImportFile(Asked):
    """A file of notes, to be taken as it is."""

    file: str = Field(max_length=300, description="Its name in a memory, such as `daily/2026-11-21.md`.")
    text: _Plain = Field(description="Its text, to the byte; at most 256 KiB.")


class ImportNote(Asked):
    """A note of another program. It goes to the file of its day."""

    id: str = Field(
        pattern=r"^m_[0-9a-hjkmnp-tv-z]{8}$", description="Always the same for the same note: it is taken once."
    )
    text: NoteText = Field(description="At most 8 KiB.")
    written_at: Annotated[str, StringConstraints(pattern=_TIME), AfterValidator(_moment)] = Field(
        description="In UTC, to the second."
    )
    importance: float = Field(0.5, ge=0, le=1, description="From 0 to 1.")
    source: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9:._-]{0,200}$")] = Field(
        "", description="Where it comes from; stands in the note's comment."
    )


class ImportMemory(Asked):
    """`POST /api/v1/agents/{name}/memory/import`."""

    files: list[ImportFile] = Field([], max_length=2_000, description="Files, taken as they are or merged.")
    notes: list[ImportNote] = Field([], max_length=10_000, description="Notes, written to the files of their days.")
    check: bool = Field(False, description="Only say what would be done.")
    by: Annotated[str, StringConstraints(max_length=200)] = Field("", description="Who asks for it, for the log.")


class ImportedFile(WireModel):
    """What became of a file of the memory."""

    file: Text = Field(description="Relative to the memory folder, or `world/<topic>.md`.")
    outcome: Literal["written", "merged", "there", "conflict"] = Field(
        description="`there`: it had all of it. `conflict`: both say something different in the same place, and the "
        "file stays as it is."
    )
    added: int = Field(0, description="How many notes it has more.")
    there: int = Field(0, description="How many of them it had already.")
    why: Text = Field("", description="What stays out, and why.")


class ImportedMemory(WireModel):
    files: list[ImportedFile] = Field(description="Each file that was named, and each day of a note.")
