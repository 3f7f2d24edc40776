"""The connections to providers: proxies and certificates from the environment, one pool for each origin and key."""

import asyncio
import ssl
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest

from duragent.errors import ModelError, ModelUnavailable
from duragent.http.library import httpx
from duragent.models.direct import connections as shelf
from duragent.models.direct.connections import ProviderConnections
from duragent.models.direct.model import DirectModel
from duragent.models.messages import ModelReply
from tests.models.direct.plain import HELLO, KEY, SSE, event, model_at
from tests.support.bounds import LIMIT_SECONDS
from tests.support.raw_provider import Raw, raw_provider, whole

HI = whole(event("hi", over=True), SSE)
PROXY_VARIABLES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY")


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in (*PROXY_VARIABLES, "SSL_CERT_FILE", "SSL_CERT_DIR"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


async def reply_of(model: DirectModel) -> str:
    async with asyncio.timeout(LIMIT_SECONDS):
        pieces = [piece async for piece in model.stream(HELLO)]
    assert isinstance(pieces[-1], ModelReply)
    return pieces[-1].text


async def test_each_origin_and_key_has_a_pool_of_its_own() -> None:
    connections = ProviderConnections()
    pool = connections.of("https://a.example/v1", "key")
    assert pool is connections.of("https://a.example/v2?x", "key")
    others = [
        connections.of("https://a.example", "other"),
        connections.of("https://b.example", "key"),
        connections.of("http://a.example", "key"),
        connections.of("https://a.example:444", "key"),
    ]
    assert len({id(each) for each in (pool, *others)}) == 5
    await connections.close()
    assert all(each.is_closed for each in (pool, *others))
    assert connections.of("https://a.example/v1", "key") is not pool
    await connections.close()


@pytest.mark.parametrize("url", ["", "a.example", "https://", "http://[::1", "http://a.example:99999"])
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(httpx.InvalidURL):
        ProviderConnections().of(url, None)


async def test_proxy_of_the_environment_is_asked_in_the_providers_place(monkeypatch: pytest.MonkeyPatch) -> None:
    connections = ProviderConnections()
    async with raw_provider(HI) as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.url)
        assert await reply_of(model_at("http://provider.invalid/v1", connections)) == "hi"
        await connections.close()
    assert proxy.heads[0].startswith("POST http://provider.invalid/v1/ask HTTP/1.1")


async def test_proxy_for_https_is_asked_for_a_tunnel_and_sees_no_key(monkeypatch: pytest.MonkeyPatch) -> None:
    connections = ProviderConnections()
    async with raw_provider(Raw((b"HTTP/1.1 403 No\r\n\r\n",), closes=True)) as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.url)
        with pytest.raises(ModelUnavailable) as caught:
            await reply_of(model_at("https://provider.invalid/v1", connections))
        await connections.close()
    assert proxy.heads[0].startswith("CONNECT provider.invalid:443 HTTP/1.1")
    assert KEY not in proxy.heads[0] + str(caught.value)


async def test_provider_on_this_machine_and_those_of_no_proxy_are_asked_directly(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connections = ProviderConnections()
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    async with raw_provider(HI, HI) as provider:
        assert await reply_of(model_at(provider.url, connections)) == "hi"
        # With another name for this machine it is one of the network.
        monkeypatch.setattr(shelf, "LOOPBACK", ())
        monkeypatch.setenv("NO_PROXY", "127.0.0.1")
        other = ProviderConnections()
        assert await reply_of(model_at(provider.url, other)) == "hi"
        for each in (connections, other):
            await each.close()


async def test_certificates_of_the_environment_are_trusted_and_others_are_not(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    tls = certificate_in(tmp_path)
    monkeypatch.setattr(shelf, "LOOPBACK", ())
    async with raw_provider(HI, tls=tls) as provider:
        said = {}
        for trusted in (False, True):
            if trusted:
                monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
            connections = ProviderConnections()
            try:
                said[trusted] = await reply_of(model_at(provider.url, connections))
            except ModelError as error:
                said[trusted] = str(error)
            await connections.close()
    assert said[True] == "hi"
    assert "its certificate is not trusted" in said[False]


async def test_provider_on_this_machine_needs_no_certificate_that_others_trust(tmp_path: Path) -> None:
    connections = ProviderConnections()
    async with raw_provider(HI, tls=certificate_in(tmp_path)) as provider:
        assert await reply_of(model_at(provider.url, connections)) == "hi"
        await connections.close()


def certificate_in(folder: Path) -> ssl.SSLContext:
    """A server's side of TLS for 127.0.0.1, whose certificate is `ca.pem` in the folder."""
    x509 = pytest.importorskip("cryptography.x509")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key, name = ec.generate_private_key(ec.SECP256R1()), x509.Name([])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=True)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(made.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "ca.pem", folder / "key.pem")
    return context
