"""Where keys, passwords and ways out of a sandbox commonly lie: hidden from commands unless a person says otherwise.

A list can never be whole. It is the second wall; the first is that a sandbox lets nothing be written or sent outside.
"""

import os
import pwd
from collections.abc import Iterable, Mapping
from pathlib import Path

BELOW_HOME: tuple[str, ...] = (
    # remote machines, signing, version control
    ".ssh", ".gnupg", ".git-credentials", ".config/git/credentials", ".netrc", ".authinfo", ".authinfo.gpg",
    ".config/gh", ".config/hub", ".config/glab-cli", ".subversion/auth",
    # clouds and clusters
    ".aws", ".azure", ".config/gcloud", ".boto", ".s3cfg", ".oci", ".config/doctl", ".fly", ".config/rclone", ".kube",
    ".docker", ".config/containers/auth.json", ".terraform.d", ".terraformrc", ".vault-token", ".databrickscfg",
    ".snowflake", ".config/sops", ".config/age", ".config/heroku",
    # package registries
    ".npmrc", ".pypirc", ".cargo/credentials", ".cargo/credentials.toml", ".gem/credentials", ".m2/settings.xml",
    ".m2/settings-security.xml", ".gradle/gradle.properties", ".composer/auth.json", ".config/composer/auth.json",
    ".cache/huggingface/token", ".huggingface/token", ".kaggle",
    # databases
    ".pgpass", ".my.cnf", ".mylogin.cnf",
    # passwords and browsers
    ".password-store", ".local/share/keyrings", ".local/share/kwalletd", ".config/op", ".config/1Password",
    ".config/Bitwarden", ".config/Bitwarden CLI", ".mozilla", ".thunderbird", ".config/google-chrome",
    ".config/chromium", ".config/BraveSoftware", ".config/microsoft-edge",
    # what was typed
    ".bash_history", ".zsh_history", ".local/share/fish/fish_history", ".python_history", ".psql_history",
    ".mysql_history", ".node_repl_history",
    # other agents
    ".claude", ".claude.json", ".codex", ".gemini", ".local/share/opencode",
    # a screen that can be typed into
    ".Xauthority",
)  # fmt: skip
"""Files and folders below a home folder. A folder is listed rather than a file in it where the tool does without."""

ANYWHERE: tuple[str, ...] = (
    "/etc/shadow", "/etc/shadow-", "/etc/gshadow", "/etc/gshadow-", "/etc/ssh/ssh_host_ecdsa_key",
    "/etc/ssh/ssh_host_ed25519_key", "/etc/ssh/ssh_host_rsa_key", "/etc/krb5.keytab", "/etc/kubernetes", "/etc/docker",
    "/etc/rancher", "/var/lib/docker", "/var/lib/containerd", "/var/lib/kubelet", "/var/lib/mysql/mysql.sock",
    "/var/spool/cron", "/mnt/wslg",
)  # fmt: skip
"""What only root could read anyhow, for a server that runs as root, and sockets that are not below /run."""

NAMED_BY: tuple[str, ...] = (
    "SSH_AUTH_SOCK", "XDG_RUNTIME_DIR", "GNUPGHOME", "DOCKER_CONFIG", "DOCKER_HOST", "DBUS_SESSION_BUS_ADDRESS",
    "KUBECONFIG", "GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_CONFIG", "AWS_SHARED_CREDENTIALS_FILE", "AWS_CONFIG_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE", "AZURE_CONFIG_DIR", "NETRC", "NPM_CONFIG_USERCONFIG", "PGPASSFILE", "XAUTHORITY",
    "CLAUDE_CONFIG_DIR", "CODEX_HOME", "PASSWORD_STORE_DIR", "VAULT_TOKEN_FILE",
)  # fmt: skip
"""Variables of the server's environment whose value is such a path, several with colons between, or a socket."""


def secret_places(homes: Iterable[Path], environ: Mapping[str, str]) -> tuple[Path, ...]:
    """All of them, whether they exist or not. A home folder itself, and what it lies in, is never among them."""
    homes = tuple(homes)
    config = environ.get("XDG_CONFIG_HOME", "")
    found = [home / name for home in homes for name in BELOW_HOME]
    if os.path.isabs(config):
        found += [Path(config, name.removeprefix(".config/")) for name in BELOW_HOME if name.startswith(".config/")]
    found += [Path(name) for name in ANYWHERE]
    found += [path for name in NAMED_BY for path in _paths(environ.get(name, ""))]
    return tuple(dict.fromkeys(path for path in found if not any(home.is_relative_to(path) for home in homes)))


def homes_here(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The home folders that the server could read: its own, and as root everybody's."""
    found = [environ.get("HOME", "")]
    for entry in pwd.getpwall():
        if entry.pw_uid == os.getuid() or (os.getuid() == 0 and entry.pw_dir.startswith("/home/")):
            found.append(entry.pw_dir)
    return tuple(dict.fromkeys(Path(home) for home in found if os.path.isabs(home) and home != "/"))


def _paths(value: str) -> list[Path]:
    """The absolute paths in `a:b`, `unix:///run/x.sock` and `unix:path=/run/x,guid=1`."""
    if value.startswith("unix:"):
        address = value.removeprefix("unix:").removeprefix("path=")
        return [Path(os.path.normpath(address.split(",")[0]))] if address.startswith("/") else []
    return [Path(os.path.normpath(part)) for part in value.split(":") if part.startswith("/")]
