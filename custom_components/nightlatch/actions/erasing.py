"""Erasing a person wherever Nightlatch names people by itself, and looking whether it has."""

from dataclasses import dataclass

from ..adapters.audit_file import Erased
from ..core.records.erasure import Erasure, people_in
from ..core.records.pseudonyms import Person
from ..markup import neutral
from ..runtime import Runtime


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasedEverywhere:
    """What it came to."""

    log: Erased
    installations: int
    """In the histories of the locks, that named the person."""
    left: int
    """That still do, as it is on disk afterwards."""
    approvals: int
    """That were not used yet, and were taken back."""


async def async_find_people(runtime: Runtime, text: str) -> tuple[Person, ...]:
    """Return who goes by a pseudonym, the id of an account, or a name.

    Earlier versions have named people in the histories of the locks alone.
    """
    people = runtime.audit.people
    found = {each.user_id: each for each in await people.async_find(text)}
    for record in runtime.store.locks.values():
        for approval in people_in(record):
            if text.strip() not in {approval.user_id, approval.user_name.strip()}:
                continue
            # Whoever was erased is called the same by both.
            if approval.user_id in found or approval.user_id == approval.user_name:
                continue
            pseudonym = await people.async_pseudonym(approval.user_id)
            (found[approval.user_id],) = await people.async_find(pseudonym)
    return tuple(found.values())


async def async_erase_everywhere(
    runtime: Runtime, person: Person, by: str | None
) -> ErasedEverywhere:
    """Erase somebody from histories and table; raise ``OSError`` where that fails.

    What was written down with their consent stays, and names nobody.
    """
    store, names = runtime.store, {person.name}
    for record in store.locks.values():
        names |= {
            each.user_name
            for each in people_in(record)
            if each.user_id == person.user_id
        }
    erasure = Erasure(
        user_id=person.user_id,
        names=frozenset(names | {neutral(name) for name in names}),
        pseudonym=person.pseudonym,
    )
    approvals = 0
    for managed in tuple(runtime.locks.values()):
        approval = managed.decisions.approval
        if approval is not None and approval.user_id == person.user_id:
            await managed.decided.async_revoke()
            approvals += 1
    installations = 0
    for lock_id, kept in tuple(store.locks.items()):
        lock = runtime.locks.get(lock_id)
        known = lock.record if lock is not None else kept
        if (named := erasure.count(known)) == 0:
            continue
        installations += named
        erased = erasure.record(known)
        if lock is not None:
            lock.record = erased
        await store.async_set_lock(lock_id, erased)
        if lock is not None:
            lock.async_changed()
    await store.async_set_digest(
        erasure.texts(store.digest),
        {key: erasure.text(text) for key, text in store.digest_held.items()},
    )
    left = sum(map(erasure.count, await store.async_locks_on_disk()))
    return ErasedEverywhere(
        log=await runtime.audit.async_erase(person, by, installations=installations),
        installations=installations,
        left=left,
        approvals=approvals,
    )
