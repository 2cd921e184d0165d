import copy
import re

import pytest
import yaml
from typer.testing import CliRunner

from consumers.notify.workers import TRY_SECONDS
from consumers.web.server import ENDING_SECONDS
from groundswell import cli
from groundswell.settings import PREFIX, Settings, load
from tests.deploy_world import (
    KUBERNETES,
    OVERLAYS,
    PROGRAMS,
    component_of,
    faults_of,
    pod_of,
    rendered,
    renderer,
    written,
)

OBJECTS = list(written())
PODS = [(component_of(p.object), pod) for p in OBJECTS if (pod := pod_of(p.object))]
MAPS = {
    name: dict(
        line.split("=", 1)
        for line in (KUBERNETES / f"common/{file}.env").read_text(encoding="utf-8").splitlines()
    )
    for name, file in (("groundswell", "settings"), ("groundswell-kafka", "kafka"))
}
SETTINGS = {name: value for given in MAPS.values() for name, value in given.items()}
with_kustomize = pytest.mark.skipif(
    renderer() is None, reason="neither kustomize nor kubectl is on the PATH"
)


NAMES = [name for name, _ in PODS]


def of_kind(kind):
    return {p.object["metadata"]["name"]: p.object for p in OBJECTS if p.object["kind"] == kind}


def boxes_of(pod):
    return [*pod.get("initContainers", []), *pod["containers"]]


def box_of(pod):
    (box,) = pod["containers"]
    return box


@pytest.mark.parametrize("placed", OBJECTS, ids=lambda placed: placed.name)
def test_every_object_has_the_shape_of_its_kind(placed):
    assert faults_of(placed) == []


@pytest.mark.parametrize("kind", ["Deployment", "ScaledObject", "CronJob", "NetworkPolicy"])
def test_a_misspelt_field_would_be_seen(kind):
    placed = next(p for p in OBJECTS if p.object["kind"] == kind)
    spoilt = copy.deepcopy(placed.object)
    spoilt["spec"]["replicaz"] = 2

    assert faults_of(placed._replace(object=spoilt))


@with_kustomize
@pytest.mark.parametrize("overlay", OVERLAYS)
def test_every_overlay_renders_into_good_objects(overlay):
    assert [fault for placed in rendered(overlay) for fault in faults_of(placed)] == []


@with_kustomize
def test_on_gpus_only_consume_and_refresh_ask_for_one_and_may_be_placed_there():
    asking = set()
    for placed in rendered("overlays/gpu"):
        pod = pod_of(placed.object)
        if pod and "nvidia.com/gpu" in box_of(pod)["resources"]["limits"]:
            asking.add(component_of(placed.object))
            assert pod["nodeSelector"]
            assert [t["key"] for t in pod["tolerations"]] == ["nvidia.com/gpu"]

    assert asking == {"consume", "refresh"}


def test_the_programs_are_there():
    assert set(of_kind("Deployment")) == set(PROGRAMS) == set(of_kind("PodDisruptionBudget"))
    assert {name for name, _ in PODS} == {*PROGRAMS, "topics", "upgrade", "refresh"}


@pytest.mark.parametrize(("name", "pod"), PODS, ids=NAMES)
def test_no_pod_may_do_more_than_it_must(name, pod):
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    for box in boxes_of(pod):
        assert box["securityContext"] == {
            "allowPrivilegeEscalation": False,
            "readOnlyRootFilesystem": True,
            "capabilities": {"drop": ["ALL"]},
        }
        assert box["resources"]["requests"]["memory"]
        assert box["resources"]["limits"]["memory"]


@pytest.mark.parametrize(("name", "pod"), PODS, ids=NAMES)
def test_every_setting_is_known_and_every_secret_is_a_reference(name, pod):
    kinds = {name: str(field.annotation) for name, field in Settings.model_fields.items()}
    for variable in box_of(pod)["env"]:
        if variable["name"].startswith(PREFIX):
            setting = variable["name"].removeprefix(PREFIX).lower()
            assert setting in kinds
            secret = "Secret" in kinds[setting] or setting == "kafka_sasl_username"
            assert secret == ("secretKeyRef" in variable.get("valueFrom", {}))


@pytest.mark.parametrize(("name", "pod"), PODS, ids=NAMES)
def test_every_pod_starts_on_good_settings(name, pod):
    box = box_of(pod)
    environment: dict[str, str] = {}
    for source in box["envFrom"]:
        environment |= MAPS[source["configMapRef"]["name"]]
    secrets = {
        "GROUNDSWELL_REDIS_URL": "redis://valkey",
        "GROUNDSWELL_RECORDS_URL": "postgresql://host/db",
    }
    for variable in box["env"]:
        made_up = secrets.get(variable["name"], "4")
        environment[variable["name"]] = variable.get("value", made_up)

    settings = load(environment, {})

    encrypted = settings.kafka_security_protocol == "SASL_SSL"
    assert encrypted == ("GROUNDSWELL_KAFKA_SASL_PASSWORD" in environment)


def test_no_secret_is_committed():
    of_secrets = {n for n, f in Settings.model_fields.items() if "Secret" in str(f.annotation)}

    assert not {name.removeprefix(PREFIX).lower() for name in SETTINGS} & of_secrets
    assert of_kind("Secret") == {}


