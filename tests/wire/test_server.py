"""What a server says of itself."""

import pytest
from pydantic import ValidationError

from duragent import wire


@pytest.mark.parametrize("port", [0, 65_536, -1])
def test_address_that_nothing_can_listen_on_is_no_address(port: int) -> None:
    with pytest.raises(ValidationError):
        wire.ServerAddress(host="h", port=port, pid=1, started_at="", version="", workspace_hash="")
