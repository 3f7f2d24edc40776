"""What Anthropic refuses of some models only, after its table of thinking by model. See `anthropic_rules`.

The newest models bind what they thought to everything in front of it: system message, tools, messages.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from typing import Any

from duragent.testing.refusals import Json, refuse_if

_BUDGET_ALONE = re.compile(r"claude-(3-7|(opus|sonnet|haiku)-4-([0125]|20))")
_BUDGET_REFUSED = re.compile(r"claude-(opus-4-[78]|opus-5|sonnet-5|haiku-5|fable|mythos-[5-9])")
_ALWAYS = re.compile(r"claude-(fable|mythos|opus-5-5|sonnet-5-5)")
_BINDS = re.compile(r"claude-((fable|mythos)-5-[12]|(opus|sonnet|haiku)-5-5)")
_NO_EFFORT = re.compile(r"claude-(3-|(sonnet|haiku)-4-(5|20)|opus-4-[012])")
_CONTROLS = "thinking-binding-controls-2026-08-01"


def check_model(body: Json, headers: Mapping[str, str]) -> None:
    """What this model takes."""
    model, thinking = body["model"], body.get("thinking") or {}
    kind = thinking.get("type")
    refuse_if(
        kind == "adaptive" and bool(_BUDGET_ALONE.match(model)), "adaptive thinking is not supported on this model"
    )
    refuse_if(
        kind == "enabled" and bool(_BUDGET_REFUSED.match(model)),
        '"thinking.type.enabled" is not supported for this model. Use "thinking.type.adaptive" and '
        '"output_config.effort" to control thinking behavior.',
    )
    refuse_if(
        kind == "disabled" and bool(_ALWAYS.match(model)), '"thinking.type.disabled" is not supported for this model.'
    )
    refuse_if(
        "temperature" in body and bool(_BUDGET_REFUSED.match(model)), "`temperature` is deprecated for this model."
    )
    effort = (body.get("output_config") or {}).get("effort")
    refuse_if(effort is not None and bool(_NO_EFFORT.match(model)), "This model does not support the effort parameter.")
    refuse_if(
        "block_binding" in thinking and _CONTROLS not in headers.get("anthropic-beta", ""),
        "thinking.block_binding: Extra inputs are not permitted",
    )


def signer(model: str, body: Json, messages: Sequence[Json]) -> str:
    """Who signs what is thought behind these messages of a request."""
    if not _BINDS.match(model):
        return model
    prefix = [body.get("system"), body.get("tools"), [_bare(message) for message in messages]]
    return f"{model} {hashlib.sha256(json.dumps(_bare(prefix), sort_keys=True).encode()).hexdigest()}"


def leaves_out_what_does_not_fit(body: Json) -> bool:
    """Whether thinking that is bound to something else is left out, and no reason to refuse the request."""
    binding = (body.get("thinking") or {}).get("block_binding") or {}
    return bool(_BINDS.match(body["model"])) and binding.get("prefix_mismatch_behavior") == "drop_block"


def _bare(value: Any) -> Any:
    """Without marks for the cache, which may move."""
    if isinstance(value, dict):
        return {name: _bare(each) for name, each in value.items() if name != "cache_control"}
    return [_bare(each) for each in value] if isinstance(value, list) else value
