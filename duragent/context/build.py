"""The request to the model: a pure function of the agent, the records and the time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from duragent.agent.load import Agent
from duragent.context.budget import OMITTED, fit, history_budget, tokens
from duragent.context.sections import agent_sections, system_message
from duragent.context.transcript import transcript
from duragent.journal.record import Record
from duragent.models.messages import ChatMessage, ModelRequest


@dataclass(frozen=True, slots=True)
class Frame:
    """What stands around the conversation, and how many tokens it leaves for it."""

    system: str
    budget_tokens: int


def frame(agent: Agent, now: datetime) -> Frame:
    system = system_message(agent_sections(agent, now))
    return Frame(system, history_budget(agent.spec.model, agent.spec.session, tokens(system)))


def build(agent: Agent, around: Frame, records: Sequence[Record], *, from_start: bool) -> ModelRequest:
    """The request. `records` are the session's newest; `from_start` says that there are no older ones."""
    messages = transcript(records)
    kept = fit(messages, around.budget_tokens)
    complete = from_start and len(kept) == len(messages)
    system = around.system if complete else f"{around.system}\n\n{OMITTED}"
    return ModelRequest(
        messages=(ChatMessage(role="system", content=system), *kept),
        temperature=agent.spec.model.temperature,
        max_output_tokens=agent.spec.model.max_output_tokens,
    )
