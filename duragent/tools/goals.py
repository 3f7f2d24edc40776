"""The tool `goals`: what the agent keeps in sight of in a long session."""

from typing import Literal

from pydantic import Field, model_validator

from duragent.errors import DuragentError
from duragent.journal.events import EffectClass
from duragent.tools.base import Tool, ToolArguments, ToolContext, ToolResult, failed
from duragent.tools.past import GoalsPort, NoGoals


class GoalsTool(Tool["GoalsTool.Arguments"]):
    """Keep goals in sight in a long piece of work: set one, list them, and end those that are done or dropped.

    Ending a goal ends its sub-goals, too.
    """

    name = "goals"
    effect: EffectClass = "idempotent"
    outside = False
    runs_unasked = ("set", "done", "drop", "list")
    main = "text"

    class Arguments(ToolArguments):
        action: Literal["set", "done", "drop", "list"] = Field(description="What to do.")
        text: str | None = Field(default=None, description="For set: the goal, a sentence of at most 200 characters.")
        parent: str = Field(default="", description="For set: the goal that it is a part of, such as `g1`.")
        goal: str | None = Field(default=None, description="For done and drop: which one, such as `g1`.")

        @model_validator(mode="after")
        def _has_what_its_action_needs(self) -> "GoalsTool.Arguments":
            if self.action == "set" and not (self.text or "").strip():
                raise ValueError("set needs `text`: the goal")
            if self.action in ("done", "drop") and not (self.goal or "").strip():
                raise ValueError(f"{self.action} needs `goal`: use list to see which there are")
            return self

    def __init__(self, goals: GoalsPort | None = None) -> None:
        self._goals = goals or NoGoals()

    async def run(self, arguments: Arguments, context: ToolContext) -> ToolResult:
        call = context.call.call
        try:
            if arguments.action == "set":
                await self._goals.set(arguments.text or "", arguments.parent, call)
            elif arguments.action != "list":
                outcome: Literal["done", "dropped"] = "done" if arguments.action == "done" else "dropped"
                await self._goals.end((arguments.goal or "").strip(), outcome, call)
        except DuragentError as error:
            return failed(str(error))
        goals = await self._goals.active()
        lines = [f"- {goal}{f' (part of {parent})' if parent else ''}: {text}" for goal, parent, text in goals]
        return ToolResult("\n".join(lines) or "There are no goals.", details={"goals": len(goals)})
