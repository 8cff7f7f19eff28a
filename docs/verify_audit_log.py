"""Check an export of Nightlatch's audit log, without Nightlatch.

    python3 verify_audit_log.py EXPORT [CHECKPOINT] [--key PUBLIC_KEY]

CHECKPOINT is one that a morning's notice has told (12:0123-...), PUBLIC_KEY what the
owner has noted. Takes Python 3.9 and its package cryptography. Says where something is
wrong, and ends with 0 if nothing is, else with 1.
"""

import argparse
import hashlib
import json
from pathlib import Path
import sys

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey


def canonical(content):
    return json.dumps(content, sort_keys=True, separators=(",", ":")).encode()


def check(raw, kept, key):
    """Yield what is wrong; in the end a tuple: first and last entry, time, key."""
    *lines, rest = raw.split(b"\n")
    if rest:
        yield f"line {len(lines) + 1}: is cut off"
    first = number = last = time = None
    closed, hashes = False, {}
    for place, line in enumerate(lines, 1):
        where, closed = f"line {place}", False
        try:
            content = json.loads(line)
            exact = canonical(content) == line
            if "signature" in content:
                point, signature = content["checkpoint"], content["signature"]
                where += f" (checkpoint at entry {point['n']})"
                key, time, closed = key or point["key"], point["at"], True
                raw_signature = bytes.fromhex(signature)
                Ed25519PublicKey.from_public_bytes(bytes.fromhex(key)).verify(
                    raw_signature, b"nightlatch audit checkpoint 1\n" + canonical(point)
                )
                if not exact or len(content) != 2 or raw_signature.hex() != signature:
                    yield f"{where}: is written in another way"
                if number is None:
                    first, number, last = point["n"], point["n"], point["hash"]
                elif (number, last) != (point["n"], point["hash"]):
                    yield f"{where}: does not fit entry {number} before it"
                hashes[point["n"]] = point["hash"]
                continue
            now, digest = content["n"], content.pop("hash")
            where += f" (entry {now})"
            if number is None:
                yield f"{where}: the checkpoint that stands first is missing"
            elif now > number + 1:
                yield f"{where}: what stood before it is missing, from {number + 1} on"
            elif now <= number:
                yield f"{where}: stands twice, or where it does not belong"
            elif (
                not exact
                or digest
                != hashlib.sha256(bytes.fromhex(last) + canonical(content)).hexdigest()
            ):
                yield f"{where}: is not what was written here"
            number, last, hashes[now] = now, digest, digest
        except InvalidSignature:
            yield f"{where}: is not signed with the household's key"
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError):
            yield f"{where}: is neither an entry nor a checkpoint"
    if not closed:
        yield f"after entry {number}: it is cut off, for no signed checkpoint ends it"
    if kept:
        entry, _, digits = kept.replace("-", "").lower().strip().partition(":")
        if not entry.isdecimal() or len(digits) < 32:
            yield f"{kept} is no checkpoint; it looks like 12:0123-4567-..."
        elif int(entry) > (number or 0):
            yield f"it ends at entry {number}, but entry {entry} was there: it is older"
        elif int(entry) not in hashes:
            yield f"entry {entry}, of which the checkpoint was kept, is not in it"
        elif not hashes[int(entry)].startswith(digits):
            yield f"entry {entry} is not the one that the checkpoint was kept of"
    yield first, number, time, key


def main():
    parser = argparse.ArgumentParser(description="Check an export of an audit log.")
    parser.add_argument("export", type=Path)
    parser.add_argument("checkpoint", nargs="?")
    parser.add_argument("--key")
    told = parser.parse_args()
    *wrong, whole = check(told.export.read_bytes(), told.checkpoint, told.key)
    if wrong:
        print(*wrong[:20], f"WRONG: {len(wrong)} in all", sep="\n")
        return 1
    first, number, time, key = whole
    print(f"WHOLE: entries {first + 1} to {number}, exported {time}")
    print(f"signed with {key}", "" if told.key else "(is that the one you noted?)")
    return 0


if __name__ == "__main__":
    sys.exit(main())
