import ipaddress

import pytest

from duragent.tools.web.guard import UrlRefused, check_addresses, check_url


@pytest.mark.parametrize(
    "url",
    [
        "http://127.0.0.1/",
        "http://127.0.0.1:80/",
        "http://0.0.0.0/",
        "http://[::1]/",
        "http://[::]/",
        "http://[::ffff:127.0.0.1]/",
        "http://[::ffff:7f00:1]/",
        "http://[fe80::1%25eth0]/",
        "http://169.254.169.254/latest/meta-data/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://017700000001/",
        "http://0x7f.0.0.1/",
        "http://0177.0.0.1/",
        "http://127.1/",
        "http://127.0.1/",
        "http://0/",
        "http://127.0.0.1./",
        "http://localhost/",
        "http://LOCALHOST./",
        "http://localhost.localdomain/",
        "http://a.localhost/",
        "http://metadata.google.internal/",
        "http://printer.local/",
        "http://\uff11\uff12\uff17.\uff10.\uff10.\uff11/",
        "http://ⓛⓞⓒⓐⓛⓗⓞⓢⓣ/",
        "http://127。0。0。1/",
        "http://127%2e0%2e0%2e1/",
        "http://example.com:22/",
        "http://example.com:8080/",
        "https://example.com:0/",
        "http://example.com:99999/",
        "http://user@example.com/",
        "http://user:secret@example.com/",
        "http://example.com@127.0.0.1/",
        "http://127.0.0.1#@example.com/",
        "http://127.0.0.1\\@example.com/",
        "http://example.com\\@127.0.0.1/",
        "http://exa mple.com/",
        "http://example.com/\r\nHost: x",
        "http://example.com/\u202e",
        "http:///path",
        "http://",
        "http:127.0.0.1",
        "//example.com/",
        "example.com",
        "file:///etc/passwd",
        "gopher://example.com/",
        "ftp://example.com/",
        "data:text/html,hello",
        "javascript:alert(1)",
        "",
        "http://[::1",
        "http://\ud800/",
    ],
)
def test_url_is_refused_by_itself(url: str) -> None:
    with pytest.raises(UrlRefused) as caught:
        check_url(url)
    assert str(caught.value)


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("http://example.com", "example.com", 80),
        ("https://EXAMPLE.com./a?b#c", "example.com", 443),
        ("https://example.com:443/", "example.com", 443),
        ("http://example.com:443/", "example.com", 443),
        ("https://münchen.de/", "xn--mnchen-3ya.de", 443),
        ("http://8.8.8.8/", "8.8.8.8", 80),
        ("http://[2606:4700::1111]/", "2606:4700::1111", 80),
        ("https://1password.com/", "1password.com", 443),
    ],
)
def test_url_is_taken(url: str, host: str, port: int) -> None:
    target = check_url(url)

    assert (target.host, target.port, target.allowed) == (host, port, False)


def test_allowed_hosts_are_allowed_as_they_are_written() -> None:
    allowed = ("localhost:3000", "Wiki.lan", "[::1]:8080", "127.0.0.1")

    for url in ("http://localhost:3000/", "https://wiki.lan/x", "http://[::1]:8080/", "http://127.0.0.1/"):
        assert check_url(url, allowed).allowed
    for url in (
        "http://localhost/",
        "http://localhost:3001/",
        "http://wiki.lan:81/",
        "http://[::1]/",
        "http://x.wiki.lan/",
    ):
        with pytest.raises(UrlRefused):
            check_url(url, allowed)


def test_a_host_with_one_private_address_is_refused() -> None:
    with pytest.raises(UrlRefused, match=r"rebind\.example leads to 10\.0\.0\.1"):
        check_addresses("rebind.example", [ipaddress.ip_address("8.8.8.8"), ipaddress.ip_address("10.0.0.1")])
    with pytest.raises(UrlRefused, match="no address"):
        check_addresses("nowhere.example", [])
