"""Which workspace a command is about: `-c` or `-w`, else what DURAGENT_CONFIG names, else the nearest duragent.yaml or
.duragent from here upwards.
"""

import os
from pathlib import Path
from typing import TYPE_CHECKING

from duragent.cli.looks import begin_theme
from duragent.errors import InvalidRequest, NotFound

if TYPE_CHECKING:
    from duragent.agent.first_model import ProviderChoice
    from duragent.config import Config
    from duragent.system.keys import Keys

CONFIG_NAME, WORKSPACE_NAME = "duragent.yaml", ".duragent"
CONFIG_VARIABLE = "DURAGENT_CONFIG"
"""Names a duragent.yaml for commands that name none: a container's, which lies beside no workspace."""

FIRST_AGENT = "assistant"


class NoWorkspace(NotFound):
    """There is no workspace here, or none at the path that was given."""


def find_config(config: Path | None, workspace: Path | None) -> "Config | None":
    """None when nothing was named and there is nothing here. What the command prints looks as that file says.

    Raises InvalidFile, InvalidRequest.
    """
    found = _find(config, workspace)
    if found is not None:
        begin_theme(found.file.terminal.theme)
    return found


def _find(config: Path | None, workspace: Path | None) -> "Config | None":
    from duragent.config import load_config

    if config is not None and workspace is not None:
        raise InvalidRequest("--config and --workspace: give only one of them")
    if config is not None:
        return load_config(config, os.environ)
    if workspace is not None:
        return config_of(workspace)
    if named := os.environ.get(CONFIG_VARIABLE):
        return load_config(Path(named), os.environ)
    here = Path.cwd()
    for folder in (here, *here.parents):
        if not (folder == here or _is_ours(folder)):
            continue
        if (folder / CONFIG_NAME).is_file():
            return load_config(folder / CONFIG_NAME, os.environ)
        if (folder / WORKSPACE_NAME).is_dir():
            return load_config(None, os.environ, folder)
    return None


def need_config(config: Path | None, workspace: Path | None) -> "Config":
    """As `find_config`. Raises NoWorkspace when there is no workspace."""
    settings = find_config(config, workspace)
    if settings is None:
        raise NoWorkspace(f"no workspace here: no {CONFIG_NAME} or {WORKSPACE_NAME} in {Path.cwd()} or above")
    if not settings.workspace.is_dir() and workspace is not None:
        raise NoWorkspace(f"there is no workspace at {settings.workspace}")
    return settings


def config_of(workspace: Path) -> "Config":
    """All defaults, with the workspace at that very path. Raises InvalidRequest for the folder around a workspace."""
    from duragent.config import Config, ConfigFile

    path = workspace.absolute()
    if (path / WORKSPACE_NAME).is_dir() and not (path / "sessions").is_dir():
        raise InvalidRequest(f"{workspace} is no workspace, but has one: --workspace {workspace / WORKSPACE_NAME}")
    return Config(base=path.parent, file=ConfigFile(workspace=str(path)))


def make_workspace(root: Path) -> "tuple[Config, list[str]]":
    """A first workspace in `root`, and the sentences that say what was done."""
    from duragent.agent.starter import write_workspace
    from duragent.config import load_config

    choice = choose_model()
    write_workspace(root, FIRST_AGENT, choice.provider, choice.model)
    sentences = [f'No workspace here: made {WORKSPACE_NAME}/ with one agent, "{FIRST_AGENT}".']
    if choice.provider == "demo":
        why = choice.why[0].upper() + choice.why[1:]
        sentences.append(f"{why}: using the offline demo model. `duragent init` connects a real one.")
    else:
        sentences.append(f"Using {choice.provider}/{choice.model}: {choice.why}.")
    return load_config(None, os.environ, root), sentences


def keys_of(config: "Config | None") -> "Keys":
    """The keys that commands see here; without a workspace those of the environment and of the key file."""
    from duragent.system.keys import Keys

    return Keys(os.environ) if config is None else config.keys(os.environ)


def choose_model(config: "Config | None" = None) -> "ProviderChoice":
    """The first provider that can be used on this machine, with the keys of that workspace."""
    from duragent.agent.first_model import PROVIDER_KEYS, choose_provider
    from duragent.models.local_servers import ollama_models
    from duragent.models.providers import ollama_url

    keys = keys_of(config)
    has_key = any(keys.get(key, "").strip() for key in PROVIDER_KEYS.values())
    return choose_provider(keys, None if has_key else ollama_models(ollama_url(keys)))


def serve_arguments(config: "Config") -> list[str]:
    """The arguments with which `duragent serve` in the background serves this workspace."""
    return ["--config", str(config.path)] if config.path else ["--workspace", str(config.workspace)]


def _is_ours(folder: Path) -> bool:
    # A /tmp/duragent.yaml of another user must not decide for people who work below /tmp.
    try:
        return folder.stat().st_uid == os.getuid()
    except OSError:
        return False
