"""The settings of the tool `web`."""

import pytest
from pydantic import SecretStr, ValidationError

from duragent.tools.settings import WebSettings


def test_settings_are_described_and_checked() -> None:
    assert all(field.description for field in WebSettings.model_fields.values())
    assert WebSettings.model_validate({"allow_hosts": ["localhost:3000"]}).allow_hosts == ("localhost:3000",)
    assert "k3y" not in repr(WebSettings(brave_api_key=SecretStr("k3y")))
    with pytest.raises(ValidationError):
        WebSettings.model_validate({"timeout_seconds": 0})
