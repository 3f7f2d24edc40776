"""The `sandbox:` block of duragent.yaml."""

import re
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

Mode = Literal["auto", "trust", "bubblewrap", "docker"]

_IMAGE = re.compile(r"[a-z0-9][A-Za-z0-9._:/@-]*")


class SandboxSettings(BaseModel):
    """Where commands run."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    mode: Mode = Field(
        default="auto",
        description="`trust` runs commands as you, the others keep them apart; `auto` is bubblewrap where it works.",
    )
    require: Literal["bubblewrap", "docker"] | None = Field(
        default=None, description="Refuse to start without this one, instead of falling back."
    )
    network: bool = Field(default=False, description="Whether commands may talk to the network.")
    pass_env: list[str] = Field(
        default_factory=list,
        description="More variables that commands get: names, or patterns such as `AWS_*`, which leave secrets out.",
    )
    writable: list[str] = Field(default_factory=list, description="More folders to write below: absolute, or `~/…`.")
    hidden: list[str] = Field(default_factory=list, description="More files and folders that are hidden.")
    visible: list[str] = Field(
        default_factory=list, description="What is hidden by default and may be read all the same, as `~/.npmrc`."
    )
    docker_image: str | None = Field(default=None, min_length=1, description="The image for `docker`; never pulled.")

    @field_validator("writable", "hidden", "visible")
    @classmethod
    def _paths_are_absolute(cls, paths: list[str]) -> list[str]:
        for path in paths:
            if not path.startswith(("/", "~/")) or "\0" in path:
                raise ValueError(f"'{path}' must begin with / or ~/")
        return paths

    @field_validator("pass_env")
    @classmethod
    def _names_are_names(cls, names: list[str]) -> list[str]:
        for name in names:
            if not name or "=" in name or "\0" in name:
                raise ValueError(f"'{name}' is no name of a variable")
        return names

    @field_validator("docker_image")
    @classmethod
    def _image_is_an_image(cls, image: str | None) -> str | None:
        if image is not None and not _IMAGE.fullmatch(image):
            raise ValueError(f"'{image}' is no name of an image")
        return image

    @model_validator(mode="after")
    def _mode_is_what_is_required(self) -> Self:
        if self.require is not None and self.mode not in ("auto", self.require):
            raise ValueError(f"require: {self.require} contradicts mode: {self.mode}")
        return self
