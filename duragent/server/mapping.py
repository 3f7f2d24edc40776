"""What is inside as the shapes of `wire/`."""

from duragent.journal.events import Attachment
from duragent.journal.question import Question
from duragent.journal.state import SessionState, Totals
from duragent.wire import AttachmentInfo, SessionInfo, Usage, Waiting


def session_info(state: SessionState, damage: str | None = None, *, unread: bool = False) -> SessionInfo:
    return SessionInfo(
        session_id=state.session_id,
        agent=state.agent,
        status=state.status,
        created_at=state.created_at,
        updated_at=state.updated_at,
        title=state.title,
        topic=state.topic,
        head=state.seq,
        messages=state.totals.messages,
        turns=state.totals.turns,
        usage=total_usage(state.totals),
        unknown_attempts=state.totals.unknown_attempts,
        possible_tokens=state.totals.unknown_tokens,
        possible_cost_usd=state.totals.unknown_usd or None,
        on_disconnect=state.on_disconnect,
        damage=damage,
        problem=damage,
        unread=unread,
        model=state.model_choice.label if state.model_choice else None,
        parent=state.parent,
        waits_for=state.asks.call if state.asks and not damage else None,
        gateway=state.gateway,
        chat_id=state.chat_id,
        allowed=list(state.allowed),
    )


def total_usage(totals: Totals) -> Usage:
    return Usage(
        prompt_tokens=totals.input_tokens,
        completion_tokens=totals.output_tokens,
        total_tokens=totals.input_tokens + totals.output_tokens,
        cached_prompt_tokens=totals.cached_input_tokens,
        reasoning_tokens=totals.reasoning_tokens,
        cost_usd=None if totals.unpriced else totals.cost_usd,
    )


def waiting(question: Question) -> Waiting:
    return Waiting(session_id=question.session_id, call_id=question.call, command=question.command, seq=question.seq)


def attachment_info(file: Attachment) -> AttachmentInfo:
    return AttachmentInfo(name=file.name, media_type=file.media_type, sha256=file.sha256, size_bytes=file.size_bytes)
