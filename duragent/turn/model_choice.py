"""The agent of one session: what a person chose for that session alone stands in place of what the files say."""

from dataclasses import replace

from duragent.agent.load import Agent
from duragent.agent.spec import ModelFields, ModelSpec
from duragent.journal.state import ChosenModel
from duragent.models.base import Model, ModelChoice
from duragent.models.text_tools.choice import wants_text


def with_model(agent: Agent, choice: ChosenModel | None) -> Agent:
    """The agent with the model that was chosen for a session; itself without a choice.

    What the files say of their own model, such as its window, holds for that model only; `temperature` and `thinking`
    stay.
    """
    if choice is None:
        return agent
    own = agent.spec.model
    same_provider = choice.provider == own.provider
    if same_provider and choice.name == own.name and not choice.base_url:
        return agent
    chosen = ModelSpec(
        provider=choice.provider,
        name=choice.name,
        temperature=own.temperature,
        base_url=choice.base_url or (own.base_url if same_provider else None),
        max_output_tokens=own.max_output_tokens if same_provider else None,
        thinking=own.thinking,
        adapter=own.adapter if same_provider else "auto",
    )
    always = tuple(part for part in agent.always if not part.of_model)
    return replace(agent, spec=agent.spec.model_copy(update={"model": chosen}), always=always, from_model_file=())


def choice_of(model: ModelFields, *, without_key: bool = False) -> ModelChoice:
    """The model that such a block of an agent's file names."""
    return ModelChoice(
        model.provider,
        model.name,
        model.base_url,
        model.tools,
        adapter=model.adapter,
        without_key=without_key,
    )


def with_tags(model: Model, agent: Agent, choice: ModelChoice) -> Model:
    """The model, with tags in its answers as notes where the agent's memory wants that."""
    memory = agent.spec.memory
    if memory is None or memory.tags == "off" or (memory.tags == "auto" and not wants_text(choice, choice.tools)):
        return model
    from duragent.models.remember_tags import RememberTags

    return RememberTags(model)


def with_system(agent: Agent, system: str) -> Agent:
    """The agent with that text in place of its SYSTEM_PROMPT.md; itself when the text is empty."""
    return replace(agent, system_prompt=system) if system.strip() else agent
