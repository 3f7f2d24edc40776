"""The `sessions:` block of duragent.yaml."""

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field


class SessionsSettings(BaseModel):
    """How long sessions live, and how stubborn a turn is."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    ttl_hours: float = Field(default=168, ge=0, description="When an idle session expires; 0 means never.")
    compaction: Literal["discard", "archive", "disabled"] = Field(
        default="disabled", description="What happens to old records: `disabled` keeps them all."
    )
    idle_unload_seconds: float = Field(default=300, gt=0, description="When an idle session leaves the memory.")
    model_attempts: int = Field(default=4, ge=1, le=100, description="How often a model is asked before a turn fails.")
    retry_base_seconds: float = Field(default=1.0, ge=0, description="The pause before the second attempt; it doubles.")
    approval_ttl_hours: float = Field(
        default=0, ge=0, description="After how long an approval that nobody gave counts as denied; 0 means never."
    )
