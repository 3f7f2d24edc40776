"""Sessions as streams: their events, their state and the fold, for the writer and the recovery of all streams."""

from duragent.errors import SessionDeleted
from duragent.journal.apply import apply
from duragent.journal.record import Record
from duragent.journal.state import SessionState
from duragent.stores.base import SESSION
from duragent.streams.fold import StreamFold
from duragent.streams.log_writer import LogWriter

SESSION_FOLD = StreamFold(SESSION, SessionState, apply, Record, SessionDeleted)
SessionWriter = LogWriter[SessionState, Record]
"""The writer of a session's log."""
