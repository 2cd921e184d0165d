"""Receivers for tests: an HTTP server on loopback that answers as it is told, and remembers."""

import asyncio
import contextlib
import json
import ssl
from collections.abc import Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID


@dataclass
class Call:
    """A request as it came."""

    path: str
    headers: dict[str, str]
    body: bytes

    def json(self):
        return json.loads(self.body)


@dataclass
class Receiver:
    """``answer`` says what to do with a call: (status, headers, body), "hang" or "close"."""

    answer: Callable[[Call], Any] = lambda _call: (200, {}, b"{}")
    calls: list[Call] = field(default_factory=list)
    port: int = 0
    scheme: str = "http"
    over: asyncio.Event = field(default_factory=asyncio.Event)
    open: set[asyncio.StreamWriter] = field(default_factory=set)

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}/hook"

    async def handle(self, reader, writer):
        self.open.add(writer)
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            line, *rest = head.decode("latin-1").split("\r\n")
            headers = {k.lower(): v for k, _, v in (h.partition(": ") for h in rest if h)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            call = Call(line.split()[1], headers, body)
            said = self.answer(call)
            if said == "close":
                return
            if said == "hang":
                await self.over.wait()
                return
            self.calls.append(call)
            status, more, payload = said
            given = {"Content-Length": str(len(payload)), "Connection": "close", **more}
            lines = "".join(f"{k}: {v}\r\n" for k, v in given.items())
            writer.write(f"HTTP/1.1 {status} X\r\n{lines}\r\n".encode() + payload)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(OSError):
                await writer.wait_closed()
            self.open.discard(writer)

    async def end(self):
        """Leave no connection behind: what is collected after its loop fails another test."""
        self.over.set()
        while self.open:
            for writer in tuple(self.open):
                writer.transport.abort()
            await asyncio.sleep(0.01)


@asynccontextmanager
async def receiving(answer=None, tls: ssl.SSLContext | None = None):
    """Run a receiver."""
    receiver = Receiver(scheme="https" if tls else "http")
    if answer:
        receiver.answer = answer
    server = await asyncio.start_server(receiver.handle, "127.0.0.1", 0, ssl=tls)
    receiver.port = server.sockets[0].getsockname()[1]
    try:
        yield receiver
    finally:
        server.close()
        await receiver.end()


def certificate(folder, *names: str) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """Return the TLS contexts of a server for ``names``, and of a client that trusts it."""
    key = ec.generate_private_key(ec.SECP256R1())
    issuer = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "test")])
    now = datetime.fromtimestamp(1_700_000_000, UTC)
    shown = [x509.IPAddress(ip_address(n)) if n[0].isdigit() else x509.DNSName(n) for n in names]
    made = (
        x509.CertificateBuilder()
        .subject_name(issuer)
        .issuer_name(issuer)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName(shown), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )
    pem = folder / "server.pem"
    secret = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    pem.write_bytes(secret + made.public_bytes(serialization.Encoding.PEM))
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    client = ssl.create_default_context(
        cadata=made.public_bytes(serialization.Encoding.PEM).decode()
    )
    return server, client
