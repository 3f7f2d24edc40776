"""What agents changed in files, and undoing it; and commands that people run where agents run theirs."""

from typing import Literal

from pydantic import Field

from duragent.text import Text
from duragent.wire.base import Asked, WireModel


class FileDiff(WireModel):
    """One file, before and after."""

    path: Text = Field(description="Relative to the agent's working directory.")
    change: Literal["created", "changed", "removed"] = Field(description="What became of the file.")
    diff: Text = Field("", description="The lines of a unified diff, without those of the file names.")
    note: str = Field("", description="Why there is no diff, or what else is to be known of it.")
    refused: str = Field("", description="Of an undo: why the file stays as it is.")


class ChangedTurn(WireModel):
    """A turn that changed files."""

    turn: str = Field(description="Its id.")
    seq: int = Field(description="Its first record.")
    files: list[Text] = Field(description="What it changed, or may have changed.")
    undone: bool = Field(description="Whether it was taken back.")


class SessionDiff(WireModel):
    """What the records from `first` to `last` changed in files with write_file and edit_file, and by undos."""

    session_id: str = Field(description="The session.")
    first: int = Field(description="The first record that counts.")
    last: int = Field(description="The last one.")
    files: list[FileDiff] = Field(description="The files that are not as they were before.")
    turns: list[ChangedTurn] = Field(description="The turns that changed any, the oldest first.")
    commands: int = Field(description="How many commands of the agent ran: what they changed is not known.")
    unsure: list[Text] = Field(description="Files that a call without a known end may have changed too.")


class UndoPlan(WireModel):
    """What an undo of a turn would do now."""

    session_id: str = Field(description="The session.")
    turn: str = Field(description="The turn's id.")
    seq: int = Field(description="Its first record.")
    files: list[FileDiff] = Field(description="From what is there now to what was there before the turn.")


class UndoTurn(Asked):
    """`POST /api/v1/sessions/{id}/undo`."""

    turn: str = Field(
        "", max_length=100, description="A turn's id, or the seq of one of its records; else the last that changed any."
    )
    force: bool = Field(False, description="Also files that were changed by others since.")
    by: str = Field("", max_length=200, description="Who takes it back, for the log.")


class FileLeft(WireModel):
    """A file that an undo left as it was."""

    path: Text = Field(description="Relative to the agent's working directory.")
    why: Text = Field(description="A sentence for people.")


class Undone(WireModel):
    """How an undo ended."""

    session_id: str = Field(description="The session.")
    turn: str = Field(description="The turn that was undone.")
    seq: int = Field(description="The record that asked for it.")
    restored: list[Text] = Field(description="The files that are as they were before the turn.")
    refused: list[FileLeft] = Field(description="Those that are not.")


class TypedCommand(Asked):
    """`POST /api/v1/sessions/{id}/commands`."""

    command: Text = Field(max_length=100_000, description="What bash runs, where the agent's commands run.")
    by: str = Field("", max_length=200, description="Who runs it, for the log.")
