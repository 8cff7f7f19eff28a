"""The rig's vendor is the same one after a restart."""

from pathlib import Path

from tests.rig.vendor import Vendor


def test_a_vendor_survives_a_restart(tmp_path: Path) -> None:
    """With keys, releases and delegations; the versions go up, never down."""
    before = Vendor.load_or_create(tmp_path, name="Acme")
    before.release("one.zip", b"one", version="1.0")
    before.delegate("line-two", ["two/*"])
    before.release("two/two.zip", b"two", version="2.0", role="line-two")
    before.rotate("root")
    before.rotate("timestamp")
    after = Vendor.load_or_create(tmp_path, name="Acme")
    assert after.root == before.root
    assert after.descriptor == before.descriptor
    assert after.firmware_key_pem == before.firmware_key_pem
    for role in ("root", "timestamp", "snapshot", "targets", "line-two"):
        assert [signer.public_key for signer in after.signers(role)] == [
            signer.public_key for signer in before.signers(role)
        ]
    old, new = before.keep().files, after.keep().files
    assert old.keys() < new.keys()
    assert all(new[path] == old[path] for path in old if "timestamp" not in path)
    assert after.artifact_path("two/two.zip") == before.artifact_path("two/two.zip")
    after.release("three.zip", b"three", version="3.0")


def test_each_vendor_is_another_one() -> None:
    """Keys are made at the start, and are in no file of the project."""
    assert Vendor().root != Vendor().root
