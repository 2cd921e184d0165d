"""Signatures: made with one key, checked with its other half, over the bytes as they stand."""

import stat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from groundswell.errors import BundleError, InputError, SettingsError
from groundswell.models.bundle import MANIFEST
from groundswell.models.registry import open_registry
from groundswell.models.signing import (
    SIGNATURE,
    fingerprint,
    make_keys,
    read_private,
    read_public,
    sign,
    sign_bundle,
    signed_by,
    verify,
    verify_bundle,
)
from tests.registry_world import bundle, read, write


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    private, public = make_keys(tmp_path_factory.mktemp("keys"))
    return private, public.read_bytes()


@pytest.fixture(scope="module")
def others(tmp_path_factory):
    private, public = make_keys(tmp_path_factory.mktemp("others"))
    return private, public.read_bytes()


def test_the_private_key_is_for_its_owner_alone_and_never_replaced(keys):
    private, _ = keys

    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    with pytest.raises(InputError, match="is there already"):
        make_keys(private.parent)


def test_a_key_that_others_may_read_is_refused(tmp_path):
    private, _ = make_keys(tmp_path)
    private.chmod(0o640)

    with pytest.raises(InputError, match="chmod 600"):
        read_private(private)


@pytest.mark.parametrize("content", [b"", b"no key", b"-----BEGIN PRIVATE KEY-----\nAAAA\n"])
def test_what_is_no_key_is_said_without_its_content(tmp_path, content):
    path = tmp_path / "key"
    path.write_bytes(content)
    path.chmod(0o600)

    with pytest.raises(InputError, match="is no private key in PEM"):
        read_private(path)
    with pytest.raises(SettingsError, match="is no public key in PEM"):
        read_public(content)


def test_keys_of_another_kind_are_refused(tmp_path):
    from cryptography.hazmat.primitives import serialization as how
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    path = tmp_path / "ec"
    path.write_bytes(
        key.private_bytes(how.Encoding.PEM, how.PrivateFormat.PKCS8, how.NoEncryption())
    )
    path.chmod(0o600)
    public = key.public_key().public_bytes(how.Encoding.PEM, how.PublicFormat.SubjectPublicKeyInfo)

    with pytest.raises(InputError, match="no Ed25519 key"):
        read_private(path)
    with pytest.raises(SettingsError, match="no Ed25519 key"):
        open_registry(str(tmp_path), public)


@given(st.binary(max_size=200), st.integers(0, 10_000))
def test_a_signature_holds_for_its_bytes_and_no_others(keys, data, at):
    private, public = keys
    signature = sign(data, read_private(private))

    verify("it", data, signature, public)
    changed = bytearray(data or b"\0")
    changed[at % len(changed)] ^= 1
    with pytest.raises(BundleError, match="is not the one that was signed"):
        verify("it", bytes(changed), signature, public)


def test_unsigned_wrongly_signed_and_garbled_are_told_apart(keys, others):
    private, public = keys
    mine = fingerprint(read_public(public))
    foreign = sign(b"data", read_private(others[0]))

    with pytest.raises(BundleError, match=f"it: is not signed, and the key {mine}"):
        verify("it", b"data", None, public)
    with pytest.raises(BundleError, match=f"signed with the key {signed_by(foreign)}"):
        verify("it", b"data", foreign, public)
    for garbled in (b"", b"{}", b'{"algorithm":"none","key":"","signature":""}', foreign[:-9]):
        with pytest.raises(BundleError, match="cannot be read"):
            verify("it", b"data", garbled, public)
    assert signed_by(b"garbled") == signed_by(None) == ""
    assert signed_by(sign(b"data", read_private(private))) == mine


def test_a_bundle_is_signed_in_its_folder(keys, tmp_path):
    private, public = keys
    made = bundle(tmp_path)
    with pytest.raises(BundleError, match="is not signed"):
        verify_bundle(made, public)

    sign_bundle(made, read_private(private))
    verify_bundle(made, public)
    assert sorted(path.name for path in made.glob("*.sig")) == [SIGNATURE]

    (made / MANIFEST).write_bytes((made / MANIFEST).read_bytes() + b" ")
    with pytest.raises(BundleError, match="is not the one that was signed"):
        verify_bundle(made, public)


def test_with_a_key_nothing_unsigned_is_taken_given_or_promoted(keys, others, tmp_path):
    private, public = keys
    url = str(tmp_path / "registry")
    careless, careful = open_registry(url, None), open_registry(url, public)
    made = bundle(tmp_path)
    with pytest.raises(BundleError, match="is not signed"):
        careful.publish(made)
    version = careless.publish(made)

    for refused in (
        lambda: careful.promote(version, None),
        lambda: careful.fetch(version, tmp_path / "cache"),
        lambda: careful.manifest(version),
    ):
        with pytest.raises(BundleError, match="tiny@1: is not signed"):
            refused()
    sign_bundle(made, read_private(others[0]))
    careless.publish(made)
    with pytest.raises(BundleError, match="is signed with the key"):
        careful.promote(version, None)
    assert careful.alias("champion") is None

    sign_bundle(made, read_private(private))
    careful.publish(made)
    careful.promote(version, None)
    verify_bundle(careful.fetch(version, tmp_path / "cache"), public)


def test_a_signed_version_whose_manifest_was_exchanged_is_refused(keys, tmp_path):
    """Whoever can write to the store, but has no key, gets nothing past it."""
    private, public = keys
    registry = open_registry(str(tmp_path / "registry"), public)
    made = bundle(tmp_path)
    sign_bundle(made, read_private(private))
    registry.publish(made)
    signature = (made / SIGNATURE).read_bytes()
    evil = bundle(tmp_path / "evil", languages=("xx",))
    (evil / SIGNATURE).write_bytes(signature)

    for path in (tmp_path / "registry" / "versions" / "tiny").iterdir():
        path.unlink()
    version = open_registry(str(tmp_path / "registry"), None).publish(evil)

    with pytest.raises(BundleError, match="is not the one that was signed"):
        registry.promote(version, None)
    with pytest.raises(BundleError, match="is not the one that was signed"):
        registry.fetch(version, tmp_path / "cache")


def test_a_link_in_the_registry_or_in_a_bundle_is_not_followed(tmp_path):
    (tmp_path / "secret").write_bytes(b"secret")
    registry = open_registry(str(tmp_path / "registry"), None)
    made = bundle(tmp_path)
    version = registry.publish(made)
    [card] = (tmp_path / "registry" / "bundles").rglob("card.md")
    card.unlink()
    card.symlink_to(tmp_path / "secret")
    with pytest.raises(BundleError, match="leads elsewhere through a link"):
        registry.fetch(version, tmp_path / "cache")

    linked = bundle(tmp_path, "2")
    (linked / "card.md").unlink()
    (linked / "card.md").symlink_to(tmp_path / "secret")
    manifest = read(linked)
    write(linked, manifest)
    with pytest.raises(BundleError, match="leads out of the bundle"):
        registry.publish(linked)


@pytest.mark.parametrize(
    ("url", "said"),
    [
        ("", "is empty"),
        ("simplecache::memory://x", "chains"),
        ("nosuch://bucket/x", "nosuch://"),
        ("s3://bucket/x", "s3:// needs a driver"),
    ],
)
def test_an_address_that_cannot_be_opened_is_said(url, said):
    with pytest.raises(SettingsError, match=said):
        open_registry(url, None)


def test_a_directory_may_be_given_as_an_address(tmp_path):
    version = open_registry(f"file://{tmp_path}/registry", None).publish(bundle(tmp_path))

    assert open_registry(str(tmp_path / "registry"), None).find("tiny@1") == version
