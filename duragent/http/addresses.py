"""Which addresses are surely of the public internet. Pure."""

import ipaddress

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

# By RFC 6890 and IANA's register of special addresses. The last is where one cloud answers about the machine.
_SPECIAL_V4 = tuple(
    ipaddress.IPv4Network(each)
    for each in """
    0.0.0.0/8 10.0.0.0/8 100.64.0.0/10 127.0.0.0/8 169.254.0.0/16 172.16.0.0/12 192.0.0.0/24 192.0.2.0/24
    192.31.196.0/24 192.52.193.0/24 192.88.99.0/24 192.168.0.0/16 192.175.48.0/24 198.18.0.0/15 198.51.100.0/24
    203.0.113.0/24 224.0.0.0/4 240.0.0.0/4 168.63.129.16/32
    """.split()
)
# Of IPv6 only this is given out to the internet; then what in it is special: tunnels, examples, protocols.
_GIVEN_OUT_V6 = ipaddress.IPv6Network("2000::/3")
_SPECIAL_V6 = tuple(
    ipaddress.IPv6Network(each) for each in "2001::/23 2001:db8::/32 2002::/16 2620:4f:8000::/48 3fff::/20".split()
)
_TRANSLATED_V6 = (ipaddress.IPv6Network("::ffff:0:0/96"), ipaddress.IPv6Network("64:ff9b::/96"))
"""An IPv4 address stands in the last 32 bits of these, and is what is reached."""


def literal_address(host: str) -> Address | None:
    """The address that stands there instead of a name, in its usual spelling."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None


def is_public(address: Address) -> bool:
    """Whether it is surely one of the public internet."""
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _SPECIAL_V4)
    if address.scope_id is not None:
        return False
    if any(address in network for network in _TRANSLATED_V6):
        return is_public(ipaddress.IPv4Address(int(address) & 0xFFFFFFFF))
    return address in _GIVEN_OUT_V6 and not any(address in network for network in _SPECIAL_V6)
