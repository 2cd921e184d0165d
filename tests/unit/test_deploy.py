import re
import shlex
from ipaddress import ip_address
from pathlib import Path

import pytest
import yaml

from groundswell.cli import app
from groundswell.settings import PREFIX, Settings, load
from tests.deploy_world import PROGRAMS

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "deploy/Dockerfile").read_text(encoding="utf-8").replace("\\\n", " ")
COMPOSE = yaml.safe_load((ROOT / "deploy/compose.yaml").read_text(encoding="utf-8"))
COMMANDS = {c.callback.__name__ for c in app.registered_commands if c.callback} | {
    "train",
    "export",
}


def settings_in(text):
    return {name.removeprefix(PREFIX).lower() for name in re.findall(rf"{PREFIX}[A-Z_]+", text)}


def test_every_path_that_the_images_copy_exists():
    copied = [
        source
        for line in DOCKERFILE.splitlines()
        if line.startswith("COPY") and "--from" not in line
        for source in shlex.split(line)[1:-1]
    ]

    assert len(copied) > 5
    assert [path for path in copied if not (ROOT / path).exists()] == []


def test_the_images_have_the_three_targets_and_run_as_nobody():
    stages = re.findall(r"^FROM .* AS (\w+)$", DOCKERFILE, re.MULTILINE)

    assert stages == ["base", "cpu", "gpu", "trainer"]
    assert DOCKERFILE.count("\nUSER 10001\n") == 3


def test_every_command_of_an_image_or_service_exists():
    of_images = re.findall(r'^CMD \["([a-z-]+)"', DOCKERFILE, re.MULTILINE)
    of_services = [
        s["command"][0]
        for s in COMPOSE["services"].values()
        if s["image"].startswith("groundswell")
    ]

    assert set(of_services) == {"topics", *PROGRAMS}
    assert {c for c in of_images + of_services if not c.startswith("-")} <= COMMANDS


@pytest.mark.parametrize("file", ["deploy/Dockerfile", "deploy/compose.yaml"])
def test_every_setting_in_an_environment_is_known(file):
    named = settings_in((ROOT / file).read_text(encoding="utf-8"))

    assert named
    assert named - set(Settings.model_fields) == set()


def test_services_wait_for_what_can_be_waited_for():
    services = COMPOSE["services"]
    for service in services.values():
        for name, wait in service.get("depends_on", {}).items():
            if wait["condition"] == "service_healthy":
                assert "healthcheck" in services[name]
            else:
                assert services[name]["restart"] == "no"


def test_the_programs_of_one_machine_share_records_and_keys():
    given = {n: load(COMPOSE["services"][n]["environment"], {}) for n in PROGRAMS}
    urls = {n: s.records_url.get_secret_value() for n, s in given.items()}
    file = urls["watch"].removeprefix("sqlite:///")
    assert {n for n, url in urls.items() if url == urls["watch"]} == set(PROGRAMS) - {"consume"}
    assert given["notify"].secrets_key_file == given["serve"].secrets_key_file
    for name in set(PROGRAMS) - {"consume"}:
        (volume,) = COMPOSE["services"][name]["volumes"]
        source, _, folder = volume.partition(":")
        assert source in COMPOSE["volumes"]
        assert {file, str(given["serve"].secrets_key_file)} <= {
            f"{folder}/groundswell.db",
            f"{folder}/groundswell.key",
        }


def test_the_api_listens_where_its_port_is_published():
    service = COMPOSE["services"]["serve"]
    settings = load(service["environment"], {})
    published = [port.rpartition(":")[2] for port in service["ports"]]
    assert ip_address(settings.serve_host).is_unspecified
    assert published == ["9108", str(settings.serve_port)]


def test_ports_are_bound_to_loopback():
    ports = [p for s in COMPOSE["services"].values() for p in s.get("ports", [])]

    assert ports
    assert all(p.startswith("127.0.0.1:") for p in ports)
