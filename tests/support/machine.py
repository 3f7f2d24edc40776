"""What this machine can run."""

import os

import pytest

from duragent.sandboxes.bubblewrap import Bubblewrap
from duragent.sandboxes.docker import Docker

DOCKER_IMAGE = os.environ.get("DURAGENT_TEST_IMAGE", "debian:stable-slim")

_bubblewrap = Bubblewrap().problem()
_docker = Docker(DOCKER_IMAGE).problem()

needs_bubblewrap = pytest.mark.skipif(_bubblewrap is not None, reason=_bubblewrap or "")
needs_docker = pytest.mark.skipif(_docker is not None, reason=_docker or "")
