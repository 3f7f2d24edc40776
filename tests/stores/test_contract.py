"""Both stores keep the contract, and the contract notices one that does not."""

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from duragent.stores.base import SESSION, Store, StreamKind
from duragent.stores.files.rotation import Rotation
from duragent.stores.files.store import FileStore
from duragent.testing.store_contract import PROMISES, Promise, check_store, damage_is_told
from duragent.testing.store_copies import damage_is_mended
from duragent.testing.store_kinds import KIND_PROMISES, NOTEBOOK, damage_of_another_kind_is_told
from tests.support.logs import spoil
from tests.support.open_store import OpenStore

Make = Callable[[StreamKind], Store]


@pytest.fixture(params=["memory", "files", "files that rotate", "files that never stay open"])
def make_store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Make]:
    made: list[FileStore] = []
    rotation = Rotation(events=3) if request.param == "files that rotate" else None
    numbers = itertools.count()

    def make(kind: StreamKind) -> Store:
        if request.param == "memory":
            return OpenStore(kind)
        open_logs = 0 if request.param == "files that never stay open" else 256
        store = FileStore(tmp_path / str(next(numbers)), kind=kind, rotation=rotation, open_logs=lambda: open_logs)
        store.open()
        made.append(store)
        return store

    yield make
    for store in made:
        store.close()


def damage(store: Store, session_id: str, seq: int) -> None:
    if isinstance(store, OpenStore):
        lines = store.lines_of(session_id)
        lines[seq - 1] = lines[seq - 1].replace(b"2026", b"2027")
        return
    assert isinstance(store, FileStore)
    spoil(store.root / session_id, seq)


@pytest.mark.parametrize("promise", PROMISES, ids=lambda promise: promise.__name__)
async def test_store_keeps_its_promise(make_store: Make, promise: Promise) -> None:
    store = make_store(SESSION)
    if isinstance(store, FileStore) and store.rotation.events == 3:
        rotating = (PROMISES[3], PROMISES[4], PROMISES[5])
        if promise in rotating:
            pytest.skip("a read ends where a sealed file does: see test_rotation.py")
    await promise(store)


@pytest.mark.parametrize("promise", KIND_PROMISES, ids=lambda promise: promise.__name__)
async def test_store_keeps_its_promise_for_a_second_kind(make_store: Make, promise: Promise) -> None:
    await promise(make_store(NOTEBOOK))


async def test_store_tells_damage_of_a_second_kind(make_store: Make) -> None:
    await damage_of_another_kind_is_told(make_store(NOTEBOOK), damage)


async def test_store_tells_damage(make_store: Make) -> None:
    store = make_store(SESSION)
    if isinstance(store, FileStore) and store.rotation.events == 3:
        pytest.skip("sealed files are checked when they are read: see test_rotation.py")
    await damage_is_told(store, damage)
    await damage_is_mended(make_store(SESSION), damage)


async def test_whole_suite_runs_as_one_call(make_store: Make) -> None:
    await check_store(OpenStore, spoil=damage)
