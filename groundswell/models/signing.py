"""
Signatures of bundles: Ed25519 over the bytes of the manifest, which holds the hash of every other file.

The signature stands beside the manifest, in a file of its own. Rules: a private key is written for its
owner alone, and no message holds any part of one; what is verified is the bytes as they stand, before
anything reads a meaning into them.
"""

import base64
import hashlib
import os
from pathlib import Path
from typing import Final

import msgspec
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from groundswell.errors import BundleError, InputError, SettingsError
from groundswell.models.bundle import MANIFEST

SIGNATURE: Final = "manifest.sig"
MOST_SIGNATURE: Final = 4096


class Signature(msgspec.Struct, frozen=True, kw_only=True, tag="ed25519", tag_field="algorithm"):
    """The signature file: which key signed (see ``fingerprint``), and the 64 bytes in base64."""

    key: str
    signature: str


def make_keys(folder: Path) -> tuple[Path, Path]:
    """
    Write a new pair of keys into ``folder``: ``signing.key`` (private, mode 0600) and ``signing.pub``.

    Raises ``InputError`` when one of them is there already: a key is never replaced.
    """
    key = Ed25519PrivateKey.generate()
    private, public = folder / "signing.key", folder / "signing.pub"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in (private, public):
            if path.exists():
                raise InputError(f"{path}: is there already; name another --out")
        _write(private, _pem(key), 0o600)
        _write(public, public_pem(key), 0o644)
    except OSError as error:
        raise InputError(f"{folder}: cannot be written ({error.strerror})") from error
    return private, public


def _write(path: Path, data: bytes, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as stream:
        stream.write(data)


def _pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def public_pem(key: Ed25519PrivateKey) -> bytes:
    """Return the public half of a private key, as PEM."""
    return key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )


def read_private(path: Path) -> Ed25519PrivateKey:
    """Read a private key; raises ``InputError`` if it is none, or open to others than its owner."""
    try:
        if os.name == "posix" and path.stat().st_mode & 0o077:
            raise InputError(f"{path}: others than its owner may read it; chmod 600 {path}")
        key = serialization.load_pem_private_key(path.read_bytes(), password=None)
    except OSError as error:
        raise InputError(f"{path}: cannot be read ({error.strerror})") from error
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise InputError(f"{path}: is no private key in PEM without a password") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError(f"{path}: is no Ed25519 key; make one with `groundswell models keygen`")
    return key


def read_public(pem: bytes) -> Ed25519PublicKey:
    """Read a public key; raises ``SettingsError``."""
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise SettingsError("registry_public_key: is no public key in PEM") from None
    if not isinstance(key, Ed25519PublicKey):
        raise SettingsError("registry_public_key: is no Ed25519 key")
    return key


def fingerprint(key: Ed25519PublicKey) -> str:
    """Return a short name of a key: the beginning of the SHA-256 of its 32 bytes."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def sign(manifest: bytes, key: Ed25519PrivateKey) -> bytes:
    """Return the signature file of a manifest."""
    return msgspec.json.encode(
        Signature(
            key=fingerprint(key.public_key()),
            signature=base64.b64encode(key.sign(manifest)).decode(),
        )
    )


def sign_bundle(directory: Path, key: Ed25519PrivateKey) -> None:
    """Sign the bundle in a directory, in place of an earlier signature; raises ``BundleError``."""
    try:
        data = sign((directory / MANIFEST).read_bytes(), key)
        aside = directory / f".{SIGNATURE}.{os.getpid()}"
        aside.write_bytes(data)
        aside.replace(directory / SIGNATURE)
    except OSError as error:
        raise BundleError(f"{directory}: cannot be signed ({error.strerror})") from error


def signed_by(signature: bytes | None) -> str:
    """Return the name of the key that a signature file claims; "" if there is none that can be read."""
    if signature is None:
        return ""
    try:
        return msgspec.json.decode(signature, type=Signature).key
    except msgspec.DecodeError:
        return ""


def verify(what: str, manifest: bytes, signature: bytes | None, public_key: bytes) -> None:
    """
    Check a manifest against its signature file; ``what`` names the bundle in messages.

    Raises ``BundleError`` if there is none, if another key signed, or if the manifest was changed.
    """
    key = read_public(public_key)
    mine = fingerprint(key)
    if signature is None:
        raise BundleError(f"{what}: is not signed, and the key {mine} is required")
    try:
        read = msgspec.json.decode(signature, type=Signature)
        raw = base64.b64decode(read.signature, validate=True)
    except (msgspec.DecodeError, ValueError):
        raise BundleError(f"{what}: its {SIGNATURE} cannot be read") from None
    try:
        key.verify(raw, manifest)
    except InvalidSignature:
        if read.key != mine:
            fault = f"is signed with the key {read.key}, and {mine} is required"
        else:
            fault = "its manifest is not the one that was signed"
        raise BundleError(f"{what}: {fault}") from None


def verify_bundle(directory: Path, public_key: bytes) -> None:
    """Check the signature of a bundle in a directory; raises ``BundleError``."""
    try:
        manifest = (directory / MANIFEST).read_bytes()
        place = directory / SIGNATURE
        signature = place.read_bytes() if place.exists() else None
    except OSError as error:
        raise BundleError(f"{directory}: cannot be read ({error.strerror})") from error
    verify(str(directory), manifest, signature, public_key)
