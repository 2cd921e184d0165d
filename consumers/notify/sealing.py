"""
Secrets of channels at rest: Fernet (AES-128-CBC with HMAC-SHA256) by the library `cryptography`.

Rules: the key comes from `secrets_key`, or from the file `secrets_key_file`, which is made with mode 0600
where neither is there. Several keys, comma separated: the first seals, all open, so that a key can be
replaced. A secret is never shown again, and no message of ours holds one.
"""

import os
import secrets
from collections.abc import Mapping
from pathlib import Path

import msgspec
from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from groundswell.errors import CannotStart, SettingsError
from groundswell.settings import Settings

_HELP = "a key is 32 bytes in URL-safe base64: `groundswell channels key` prints a new one"


class FernetSealer:
    """The ``Sealer`` port."""

    def __init__(self, keys: str) -> None:
        try:
            self._fernet = MultiFernet([Fernet(key.strip()) for key in keys.split(",")])
        except ValueError:
            raise SettingsError(f"secrets_key: not a key; {_HELP}") from None

    def seal(self, config: Mapping[str, object]) -> bytes:
        """Encrypt."""
        return self._fernet.encrypt(msgspec.json.encode(config))

    def open(self, sealed: bytes) -> Mapping[str, object]:
        """Decrypt."""
        try:
            found: Mapping[str, object] = msgspec.json.decode(self._fernet.decrypt(sealed))
        except InvalidToken:
            raise CannotStart(
                "secrets_key: it does not open the secrets of the channels; give the key that sealed "
                "them, or set the channels' secrets anew"
            ) from None
        return found


def new_key() -> str:
    """Return a new key."""
    return Fernet.generate_key().decode()


def sealer_of(settings: Settings) -> FernetSealer:
    """Return the sealer of the settings, making its key file where there is none."""
    return FernetSealer(keys_of(settings))


def keys_of(settings: Settings) -> str:
    """Return the keys of the settings, comma separated, making their file where there is none."""
    return settings.secrets_key.get_secret_value() or _from_file(settings.secrets_key_file)


def _from_file(path: Path) -> str:
    try:
        if not path.exists():
            _create(path)
        return path.read_text(encoding="ascii").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise CannotStart(f"secrets_key_file: {path} cannot be used ({error})") from None


def _create(path: Path) -> None:
    """Make the file whole or not at all; of two processes at once, one makes it."""
    beside = path.with_name(
        f"{path.name}.{secrets.token_hex(8)}"
    )  # in containers all are process 1
    handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="ascii") as file:
        file.write(new_key() + "\n")
    try:
        os.link(beside, path)
    except FileExistsError:
        pass
    finally:
        beside.unlink()
