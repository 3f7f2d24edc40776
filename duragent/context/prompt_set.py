"""What stands around the conversation, as the log keeps it: a frame as an event, and the event as a frame again.

The law of this file: `set_again(prompt_set(…))` makes the same request of the same records. What a request takes from
an agent, from rooms or from tools is in the event, or it is in the records.
"""

import hashlib
import json
from collections import deque
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from duragent.agent.load import Agent
from duragent.agent.spec import AgentSpec, ContextSpec, Metadata, ModelSpec, SessionSpec, ThinkingBudgetSpec
from duragent.context.build import Frame, PromptTexts, frame_around
from duragent.context.sections import PromptSection
from duragent.context.viewport import HISTORY
from duragent.journal.events import PromptModel, PromptPart, PromptSet
from duragent.kept_texts import drops_texts
from duragent.models.messages import ToolSchema

_MADE: deque[tuple[object, PromptSet]] = deque(maxlen=8)
"""The newest ones of all sessions, each with what it was made of: most questions have the frame of the one before."""
drops_texts(_MADE.clear)


def prompt_set(agent: Agent, frame: Frame, files: Mapping[str, Any]) -> PromptSet:
    """The frame as an event. `files` says which files the model takes, where a message has some."""
    texts = (frame.sections, frame.tail, frame.tools, frame.window_tokens, frame.tells_time, frame.reads_past)
    of = (_settings(agent.spec.model), agent.spec.session.context, texts, dict(files))
    for known, made in _MADE:
        if known == of:
            return made
    made = _made(agent, frame, files)
    _MADE.append((of, made))
    return made


def _made(agent: Agent, frame: Frame, files: Mapping[str, Any]) -> PromptSet:
    made = PromptSet(
        frame_sha256="",
        sections=tuple(
            PromptPart(priority=each.priority, source=each.source, text=each.text, forgettable=each.forgettable)
            for each in frame.sections
        ),
        tools=json.dumps([tool.model_dump() for tool in frame.tools], ensure_ascii=False) if frame.tools else "",
        tail=frame.tail,
        model=_settings(agent.spec.model),
        window_tokens=frame.window_tokens,
        tells_time=frame.tells_time,
        reads_past=frame.reads_past,
        limits=agent.spec.session.context.model_dump(mode="json"),
        files=dict(files),
    )
    content = json.dumps(made.model_dump(exclude={"type", "frame_sha256"}), sort_keys=True).encode()
    return made.model_copy(update={"frame_sha256": hashlib.sha256(content).hexdigest()})


def _settings(model: ModelSpec) -> PromptModel:
    thinking = model.thinking
    return PromptModel(
        provider=model.provider,
        name=model.name,
        temperature=model.temperature,
        max_output_tokens=model.max_output_tokens,
        thinking=thinking.budget_tokens if isinstance(thinking, ThinkingBudgetSpec) else thinking,
    )


def set_again(event: PromptSet, agent_name: str) -> tuple[Agent, Frame]:
    """The agent as far as a request needs it, and the frame. Raises ValueError for an event that is none of ours."""
    agent = _agent(event, agent_name)
    sections = [PromptSection(each.priority, each.source, each.text, each.forgettable) for each in event.sections]
    tools = [ToolSchema.model_validate(each) for each in json.loads(event.tools or "[]")]
    texts = PromptTexts(sections, tools, event.tail)
    frame = frame_around(agent, texts, event.window_tokens, tells_time=event.tells_time)
    by_name = any(tool.name == HISTORY for tool in tools)
    return agent, replace(frame, reads_past=by_name if event.reads_past is None else event.reads_past)


def _agent(event: PromptSet, name: str) -> Agent:
    known = {field: value for field, value in event.limits.items() if field in ContextSpec.model_fields}
    model = ModelSpec(
        provider=event.model.provider,
        name=event.model.name,
        temperature=event.model.temperature,
        max_output_tokens=event.model.max_output_tokens,
        thinking=_thinking(event.model.thinking),
    )
    spec = AgentSpec(model=model, session=SessionSpec(context=ContextSpec.model_validate(known)))
    return Agent(name, Path(name), Metadata.model_construct(name=name), spec, "", "", "", "")


def _thinking(level: str | int | None) -> Any:
    return ThinkingBudgetSpec(budget_tokens=level) if isinstance(level, int) else level
