"""The `sandbox:` block of duragent.yaml."""

import os
import re
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from duragent.sandboxes.base import CommandLimits

Mode = Literal["auto", "trust", "bubblewrap", "docker"]

_LEAST_MEMORY_MEBIBYTES = 16
_IMAGE = re.compile(r"[a-z0-9][A-Za-z0-9._:/@-]*")


class LimitSettings(BaseModel):
    """How much one command, with all that it starts, may use; `null` is no limit.

    Sources of the figures: podman's `pids_limit` is 2048; half of the machine is what the kernel gives a tmpfs.
    """

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    processes: int | None = Field(default=2048, ge=1, description="Processes and threads at the same time.")
    memory_mebibytes: int | Literal["half"] | None = Field(
        default="half", description="Memory, with the private temporary folders; `half` is half of the machine's."
    )
    file_mebibytes: int | None = Field(default=10_240, ge=0, description="The size of one file that it writes.")
    open_files: int | None = Field(default=65_536, ge=16, description="Open files of one process.")
    cpu_seconds: int | None = Field(
        default=None, ge=1, description="CPU time on all cores together; how long a command may take is its timeout."
    )

    @field_validator("memory_mebibytes")
    @classmethod
    def _memory_is_enough_for_a_shell(cls, memory: int | str | None) -> int | str | None:
        if isinstance(memory, int) and memory < _LEAST_MEMORY_MEBIBYTES:
            raise ValueError(f"must be at least {_LEAST_MEMORY_MEBIBYTES}, `half` or null")
        return memory

    def limits(self) -> CommandLimits:
        """The same in the units of `CommandLimits`. Reads how much memory the machine has."""
        memory = half_of_the_memory() if self.memory_mebibytes == "half" else _bytes(self.memory_mebibytes)
        return CommandLimits(self.processes, memory, _bytes(self.file_mebibytes), self.open_files, self.cpu_seconds)

    def in_words(self) -> str:
        """`2,048 processes and threads, 12,288 MiB of memory, …`: one line for people."""
        found = self.limits()
        parts = [
            (found.processes, "{:,} processes and threads"),
            (found.memory_bytes and found.memory_bytes >> 20, "{:,} MiB of memory"),
            (self.file_mebibytes, "{:,} MiB a file"),
            (self.open_files, "{:,} open files a process"),
            (self.cpu_seconds, "{:,} seconds of CPU time"),
        ]
        return ", ".join(words.format(value) for value, words in parts if value is not None) or "none"


def _bytes(mebibytes: int | None) -> int | None:
    return None if mebibytes is None else mebibytes << 20


@cache
def half_of_the_memory() -> int:
    """Half of the machine's memory, or of the container's where that has less, in bytes."""
    limits_bytes = [os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")]
    for path in ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes"):
        with suppress(OSError, ValueError):  # "max" stands there for no limit.
            limits_bytes.append(int(Path(path).read_text()))
    return min(limits_bytes) // 2


class SandboxSettings(BaseModel):
    """Where commands run."""

    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    mode: Mode = Field(
        default="auto",
        description="`trust` runs commands as you, the others keep them apart; `auto` is bubblewrap where it works.",
    )
    require: Literal["bubblewrap", "docker"] | None = Field(
        default=None, description="Refuse to start without this one, instead of falling back."
    )
    fallback: Literal["trust", "none"] = Field(
        default="trust",
        description="What `auto` does where bubblewrap does not work: `trust` runs commands as you, `none` runs no "
        "command.",
    )
    network: bool = Field(default=False, description="Whether commands may talk to the network.")
    pass_env: list[str] = Field(
        default_factory=list,
        description="More variables that commands get: names, or patterns such as `AWS_*`, which leave secrets out.",
    )
    home: Literal["hidden", "visible"] = Field(
        default="hidden",
        description="In bubblewrap: whether your home folder is empty for commands, but for tools and the project.",
    )
    writable: list[str] = Field(default_factory=list, description="More folders to write below: absolute, or `~/…`.")
    hidden: list[str] = Field(default_factory=list, description="More files and folders that are hidden.")
    visible: list[str] = Field(
        default_factory=list, description="What is hidden by default and may be read all the same, as `~/datasets`."
    )
    docker_image: str | None = Field(default=None, min_length=1, description="The image for `docker`; never pulled.")

    limits: LimitSettings = Field(
        default_factory=LimitSettings, description="How much one command may use, in every mode."
    )

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

    @property
    def wanted(self) -> str:
        """Which one: what is required, else the mode."""
        return self.require or self.mode

    @model_validator(mode="after")
    def _mode_is_what_is_required(self) -> Self:
        if self.require is not None and self.mode not in ("auto", self.require):
            raise ValueError(f"require: {self.require} contradicts mode: {self.mode}")
        return self
