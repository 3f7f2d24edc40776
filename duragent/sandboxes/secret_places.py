"""Where keys, passwords and ways out of a sandbox commonly lie: hidden from commands unless a person says otherwise.

A list can never be whole: that is why a home folder is hidden as a whole (`home`). The list covers the secrets in what
is opened of it, those outside of it, and a home that a person makes visible.
"""

import os
import pwd
from collections.abc import Iterable, Mapping
from pathlib import Path

BELOW_HOME: tuple[str, ...] = (
    # remote machines, signing, version control
    ".ssh", ".gnupg", ".git-credentials", ".git-credential-cache", ".config/git/credentials", ".cache/git/credential",
    ".netrc", "_netrc", ".authinfo", ".authinfo.gpg", ".config/gh", ".config/hub", ".config/glab-cli", ".config/tea",
    ".subversion/auth", ".hgrc", ".putty", ".config/filezilla", ".filezilla", ".config/remmina",
    ".local/share/remmina", ".caff", ".wgetrc", ".curlrc", ".config/keybase", ".local/share/keybase",
    ".rhosts", ".shosts", ".cert", ".pki",
    ".local/share/pki", ".lftp", ".config/lftp", ".davfs2", ".smbcredentials", ".vnc/passwd", ".config/tigervnc",
    ".config/sops", ".config/age", ".age", ".minisign", ".tsh", ".teleconsole", ".cloudflared", ".ngrok2",
    ".config/ngrok", ".config/sftpgo", ".step", ".acme.sh", ".config/letsencrypt", ".k5login", ".krb5",
    # clouds, clusters, infrastructure
    ".aws", ".azure", ".config/gcloud", ".boto", ".s3cfg", ".s3cmd", ".passwd-s3fs", ".oci", ".bluemix", ".ibmcloud",
    ".aliyun", ".tccli", ".huaweicloud", ".config/doctl", ".config/hcloud", ".config/scw", ".config/linode-cli",
    ".linode-cli", ".config/vultr-cli.yaml", ".vultr-cli.yaml", ".config/openstack", ".config/rclone", ".rclone.conf",
    ".config/rclone.conf", ".mc", ".kube", ".minikube", ".kind", ".k3d", ".config/k9s", ".config/helm", ".helm",
    ".config/argocd", ".argocd", ".docker", ".config/containers", ".local/share/containers", ".dockercfg",
    ".terraform.d", ".terraformrc", ".tofurc", ".pulumi", ".ansible/vault", ".vault_pass", ".vault_pass.txt",
    ".vault-token", ".consul-token", ".nomad-token", ".chef", ".puppetlabs", ".config/puppet", ".vagrant.d",
    ".databrickscfg", ".snowflake", ".snowsql", ".config/snowflake", ".bigqueryrc", ".config/heroku", ".heroku",
    ".fly", ".vercel", ".config/vercel", ".local/share/com.vercel.cli", ".netlify", ".config/netlify", ".railway",
    ".config/railway", ".render", ".config/wrangler", ".wrangler", ".config/.wrangler", ".supabase",
    ".config/configstore", ".firebase", ".amplify", ".serverlessrc", ".cf", ".bitbucket", ".circleci", ".travis",
    ".buildkite", ".config/sentry", ".sentryclirc", ".newrelic", ".datadog", ".ossutilconfig", ".config/okteto",
    ".config/tailscale", ".local/share/tailscale", ".config/infracost", ".doppler", ".config/doppler", ".infisical",
    ".restic", ".config/restic", ".config/borg", ".config/rustic", ".config/duplicity", ".duplicity", ".cache/gcloud",
    # package registries
    ".npmrc", ".config/npm", ".yarnrc", ".yarnrc.yml", ".config/pnpm/rc", ".pypirc", ".pip", ".config/pip",
    ".config/pypoetry", ".local/share/uv/credentials", ".condarc", ".conda/.condarc", ".anaconda", ".continuum",
    ".cargo/credentials", ".cargo/credentials.toml", ".gem/credentials", ".local/share/gem/credentials",
    ".bundle/config", ".m2/settings.xml", ".m2/settings-security.xml", ".gradle/gradle.properties", ".gradle/init.d",
    ".sbt/.credentials", ".sbt/credentials", ".ivy2/.credentials", ".ivy2/credentials", ".coursier/credentials",
    ".config/coursier", ".composer/auth.json", ".config/composer/auth.json", ".nuget/NuGet", ".config/NuGet",
    ".hex/hex.config", ".config/hex", ".cabal/config", ".config/cabal", ".pub-cache/credentials.json",
    ".config/dart", ".luarocks/upload_config.lua", ".conan/credentials", ".conan2/credentials.json", ".jfrog",
    ".cache/huggingface/token", ".cache/huggingface/stored_tokens", ".huggingface", ".kaggle", ".config/wandb",
    ".config/hatch", ".local/share/hatch", ".config/flit", ".platformio/appstate.json",
    # databases
    ".pgpass", ".pg_service.conf", ".my.cnf", ".mylogin.cnf", ".mongorc.js", ".mongosh", ".dbshell", ".rediscli_auth",
    ".redisclirc", ".cassandra", ".config/pgcli", ".config/mycli", ".myclirc", ".sqlcl", ".tnsnames.ora", ".odbc.ini",
    ".dbeaver4", ".local/share/DBeaverData", ".influxdbv2", ".clickhouse-client", ".config/JetBrains", ".cockroach",
    # passwords, browsers, mail, chats
    ".password-store", ".local/share/password-store", ".local/share/gopass", ".config/gopass", ".local/share/keyrings",
    ".gnome2/keyrings", ".gnome2_private", ".local/share/kwalletd", ".kde/share/apps/kwallet",
    ".kde4/share/apps/kwallet", ".local/share/plasma-vault", ".vaults", ".config/op", ".op", ".config/1Password",
    ".config/Bitwarden", ".config/Bitwarden CLI", ".config/keepassxc", ".config/KeePass", ".cache/keepassxc",
    ".keepass", ".keepassx", ".keepassxc", ".lastpass", ".local/share/lpass", ".config/lpass", ".config/rbw",
    ".local/share/rbw", ".config/Dashlane", ".config/enpass", ".config/authy", ".config/Yubico", ".yubico", ".otpw",
    ".google_authenticator", ".totp", ".Private", ".ecryptfs", ".fscrypt", ".mozilla", ".cache/mozilla", ".thunderbird",
    ".librewolf", ".waterfox", ".zen", ".config/google-chrome", ".config/google-chrome-beta", ".config/chromium",
    ".config/BraveSoftware", ".config/microsoft-edge", ".config/vivaldi", ".config/opera", ".config/Arc",
    ".local/share/epiphany", ".local/share/qutebrowser", ".tor-browser", ".local/share/torbrowser", ".nyx",
    ".config/Slack", ".config/discord", ".config/Signal", ".local/share/signal-cli", ".config/Element",
    ".local/share/TelegramDesktop", ".config/teams", ".config/zoomus.conf", ".purple", ".weechat", ".config/weechat",
    ".irssi", ".mutt", ".muttrc", ".config/mutt", ".config/neomutt", ".msmtprc", ".config/msmtp", ".mbsyncrc",
    ".config/isyncrc", ".offlineimaprc", ".fetchmailrc", ".getmail", ".config/himalaya", ".config/aerc", ".mail",
    ".Mail", "Mail", ".local/share/evolution", ".config/evolution", ".var/app", "snap",
    # wallets
    ".bitcoin", ".litecoin", ".dogecoin", ".ethereum", ".electrum", ".config/Exodus", ".config/solana", ".monero",
    ".config/Ledger Live", ".near-credentials", ".sui", ".aptos", ".foundry/keystores", ".brownie/accounts",
    # what was typed
    ".bash_history", ".zsh_history", ".zhistory", ".histfile", ".history", ".sh_history", ".ksh_history",
    ".local/share/fish/fish_history", ".config/nushell/history.txt", ".local/share/atuin", ".python_history",
    ".ipython/profile_default/history.sqlite", ".psql_history", ".mysql_history", ".sqlite_history",
    ".rediscli_history", ".mongo_history", ".node_repl_history", ".irb_history", ".pry_history", ".php_history",
    ".scala_history", ".ghc/ghci_history", ".julia/logs/repl_history.jl", ".Rhistory", ".lesshst", ".viminfo",
    ".local/state/nvim/shada", ".wget-hsts", ".config/Code/User/History", ".local/share/recently-used.xbel",
    # files that commonly set keys
    ".env", ".envrc", ".secrets", ".credentials", ".config/environment.d", ".pam_environment",
    ".bashrc.local", ".zshrc.local", ".zshenv", ".exports",
    # other agents, editors and what keeps their keys
    ".claude", ".claude.json", ".config/claude", ".codex", ".gemini", ".local/share/opencode", ".config/opencode",
    ".config/github-copilot", ".copilot", ".cursor", ".config/Cursor", ".windsurf", ".codeium", ".continue", ".aider",
    ".aider.conf.yml", ".config/goose", ".config/crush", ".config/io.datasette.llm", ".config/openai", ".openai",
    ".anthropic", ".ollama/id_ed25519", ".config/aichat", ".config/mods", ".config/fabric", ".config/shell_gpt",
    ".amp", ".config/amp", ".qwen", ".kiro", ".factory", ".config/Code/User/globalStorage", ".vscode-server/data",
    ".config/zed",
    # a screen that can be typed into, sessions that can be taken over
    ".Xauthority", ".ICEauthority", ".local/share/zellij", ".jupyter", ".local/share/jupyter/runtime",
    ".config/syncthing", ".local/state/syncthing", ".config/nextcloud", ".dropbox", ".config/onedrive",
)  # fmt: skip
"""Files and folders below a home folder. A folder is listed rather than a file in it where the tool does without.

Sources: firejail's `disable-common.inc` (its parts on secrets, cloud providers and history), LinPEAS's
`build_lists/sensitive_files.yaml`, and the documentation of the tools that are named.
"""

