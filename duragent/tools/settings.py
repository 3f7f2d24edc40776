"""The `web:` block of duragent.yaml."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, Strict


class WebSettings(BaseModel):
    """What the tool `web` may reach, and how much it takes."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    allow_hosts: Annotated[tuple[str, ...], Strict(False)] = Field(
        default=(),
        description="Hosts that may be fetched though they are private, as in the URL: `wiki.lan`, `localhost:3000`.",
    )
    timeout_seconds: float = Field(default=30, gt=0, le=300, description="How long a fetch or a search may take.")
    max_page_bytes: int = Field(
        default=1 << 20, ge=1024, le=64 << 20, description="How much of a page is read, after it was unpacked."
    )
    max_result_bytes: int = Field(
        default=50 * 1024, ge=1024, le=1 << 20, description="How much of a page the model is shown at once."
    )
    search_url: str = Field(
        default="https://api.search.brave.com/res/v1/web/search", description="Where Brave's search API answers."
    )
    brave_api_key: SecretStr | None = Field(
        default=None, description="The key for web search; by default the environment variable BRAVE_API_KEY."
    )
