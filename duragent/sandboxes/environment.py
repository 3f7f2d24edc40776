"""The clean environment: the variables that a command gets, and never a key.

An allow-list, because no list of the names of keys can be complete. A variable on it is still held back when its
value is a secret: a password in a proxy's URL, or a key that travels under the name of a locale. What a person
names in the configuration is passed on as it is.
"""

import re
from collections.abc import Iterable, Mapping
from fnmatch import fnmatchcase

ALLOWED = frozenset(
    """
    PATH HOME USER LOGNAME SHELL PWD TERM COLORTERM TZ TMPDIR EDITOR PAGER
    LANG LANGUAGE LC_ALL LC_ADDRESS LC_COLLATE LC_CTYPE LC_IDENTIFICATION LC_MEASUREMENT LC_MESSAGES LC_MONETARY LC_NAME
    LC_NUMERIC LC_PAPER LC_TELEPHONE LC_TIME
    NO_COLOR CI PYTHONUNBUFFERED PYTHONDONTWRITEBYTECODE DEBIAN_FRONTEND
    XDG_CONFIG_HOME XDG_CACHE_HOME XDG_DATA_HOME XDG_STATE_HOME XDG_DATA_DIRS XDG_CONFIG_DIRS
    VIRTUAL_ENV CONDA_PREFIX CONDA_DEFAULT_ENV PYENV_ROOT PYENV_VERSION PIPX_HOME UV_CACHE_DIR PIP_CACHE_DIR
    NVM_DIR NVM_BIN NODE_PATH VOLTA_HOME FNM_DIR PNPM_HOME BUN_INSTALL DENO_DIR
    JAVA_HOME JDK_HOME M2_HOME MAVEN_HOME GRADLE_HOME GRADLE_USER_HOME SDKMAN_DIR ANDROID_HOME ANDROID_SDK_ROOT
    GOPATH GOROOT GOBIN GOCACHE GOMODCACHE GOPROXY GOFLAGS CARGO_HOME RUSTUP_HOME RUSTUP_TOOLCHAIN CARGO_TARGET_DIR
    RBENV_ROOT GEM_HOME GEM_PATH RUBYLIB PERL5LIB COMPOSER_HOME DOTNET_ROOT ASDF_DIR ASDF_DATA_DIR MISE_DATA_DIR
    CC CXX CFLAGS CXXFLAGS LDFLAGS PKG_CONFIG_PATH MAKEFLAGS LD_LIBRARY_PATH
    NIX_PATH NIX_PROFILES HOMEBREW_PREFIX HOMEBREW_CELLAR HOMEBREW_REPOSITORY MANPATH INFOPATH
    SSL_CERT_FILE SSL_CERT_DIR NIX_SSL_CERT_FILE REQUESTS_CA_BUNDLE CURL_CA_BUNDLE NODE_EXTRA_CA_CERTS GIT_SSL_CAINFO
    PIP_CERT
    HTTP_PROXY HTTPS_PROXY ALL_PROXY NO_PROXY FTP_PROXY http_proxy https_proxy all_proxy no_proxy ftp_proxy
    """.split()
)
"""The names that are passed on without being asked for."""

_SECRET_NAME = re.compile(
    r"KEY|TOKEN|SECRET|PASS|PWD.|.PWD|CREDENTIAL|AUTH|PRIVATE|COOKIE|BEARER|SIGNATURE|WEBHOOK|DSN|CONNECTION_STRING|_URI",
    re.IGNORECASE,
)
_SECRET_VALUE = re.compile(
    r"://[^/@\s]*:[^/@\s]+@"  # a password in a URL
    r"|\b(sk|pk|rk)[-_][A-Za-z0-9_-]{16,}"
    r"|\b(gh[oprsu]|github_pat|glpat|xox[a-z]|hf|npm|pypi)[-_][A-Za-z0-9_-]{10,}"
    r"|\b(AKIA|ASIA)[A-Z0-9]{12,}|\bAIza[A-Za-z0-9_-]{20,}|\beyJ[A-Za-z0-9_-]{10,}\.|-----BEGIN "
)
_SHORTEST_KEY = 16


def clean_environment(environ: Mapping[str, str], passed: Iterable[str] = ()) -> dict[str, str]:
    """What commands get of `environ`, in its order: the allowed names, and those that `passed` names.

    `passed` holds names and patterns (`AWS_*`). A name in full is passed on whatever it holds; what a pattern matches
    is passed on unless it looks like a secret, as with the allowed names.
    """
    asked = tuple(passed)
    keys = {value for name, value in environ.items() if looks_secret(name) and _can_be_a_key(value)}
    return {name: value for name, value in environ.items() if _goes_on(name, value, asked, keys)}


def looks_secret(name: str, value: str = "") -> bool:
    """Whether a variable probably holds a key, a token or a password, by its name or its value."""
    return _SECRET_NAME.search(name) is not None or _SECRET_VALUE.search(value) is not None


def _can_be_a_key(value: str) -> bool:
    """Not so `KEYMAP=en_US.UTF-8` and `SSH_AUTH_SOCK=/run/…`: PATH has such values in it and would be held back."""
    return len(value) >= _SHORTEST_KEY and not value.startswith("/")


def _goes_on(name: str, value: str, asked: tuple[str, ...], keys: set[str]) -> bool:
    if name in asked:
        return True
    if name not in ALLOWED and not any(fnmatchcase(name, pattern) for pattern in asked):
        return False
    return not looks_secret(name, value) and not any(key in value for key in keys)