ANYWHERE: tuple[str, ...] = (
    "/etc/shadow", "/etc/shadow-", "/etc/shadow+", "/etc/gshadow", "/etc/gshadow-", "/etc/gshadow+", "/etc/sudoers",
    "/etc/sudoers.d", "/etc/security/opasswd", "/etc/ssh/ssh_host_dsa_key", "/etc/ssh/ssh_host_ecdsa_key",
    "/etc/ssh/ssh_host_ed25519_key", "/etc/ssh/ssh_host_rsa_key", "/etc/ssl/private", "/etc/pki/tls/private",
    "/etc/pki/private", "/etc/letsencrypt", "/etc/krb5.keytab", "/etc/kubernetes", "/etc/docker", "/etc/rancher",
    "/etc/wireguard", "/etc/openvpn", "/etc/ppp/chap-secrets", "/etc/ppp/pap-secrets", "/etc/wpa_supplicant",
    "/etc/NetworkManager/system-connections", "/etc/davfs2/secrets", "/etc/boto.cfg", "/etc/mysql/debian.cnf",
    "/etc/postfix/sasl_passwd", "/etc/exim4/passwd.client", "/etc/msmtprc", "/etc/samba/smbpasswd", "/etc/sssd",
    "/etc/vault.d", "/etc/consul.d", "/etc/nomad.d", "/etc/gitlab", "/etc/gitlab-runner", "/etc/grafana",
    "/etc/munge", "/etc/redis", "/etc/crypttab", "/etc/cloud", "/etc/credstore", "/etc/credstore.encrypted",
    "/var/backups", "/var/backup", "/var/lib/docker", "/var/lib/containerd", "/var/lib/containers",
    "/var/lib/kubelet", "/var/lib/rancher", "/var/lib/etcd", "/var/lib/cloud", "/var/lib/systemd/credential.secret",
    "/var/lib/sss", "/var/lib/samba/private", "/var/lib/tailscale", "/var/lib/tor", "/var/lib/jenkins/secrets",
    "/var/lib/gitlab-runner", "/var/lib/mysql", "/var/lib/postgresql", "/var/lib/redis", "/var/lib/mongodb",
    "/var/lib/private", "/var/log/auth.log", "/var/log/secure", "/var/spool/cron", "/var/spool/mail", "/var/mail",
    "/mnt/wslg", "/mnt/wsl", "/kaniko/.docker", "/.snapshots",
)  # fmt: skip
"""What mostly only root could read anyhow, for a server that runs as root, and sockets that are not below /run."""

