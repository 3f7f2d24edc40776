"""duragent.yaml: gathers the settings that each room defines beside its code, and says where things are.

Environment variables come in after the YAML has been parsed, and only into values: what a variable holds is always
one text, and can never become YAML.
"""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

from pydantic import BaseModel, ConfigDict, Field, Strict

from duragent.sandboxes.settings import SandboxSettings
from duragent.server.settings import ServerSettings
from duragent.system.keys import Keys
from duragent.system.private_folder import places
from duragent.tools.settings import WebSettings
from duragent.turn.settings import SessionsSettings
from duragent.yaml.document import YamlDocument, YamlPath, read_yaml
from duragent.yaml.model import PathText, validate

# `$$`, a whole `${…}`, or a `${` that nothing closes.
_INTERPOLATION = re.compile(r"\$\$|\$\{([^{}]*)\}|\$\{")
_VARIABLE = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)


class _Block(BaseModel):
    model_config = ConfigDict(defer_build=True, frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


# --- the file's form ------------------------------------------------------------------------------------------------


class PathSettings(_Block):
    """A place on disk."""

    path: PathText | None = Field(default=None, min_length=1, description="The folder, relative to this file.")


class ServicesSettings(_Block):
    """Places of single services."""

    session: PathSettings = Field(default_factory=PathSettings, description="Where sessions rest; else `sessions`.")


class ChatSettings(_Block):
    """A chat that duragent knows."""

    enabled: bool = Field(default=True, description="Whether it is started.")
    bot_token: str = Field(min_length=1, repr=False, description="The bot's token.")


class ExternalGateway(_Block):
    """A gateway that is a program of its own."""

    name: str = Field(min_length=1, description="Its name in routes.")
    command: str = Field(min_length=1, description="The program: a path relative to this file, or a name on PATH.")
    args: Annotated[tuple[str, ...], Strict(False)] = Field(default=(), description="Its arguments.")
    env: dict[str, str] = Field(default_factory=dict, repr=False, description="Its environment variables.")
    restart: Literal["always", "on_failure", "never"] = Field(
        default="on_failure", description="When it is started again."
    )


class GatewaysSettings(_Block):
    """Chat doors."""

    telegram: ChatSettings | None = Field(default=None, description="Telegram.")
    discord: ChatSettings | None = Field(default=None, description="Discord.")
    external: Annotated[tuple[ExternalGateway, ...], Strict(False)] = Field(default=(), description="Other programs.")


class RouteMatch(_Block):
    """Which messages a route is for; an absent key fits all."""

    gateway: str | None = Field(default=None, description="The gateway's name.")
    chat_type: str | None = Field(default=None, description="dm, group or channel.")
    chat_id: str | None = Field(default=None, description="The chat.")
    sender_id: str | None = Field(default=None, description="Who wrote.")


class RouteSettings(_Block):
    """Which agent answers which messages."""

    match: RouteMatch = Field(description="Which messages.")
    agent: str = Field(min_length=1, description="The agent that answers.")


class TerminalSettings(_Block):
    """How commands look and sound for those who use this workspace; a server does not read it."""

    theme: Literal["auto", "dark", "light", "none"] = Field(
        default="auto",
        description="Colours for a dark or a light background, or none; `auto` asks the terminal. All are of the "
        "terminal's own sixteen.",
    )
    bell: bool | Literal["always"] = Field(
        default=True,
        description="Ring and notify when an answer is there or something is asked while the terminal is not in front; "
        "`always` also when it is.",
    )


class ConfigFile(_Block):
    """What may stand in duragent.yaml."""

    workspace: PathText = Field(default=".duragent", min_length=1, description="The workspace, relative to this file.")
    agents_dir: PathText | None = Field(
        default=None, min_length=1, description="The agents; else `agents` in the workspace."
    )
    env_file: PathText | None = Field(
        default=None,
        min_length=1,
        description="A file with keys of providers, such as `.env`; what is in the environment wins. No agent sees it.",
    )
    allow_network_fs: bool = Field(default=False, description="Allow a workspace on a network file system.")
    services: ServicesSettings = Field(default_factory=ServicesSettings, description="Places of single services.")
    world_memory: PathSettings = Field(default_factory=PathSettings, description="What all agents remember.")
    server: ServerSettings = Field(default_factory=ServerSettings, description="The HTTP server.")
    sessions: SessionsSettings = Field(default_factory=SessionsSettings, description="How sessions live.")
    sandbox: SandboxSettings = Field(default_factory=SandboxSettings, description="Where commands run.")
    web: WebSettings = Field(default_factory=WebSettings, description="What the tool `web` may reach.")
    terminal: TerminalSettings = Field(default_factory=TerminalSettings, description="The terminal of commands.")
    gateways: GatewaysSettings = Field(default_factory=GatewaysSettings, description="Chat doors.")
    routes: Annotated[tuple[RouteSettings, ...], Strict(False)] = Field(
        default=(), description="Who answers which messages."
    )


# --- the configuration ----------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class StoreSettings:
    """Where streams rest."""

    workspace: Path
    sessions_dir: Path
    allow_network_fs: bool = False


@dataclass(frozen=True)
class Config:
    """The settings, and the absolute paths that follow from them. `path` is the file, None when there is none."""

    base: Path
    """The folder that relative paths begin at: the file's folder."""
    file: ConfigFile = field(default_factory=ConfigFile)
    path: Path | None = None

    @property
    def workspace(self) -> Path:
        return self.absolute(self.file.workspace)

    @property
    def agents_dir(self) -> Path:
        return self._place(self.file.agents_dir, "agents")

    @property
    def sessions_dir(self) -> Path:
        return self._place(self.file.services.session.path, "sessions")

    @property
    def streams_dir(self) -> Path:
        """The streams that are no sessions, such as agents' minds."""
        return self.workspace / "streams"

    @property
    def world_dir(self) -> Path:
        """The topics that all agents share."""
        return self._place(self.file.world_memory.path, "memory/world")

    @property
    def env_file(self) -> Path | None:
        return None if self.file.env_file is None else self.absolute(self.file.env_file)

    def keys(self, environ: Mapping[str, str]) -> Keys:
        """The keys of providers that this workspace can use: those of the environment, and those that are stored."""
        return Keys(environ, self.env_file)

    @property
    def server(self) -> ServerSettings:
        return self.file.server

    @property
    def sandbox(self) -> SandboxSettings:
        return self.file.sandbox

    @property
    def sessions(self) -> SessionsSettings:
        return self.file.sessions

    @property
    def store(self) -> StoreSettings:
        return StoreSettings(self.workspace, self.sessions_dir, self.file.allow_network_fs)

    def absolute(self, path: str) -> Path:
        """A path of the file as an absolute one; `..` is taken out, symbolic links stay."""
        return Path(os.path.normpath(self.base / path))

    def _place(self, named: str | None, usual: str) -> Path:
        return self.workspace / usual if named is None else self.absolute(named)


def load_config(path: Path | None, environ: Mapping[str, str], base: Path | None = None) -> Config:
    """The configuration in `path`; without one all defaults, with the workspace `base/.duragent` (base: else here).

    Raises InvalidFile, also when `path` does not exist.
    """
    if path is None:
        return Config(base=(base or Path()).absolute())
    document = interpolate(read_yaml(path), environ)
    return Config(base=path.absolute().parent, file=validate(document, ConfigFile), path=path.absolute())


def inactive_config(config: Config) -> list[str]:
    """The keys that the file sets, on which this version does not act yet; sorted."""
    file, found = config.file, set()
    found |= file.model_fields_set & {"gateways", "routes"}
    if "compaction" in file.sessions.model_fields_set and file.sessions.compaction != "disabled":
        found.add("sessions.compaction")
    return sorted(found)


# --- environment variables ------------------------------------------------------------------------------------------


def interpolate(document: YamlDocument, environ: Mapping[str, str]) -> YamlDocument:
    """The document with `${NAME}`, `${NAME:-default}` and `$$` replaced in its text values. Raises InvalidFile."""
    changed: dict[YamlPath, str] = {}
    data = _interpolated(document.data, (), _Environment(document, environ), changed)
    return replace(document, data=data, raw={**document.raw, **changed}, from_environment=frozenset(changed))


@dataclass(frozen=True)
class _Environment:
    document: YamlDocument
    variables: Mapping[str, str]

    def fill(self, text: str, path: YamlPath) -> str:
        return _INTERPOLATION.sub(lambda found: self.one(found, path), text)

    def one(self, found: re.Match[str], path: YamlPath) -> str:
        if found[0] == "$$":
            return "$"
        if found[1] is None:
            self.document.fail(path, "has a '${' that is not closed", "write $$ for a plain dollar sign")
        parsed = _VARIABLE.fullmatch(found[1])
        if parsed is None:
            self.document.fail(path, f"'{found[0]}' is not ${{NAME}} or ${{NAME:-default}}")
        name, default = parsed[1], parsed[2]
        value = self.variables.get(name, default)
        if value is None:
            self._missing(path, name)
        return value

    def _missing(self, path: YamlPath, name: str) -> NoReturn:
        hint = f"set it, or write ${{{name}:-default}}"
        self.document.fail(path, f"environment variable '{name}' is not set", hint)


def _interpolated(value: Any, path: YamlPath, environment: _Environment, changed: dict[YamlPath, str]) -> Any:
    match value:
        case dict():
            return {key: _interpolated(each, (*path, key), environment, changed) for key, each in value.items()}
        case list():
            return [_interpolated(each, (*path, at), environment, changed) for at, each in enumerate(value)]
        case str() if "$" in value:
            filled = environment.fill(value, path)
            if "${" in value:
                changed[path] = value
            return filled
    return value


def closed_to_agents(config: Config) -> tuple[Path, ...]:
    """What no tool and no command of an agent may read: tokens, keys, results of other calls, and what was said."""
    workspace = config.workspace.resolve()
    keys = () if config.env_file is None else (config.env_file.resolve(),)
    logs = (config.sessions_dir.resolve(), config.streams_dir.resolve())
    return (workspace / "run", workspace / ".lock", *logs, *keys, *places())
