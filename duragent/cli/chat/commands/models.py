"""The slash command about the model that answers."""

from typing import TYPE_CHECKING

from duragent.cli import view
from duragent.cli.chat.commands.base import SlashCommand
from duragent.cli.chat.conversation import Note
from duragent.wire import PickModel

if TYPE_CHECKING:
    from duragent.cli.chat.talk import Talk
    from duragent.wire import ModelOffers

OWN = "own"
"""What is typed for the agent's own model."""

_NAME_WIDTH = 36


async def _model(talk: "Talk", rest: str) -> None:
    if not rest:
        await _list(talk)
        return
    picked = PickModel(model="", by=_by(talk)) if rest == OWN else await _picked(talk, rest)
    if picked is None:
        talk.note(Note(f"There is no model {view.one_line(rest, 40)} in the list; /model shows it.", "warning"))
        return
    if not talk.session.session_id and (named := await talk.beginning.choose(picked)) is not None:
        label = f"{named.provider}/{named.model}"
        talk.conversation.progress.choose(label)
        talk.note(Note(f"{_answers(label if picked.model else None)} as soon as it begins."))
        return
    before = await talk.client.session(talk.session_id)
    after = await talk.client.choose_model(talk.session_id, picked)
    if after.head == before.head:
        talk.note(Note(f"{_answers(after.model)} already."))


async def _picked(talk: "Talk", rest: str) -> PickModel | None:
    """What was typed: the number of a line of the list, or a model's name. None for a number that is not there."""
    if not rest.isdigit():
        return PickModel(model=rest, by=_by(talk))
    models = (await talk.client.models()).models
    if (place := view.place_of(rest, len(models))) is None:
        return None
    model = models[place]
    return PickModel(model=f"{model.provider}/{model.model}", base_url=model.base_url or "", by=_by(talk))


async def _list(talk: "Talk") -> None:
    picked = talk.beginning.pick
    began = bool(talk.session.session_id)
    model = (await talk.client.session(talk.session_id)).model if began else picked.model if picked else None
    talk.note(Note(f"{_answers(model)}. Looking for what else can be asked …"))
    talk.note(Note("\n".join(lines_of(await talk.client.models()))))


def lines_of(offers: "ModelOffers") -> list[str]:
    """The list, with a number for each model, and what is nearly there."""
    lines = []
    for number, offer in enumerate(offers.models, 1):
        name = view.one_line(f"{offer.provider}/{offer.model}", 80)
        more = f"; any other name: {offer.provider}/NAME" if offer.is_example else ""
        lines.append(f"{number:3}  {name:{_NAME_WIDTH}}  {view.one_line(offer.why, 80)}{more}")
    if not lines:
        lines.append("No key of a provider and no model server was found: `duragent keys set PROVIDER` keeps a key.")
    lines += [view.one_line(hint, 200) for hint in offers.hints]
    return [*lines, f"/model NUMBER or /model PROVIDER/NAME chooses for this session, /model {OWN} the agent's own."]


def _answers(model: str | None) -> str:
    return f"{view.one_line(model, 80)} answers in this session" if model else "The agent's own model answers"


def _by(talk: "Talk") -> str:
    return talk.options.sender_name or view.person()


COMMANDS = (SlashCommand("/model", "what can be asked; choose who answers in this session", _model, "[NAME|NUMBER]"),)