NAMED_BY: tuple[str, ...] = (
    "SSH_AUTH_SOCK", "XDG_RUNTIME_DIR", "GNUPGHOME", "DOCKER_CONFIG", "DOCKER_HOST", "DBUS_SESSION_BUS_ADDRESS",
    "KUBECONFIG", "GOOGLE_APPLICATION_CREDENTIALS", "CLOUDSDK_CONFIG", "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_CONFIG_FILE", "AWS_WEB_IDENTITY_TOKEN_FILE", "AZURE_CONFIG_DIR", "NETRC", "NPM_CONFIG_USERCONFIG",
    "PGPASSFILE", "XAUTHORITY", "CLAUDE_CONFIG_DIR", "CODEX_HOME", "PASSWORD_STORE_DIR", "VAULT_TOKEN_FILE",
    "GPG_AGENT_INFO", "KRB5CCNAME", "KRB5_KTNAME", "REGISTRY_AUTH_FILE", "DOCKER_CERT_PATH", "CONTAINER_HOST",
    "BOTO_CONFIG", "OCI_CLI_CONFIG_FILE", "RCLONE_CONFIG", "HELM_REGISTRY_CONFIG", "HELM_REPOSITORY_CONFIG",
    "TF_CLI_CONFIG_FILE", "PULUMI_HOME", "ANSIBLE_VAULT_PASSWORD_FILE", "SOPS_AGE_KEY_FILE", "RESTIC_PASSWORD_FILE",
    "BORG_KEYS_DIR", "PIP_CONFIG_FILE", "UV_CREDENTIALS_DIR", "CONDARC", "BUNDLE_USER_CONFIG", "PGSERVICEFILE",
    "MYSQL_HOME", "GH_CONFIG_DIR", "GLAB_CONFIG_DIR", "HF_TOKEN_PATH", "KAGGLE_CONFIG_DIR", "WANDB_CONFIG_DIR",
    "GEMINI_CONFIG_DIR", "HISTFILE", "TMUX_TMPDIR", "ICEAUTHORITY", "CREDENTIALS_DIRECTORY", "NIX_SECRET_KEY_FILE",
)  # fmt: skip
"""Variables of the server's environment whose value is such a path, several with colons between, or a socket."""


