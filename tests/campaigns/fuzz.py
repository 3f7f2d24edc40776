"""Bytes as a stranger, a bad disk or a careless editor makes them, and a watch over the time that they take.

A case is a sample of the real thing with a few changes that follow from the case's chance.
"""

import random
import time
from collections.abc import Callable, Sequence

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from tests.campaigns.campaign import Campaign

ODD = (
    b'\x00', b'\n', b'\r\n', b'\r', b'\t', b'\x1b[2J', b'\x7f', b'\xef\xbb\xbf', b'\xff\xfe', b'\xed\xa0\x80',
    b'\xc0\x80', b'\xe2\x80\xa8', b'\xf0\x9f\x98\x80', b'\xff', b'"', b"'", b'\\', b'\\u0000', b'\\ud800', b'{',
    b'}', b'[', b']', b':', b': ', b',', b'-', b'--- ', b'&a ', b'*a', b'!!python/name:os.system ', b'!!int ', b'|',
    b'>', b'#', b'%', b'null', b'true', b'NaN', b'Infinity', b'-0', b'1e999', b'9' * 40, b'9' * 5000, b'0x10',
    b'1_000', b'22:30', b'2026-01-01', b'<<', b'..', b'../../x', b'/', b'~', b'$(id)', b'`id`', b'[' * 2000,
    b'{"a":' * 2000, b'- ' * 200, b'(' * 200,
)  # fmt: skip


def changed(chance: random.Random, data: bytes, words: Sequence[bytes] = (), most: int = 4) -> bytes:
    """`data` after one to `most` changes: bits, bytes, pieces taken, doubled, moved, or odd ones put in."""
    found = bytearray(data)
    for _ in range(chance.randint(1, most)):
        at, other = sorted((chance.randint(0, len(found)), chance.randint(0, len(found))))
        near = min(other, at + chance.choice([1, 2, 8, 64]))
        match chance.randrange(8):
            case 0 if at < len(found):
                found[at] ^= 1 << chance.randrange(8)
            case 1 if at < len(found):
                found[at] = chance.randrange(256)
            case 2:
                del found[at:near]
            case 3:
                del found[at:]
            case 4:
                found[at:at] = found[at:near] * chance.choice([1, 1, 2, 100])
            case 5:
                found[other:other] = found[at:near]
            case _:
                found[at:at] = chance.choice((*words, *ODD))
    return bytes(found)


def changed_text(chance: random.Random, text: str, words: Sequence[str] = (), most: int = 4) -> str:
    """The same for texts: what is no UTF-8 becomes lone surrogates, as they stand in what models write."""
    data = changed(chance, text.encode("utf-8", "surrogatepass"), [word.encode() for word in words], most)
    return data.decode("utf-8", "surrogateescape")


def takes_linear_time(run: Callable[[str], object], unit: str, size: int) -> None:
    """Four times as long a text may take ten times as long, and not sixteen; what is done in no time counts as none."""
    short, long = (min(_seconds(run, unit, length) for _ in range(2)) for length in (size, 4 * size))
    assert long < 10 * max(short, 0.03), f"{unit!r}: {short:.3f} s for {size} characters, {long:.3f} s for 4 times that"


def _seconds(run: Callable[[str], object], unit: str, length: int) -> float:
    text = (unit * (length // len(unit) + 1))[:length]
    began = time.process_time()
    run(text)
    return time.process_time() - began


def holds(campaign: Campaign, blocks: int, examples: int, check: Callable[[st.DataObject], None]) -> None:
    """What `check` draws is chosen by hypothesis. A case is a block of examples, and its number is their seed."""
    for number in campaign.cases(range(blocks)):
        with campaign.case(number):
            quiet = settings(
                max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck)
            )

            def one(data: st.DataObject) -> None:
                check(data)

            seed(number)(quiet(given(st.data())(one)))()