def test_copies_that_scale_have_dynamic_membership_and_never_outnumber_the_partitions():
    scaled = of_kind("ScaledObject")
    text = "".join(p.read_text(encoding="utf-8") for p in KUBERNETES.rglob("*.*") if p.is_file())

    assert set(scaled) == {"consume", "count"}
    assert "INSTANCE_ID" not in text
    for name, found in scaled.items():
        assert "replicas" not in of_kind("Deployment")[name]["spec"]
        assert found["spec"]["minReplicaCount"] >= 1
        assert found["spec"]["maxReplicaCount"] == int(SETTINGS["GROUNDSWELL_PARTITIONS"])
        (trigger,) = found["spec"]["triggers"]
        assert trigger["metadata"]["consumerGroup"] == getattr(Settings(), f"{name}_group")
        topic = {"consume": Settings().news_topic, "count": Settings().opinions_topic}[name]
        assert trigger["metadata"]["topic"] == topic
        assert trigger["metadata"]["bootstrapServersFromEnv"] in SETTINGS


def test_no_program_is_killed_before_it_has_drained():
    needs = {
        "consume": Settings().drain_seconds + 2,
        "count": Settings().drain_seconds + 2,
        "watch": 10,
        "notify": TRY_SECONDS,
        "serve": ENDING_SECONDS,
    }
    for name, found in of_kind("Deployment").items():
        assert pod_of(found)["terminationGracePeriodSeconds"] >= needs[name] + 10


def test_probes_ask_the_health_port():
    for name in PROGRAMS:
        box = box_of(pod_of(of_kind("Deployment")[name]))
        assert {"name": "metrics", "containerPort": 9108} in box["ports"]
        for probe, path in (
            ("startup", "healthz"),
            ("liveness", "healthz"),
            ("readiness", "readyz"),
        ):
            assert box[f"{probe}Probe"]["httpGet"] == {"path": f"/{path}", "port": "metrics"}
    assert SETTINGS["GROUNDSWELL_HTTP_PORT"] == "9108"


def test_watch_has_a_holder_and_a_stand_by_on_another_node():
    spec = of_kind("Deployment")["watch"]["spec"]
    spread = {
        s["topologyKey"]: s
        for s in pod_of(of_kind("Deployment")["watch"])["topologySpreadConstraints"]
    }

    assert spec["replicas"] == 2
    assert spread["kubernetes.io/hostname"]["whenUnsatisfiable"] == "DoNotSchedule"


def test_two_refreshes_never_run_and_only_refresh_sees_the_signing_key():
    cron = of_kind("CronJob")["refresh"]["spec"]
    signing = {name for name, pod in PODS if "groundswell-signing" in str(pod["volumes"])}

    (copying,) = pod_of(of_kind("CronJob")["refresh"])["initContainers"]

    assert cron["concurrencyPolicy"] == "Forbid"
    assert signing == {"refresh"}
    # read_private refuses a key that its group may read, as a Secret's files must be here.
    assert copying["command"][:2] == ["install", "--mode=0600"]
    assert (
        f"--key={copying['command'][-1]}" in box_of(pod_of(of_kind("CronJob")["refresh"]))["args"]
    )


def test_everything_is_denied_but_what_each_program_needs():
    policies = of_kind("NetworkPolicy")
    assert policies["deny"]["spec"] == {"podSelector": {}, "policyTypes": ["Ingress", "Egress"]}

    secret_of = {"kafka": "kafka-password", "redis": "redis-url", "records": "records-url"}
    for flow, secret in secret_of.items():
        (rule,) = policies[flow]["spec"]["podSelector"]["matchExpressions"]
        holders = {name for name, pod in PODS if f"'key': '{secret}'" in str(box_of(pod)["env"])}
        assert set(rule["values"]) == holders
    private = policies["receivers"]["spec"]["egress"][0]["to"][0]["ipBlock"]["except"]
    assert {"10.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.168.0.0/16"} <= set(private)


def test_what_is_mounted_is_a_volume_and_every_patch_has_its_target():
    for _, pod in PODS:
        mounted = {m["name"] for box in boxes_of(pod) for m in box["volumeMounts"]}
        assert mounted == {v["name"] for v in pod["volumes"]}
    for path in (KUBERNETES / "overlays/gpu").glob("*.yaml"):
        patch = yaml.safe_load(path.read_text(encoding="utf-8"))
        if path.name != "kustomization.yaml":
            assert patch["metadata"]["name"] in of_kind(patch["kind"])


def test_the_secrets_that_are_referred_to_are_the_ones_that_the_docs_make():
    text = str([placed.object for placed in OBJECTS])
    docs = (KUBERNETES.parents[1] / "docs/deploy.md").read_text(encoding="utf-8")
    named = set(re.findall(r"'name': '(groundswell-?[a-z-]*)', 'key': '([a-z.-]+)'", text))

    assert len(named) >= 6
    for secret, key in named:
        assert f"create secret generic {secret} " in docs
        assert f"{key}=" in docs


@pytest.mark.parametrize(("name", "pod"), PODS, ids=NAMES)
def test_every_command_and_option_is_one_that_groundswell_has(name, pod):
    words = [word.split("=", 1)[0] for word in box_of(pod)["args"]]
    command = [word for word in words if not word.startswith("--")]

    cli._add_offline_programs()  # once, as `main` does
    done = CliRunner().invoke(
        cli.app, [*command, "--help"], env={"COLUMNS": "200", "NO_COLOR": "1"}
    )

    assert done.exit_code == 0
    assert [word for word in words if word.startswith("--") and word not in done.output] == []
