"""The frame as an event is made once for questions that have the same frame, and anew for each that has another."""

from dataclasses import replace
from pathlib import Path

from duragent.agent.load import Agent
from duragent.agent.spec import AgentSpec, ContextSpec, Metadata, ModelSpec, SessionSpec
from duragent.context.build import Frame, PromptTexts, frame_around
from duragent.context.prompt_set import prompt_set
from duragent.context.sections import PromptSection
from duragent.models.messages import ToolSchema


def agent(cap: int = 40_000, temperature: float | None = None) -> Agent:
    model = ModelSpec(provider="openai", name="gpt-4o", temperature=temperature)
    spec = AgentSpec(model=model, session=SessionSpec(context=ContextSpec(max_history_tokens=cap)))
    return Agent("ada", Path("ada"), Metadata.model_construct(name="ada"), spec, "", "", "", "")


def frame(text: str = "You are Ada.", tool: str = "reads", tail: str = "") -> Frame:
    """Made anew each time, as for each question."""
    tools = [ToolSchema(name="read", description=tool, parameters={"type": "object"})]
    return frame_around(agent(), PromptTexts([PromptSection(1, "soul", text)], tools, tail), 128_000, tells_time=False)


def test_same_frame_is_one_event_and_is_made_once() -> None:
    assert prompt_set(agent(), frame(), {}) is prompt_set(agent(), frame(), {})


def test_whatever_is_other_gives_another_digest() -> None:
    made = [
        prompt_set(agent(), frame(), {}),
        prompt_set(agent(), frame(text="You are Bo."), {}),
        prompt_set(agent(), frame(tool="writes"), {}),
        prompt_set(agent(), frame(tail="Be brief."), {}),
        prompt_set(agent(), replace(frame(), window_tokens=64_000), {}),
        prompt_set(agent(), replace(frame(), tells_time=True), {}),
        prompt_set(agent(), replace(frame(), reads_past=True), {}),
        prompt_set(agent(cap=20_000), frame(), {}),
        prompt_set(agent(temperature=0.5), frame(), {}),
        prompt_set(agent(), frame(), {"images": ["image/png"]}),
    ]
    assert len({event.frame_sha256 for event in made}) == len(made)
    assert prompt_set(agent(), frame(), {}) == made[0]