INSIDE_OF: dict[str, tuple[str, ...]] = {
    "CARGO_HOME": ("credentials", "credentials.toml"),
    "GRADLE_USER_HOME": ("gradle.properties", "init.d"),
    "COMPOSER_HOME": ("auth.json",),
    "HF_HOME": ("token", "stored_tokens"),
    "CONDA_PREFIX": (".condarc",),
}
"""Variables that name a tool's folder, and where the secrets lie in it."""


def secret_places(homes: Iterable[Path], environ: Mapping[str, str]) -> tuple[Path, ...]:
    """All of them, whether they exist or not. A home folder itself, and what it lies in, is never among them."""
    homes = tuple(homes)
    config = environ.get("XDG_CONFIG_HOME", "")
    places = [home / name for home in homes for name in BELOW_HOME]
    if os.path.isabs(config):
        places += [Path(config, name.removeprefix(".config/")) for name in BELOW_HOME if name.startswith(".config/")]
    places += [Path(name) for name in ANYWHERE]
    inside = (
        (path, part) for name, parts in INSIDE_OF.items() for path in _paths(environ.get(name, "")) for part in parts
    )
    places += [path / part for path, part in inside]
    places += [path for name in NAMED_BY for path in _paths(environ.get(name, ""))]
    return tuple(dict.fromkeys(path for path in places if not any(home.is_relative_to(path) for home in homes)))


def homes_here(environ: Mapping[str, str]) -> tuple[Path, ...]:
    """The home folders that the server could read: its own, and as root everybody's."""
    homes = [environ.get("HOME", "")]
    for entry in pwd.getpwall():
        if entry.pw_uid == os.getuid() or (os.getuid() == 0 and entry.pw_dir.startswith("/home/")):
            homes.append(entry.pw_dir)
    return tuple(dict.fromkeys(Path(home) for home in homes if os.path.isabs(home) and home != "/"))


def _paths(value: str) -> list[Path]:
    """The absolute paths in `a:b`, `unix:///run/x.sock` and `unix:path=/run/x,guid=1`."""
    if value.startswith("unix:"):
        address = value.removeprefix("unix:").removeprefix("path=")
        return [Path(os.path.normpath(address.split(",")[0]))] if address.startswith("/") else []
    return [Path(os.path.normpath(part)) for part in value.split(":") if part.startswith("/")]
