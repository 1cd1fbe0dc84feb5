"""The files under deploy/ against schemas, against each other, and against what the programs know.

The compose file has the compose specification's schema, and Kubernetes' own kinds have Kubernetes'. For the kinds of
kustomize, KEDA and Cloud Run there is no schema here: of those the shape is checked by hand, as far as it goes. None of
this says that a cloud takes them.
"""

from __future__ import annotations

import ast
import importlib.resources
import itertools
import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import kubernetes_validate
import pytest
import yaml

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
CLOUD = ROOT / "services" / "service-cloud" / "src" / "cloud"
API = ROOT / "services" / "service-api" / "src" / "api"

MANIFESTS = sorted(path for path in DEPLOY.glob("kubernetes/*.yaml") if path.name != "kustomization.yaml")
CLOUD_RUN = sorted(DEPLOY.glob("cloud-run/*.yaml"))
COMPOSE = DEPLOY / "compose" / "compose.yaml"

# The compose file's own, for example.env.
OF_COMPOSE = {"LAXAI_DATABASE_PASSWORD", "LAXAI_PORT"}


def documents(path: Path) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(path.read_text()) if document is not None]


def everything(kind: str) -> list[dict[str, Any]]:
    return [one for path in MANIFESTS for one in documents(path) if one["kind"] == kind]


def named(kind: str, name: str) -> dict[str, Any]:
    return next(one for one in everything(kind) if one["metadata"]["name"] == name)


def strings(value: object) -> Iterator[str]:
    """All texts of a document, at any depth."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, inner in value.items():
            yield from strings(key)
            yield from strings(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from strings(inner)


def fields(path: Path, *classes: str) -> set[str]:
    """The annotated fields of classes, read from their source."""
    tree = ast.parse(path.read_text())
    found = [one for one in ast.walk(tree) if isinstance(one, ast.ClassDef) and one.name in classes]
    assert {one.name for one in found} == set(classes)
    return {
        line.target.id
        for one in found
        for line in one.body
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name)
    }


def variables() -> set[str]:
    """What can be set in the environment of the services."""
    config = ROOT / "shared_libs" / "config"
    names = fields(config / "settings.py", "Settings") | fields(config / "storage.py", "StorageSettings")
    names |= fields(CLOUD / "settings.py", "CloudSettings") | fields(API / "settings.py", "ApiSettings")
    return {f"LAXAI_{name.upper()}" for name in names}


def pod_templates() -> list[tuple[str, dict[str, Any]]]:
    kubernetes = [(one["metadata"]["name"], one["spec"]["template"]["spec"]) for one in everything("Deployment")]
    run = []
    for path in CLOUD_RUN:
        (document,) = documents(path)
        template = document["spec"]["template"]
        run.append((path.name, template["spec"]["template"]["spec"] if "Job" in document["kind"] else template["spec"]))
    return [*kubernetes, *run]


def container(template: dict[str, Any]) -> dict[str, Any]:
    (only,) = template["containers"]
    assert isinstance(only, dict)
    return only


def values(template: dict[str, Any]) -> dict[str, str]:
    """The variables of a pod that stand in its file."""
    return {one["name"]: one["value"] for one in container(template).get("env", []) if "value" in one}


def test_the_compose_file_is_of_the_compose_specification() -> None:
    schemas = importlib.resources.files("check_jsonschema") / "builtin_schemas" / "vendor"
    schema = json.loads((schemas / "compose-spec.json").read_text())
    jsonschema.validate(yaml.safe_load(COMPOSE.read_text()), schema)


@pytest.mark.parametrize("path", MANIFESTS, ids=lambda path: path.name)
def test_every_manifest_is_of_its_kind_s_schema(path: Path) -> None:
    version = kubernetes_validate.latest_version()
    for document in documents(path):
        if document["apiVersion"].startswith("keda.sh/"):
            continue
        kubernetes_validate.validate(document, version, strict=True)


def test_a_manifest_with_a_field_that_there_is_not_would_be_found() -> None:
    document = named("Deployment", "laxai-worker")
    document["spec"]["replica"] = 2
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(document, kubernetes_validate.latest_version(), strict=True)


def test_kustomize_takes_all_manifests_and_puts_them_into_their_namespace() -> None:
    (kustomization,) = documents(DEPLOY / "kubernetes" / "kustomization.yaml")
    assert set(kustomization) == {"apiVersion", "kind", "namespace", "resources", "images"}
    assert sorted(kustomization["resources"]) == [path.name for path in MANIFESTS]
    every = [one for path in MANIFESTS for one in documents(path) if one["kind"] != "Namespace"]
    assert {one["metadata"]["namespace"] for one in every} == {kustomization["namespace"]}
    assert named("Namespace", kustomization["namespace"])


def test_all_images_are_of_one_registry_and_one_version() -> None:
    images = {
        image["newName"] + ":" + image["newTag"]
        for image in documents(MANIFESTS[0].parent / "kustomization.yaml")[0]["images"]
    }
    images |= set(json.loads(named("ConfigMap", "laxai-settings")["data"]["LAXAI_KUBERNETES"])["images"].values())
    images |= {container(template)["image"] for _, template in pod_templates()}
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    images.add(services["api"]["image"])
    assert images == {
        f"ghcr.io/example/laxai-service-{name}:latest" for name in ("tracking", "training", "cloud", "api")
    }
    dockerfile = (DEPLOY / "compose" / "worker.Dockerfile").read_text()
    assert "ARG REGISTRY=ghcr.io/example\nARG VERSION=latest\n" in dockerfile
    assert set(re.findall(r"^FROM \$\{REGISTRY\}/(\S+):\$\{VERSION\}", dockerfile, re.MULTILINE)) == {
        "laxai-service-tracking",
        "laxai-service-training",
        "laxai-service-cloud",
    }


def test_every_variable_that_is_set_is_one_that_the_services_read() -> None:
    paths = [*MANIFESTS, *CLOUD_RUN, COMPOSE]
    used = {
        name
        for path in paths
        for one in documents(path)
        for text in strings(one)
        for name in re.findall(r"LAXAI_\w+", text)
    }
    assert used - OF_COMPOSE <= variables()
    example = (DEPLOY / "compose" / "example.env").read_text()
    assert set(re.findall(r"^(LAXAI_\w+)=", example, re.MULTILINE)) == used & OF_COMPOSE == OF_COMPOSE


def test_settings_in_json_have_fields_that_there_are() -> None:
    kubernetes = json.loads(named("ConfigMap", "laxai-settings")["data"]["LAXAI_KUBERNETES"])
    assert set(kubernetes) <= fields(CLOUD / "engines" / "kubernetes_settings.py", "KubernetesSettings")
    run = values(dict(pod_templates())["worker.yaml"])
    assert set(json.loads(run["LAXAI_CLOUD_RUN"])) <= fields(
        CLOUD / "engines" / "cloud_run_settings.py", "CloudRunSettings"
    )
    jobs = (ROOT / "shared_libs" / "common" / "jobs.py").read_text()
    kinds = set(re.findall(r'^    [A-Z_]+ = "([a-z]+_[a-z]+)"$', jobs, re.MULTILINE))
    for limits in (run["LAXAI_LIMITS"], named("ConfigMap", "laxai-settings")["data"]["LAXAI_LIMITS"]):
        assert set(json.loads(limits)) == kinds
        for limit in json.loads(limits).values():
            assert set(limit) <= fields(CLOUD / "settings.py", "KindLimits")


def test_an_engine_has_its_settings_and_the_worker_its_volume_where_they_say() -> None:
    kubernetes = named("ConfigMap", "laxai-settings")["data"]
    run = values(dict(pod_templates())["worker.yaml"])
    assert kubernetes["LAXAI_ENGINE"] == "kubernetes" and run["LAXAI_ENGINE"] == "cloud-run"
    for name, work in (("laxai-worker", kubernetes["LAXAI_WORK"]), ("worker.yaml", run["LAXAI_WORK"])):
        assert work in {mount["mountPath"] for mount in container(dict(pod_templates())[name])["volumeMounts"]}
    told = json.loads(kubernetes["LAXAI_KUBERNETES"])
    assert named("PersistentVolumeClaim", told["claim"])["spec"]["accessModes"] == ["ReadWriteMany"]
    assert named("ServiceAccount", told["service_account"])["automountServiceAccountToken"] is False


def test_cloud_run_s_jobs_are_the_engine_s_and_have_its_bucket_where_it_says() -> None:
    told = json.loads(values(dict(pod_templates())["worker.yaml"])["LAXAI_CLOUD_RUN"])
    buckets = set()
    for service, name in told["jobs"].items():
        (job,) = documents(DEPLOY / "cloud-run" / f"{service}.yaml")
        assert (job["apiVersion"], job["kind"], job["metadata"]["name"]) == ("run.googleapis.com/v1", "Job", name)
        assert job["spec"]["template"]["spec"]["taskCount"] == 1
        template = job["spec"]["template"]["spec"]["template"]["spec"]
        assert template["maxRetries"] == 0
        assert [mount["mountPath"] for mount in container(template)["volumeMounts"]] == [told["mount"]]
        assert container(template)["image"].endswith(f"laxai-service-{service}:latest")
    for name in ("tracking.yaml", "training.yaml", "worker.yaml"):
        (volume,) = dict(pod_templates())[name]["volumes"]
        assert volume["csi"]["driver"] == "gcsfuse.run.googleapis.com" and volume["csi"]["readOnly"] is False
        buckets.add(volume["csi"]["volumeAttributes"]["bucketName"])
    assert len(buckets) == 1


def test_cloud_run_s_services_are_knative_services_of_the_second_generation() -> None:
    for name in ("worker.yaml", "api.yaml"):
        (service,) = documents(DEPLOY / "cloud-run" / name)
        assert (service["apiVersion"], service["kind"]) == ("serving.knative.dev/v1", "Service")
        annotations = service["spec"]["template"]["metadata"]["annotations"]
        assert annotations["run.googleapis.com/execution-environment"] == "gen2"
        assert all(isinstance(value, str) for value in annotations.values())
    worker = documents(DEPLOY / "cloud-run" / "worker.yaml")[0]["spec"]["template"]["metadata"]["annotations"]
    assert worker["run.googleapis.com/cpu-throttling"] == "false" and worker["autoscaling.knative.dev/minScale"] != "0"


def test_keda_scales_the_worker_by_a_query_on_the_table_of_jobs() -> None:
    scaled = named("ScaledObject", "laxai-worker")
    assert (scaled["apiVersion"], scaled["spec"]["scaleTargetRef"]) == ("keda.sh/v1alpha1", {"name": "laxai-worker"})
    assert "replicas" not in named("Deployment", "laxai-worker")["spec"]
    (trigger,) = scaled["spec"]["triggers"]
    assert trigger["type"] == "postgresql"
    assert all(isinstance(value, str) for value in trigger["metadata"].values())
    table = (ROOT / "shared_libs" / "common" / "job_client" / "table.py").read_text()
    assert '"laxai_jobs"' in table and '"state"' in table
    assert trigger["metadata"]["query"] == "SELECT count(*) FROM laxai_jobs WHERE state IN ('queued', 'running')"
    authentication = named("TriggerAuthentication", trigger["authenticationRef"]["name"])
    (reference,) = authentication["spec"]["secretTargetRef"]
    assert reference["parameter"] == "connection"
    assert reference["key"] in named("Secret", reference["name"])["stringData"]


def test_the_worker_s_rights_are_those_that_its_engine_uses() -> None:
    source = ast.parse((CLOUD / "engines" / "kubernetes_cluster.py").read_text())
    needed = next(
        ast.literal_eval(line.value)
        for line in source.body
        if isinstance(line, ast.AnnAssign) and isinstance(line.target, ast.Name) and line.target.id == "_NEEDED"
        if line.value is not None
    )
    wanted = {(verb, group, "/".join(filter(None, [resource, part]))) for verb, group, resource, part in needed}
    granted = {
        (verb, group, resource)
        for rule in named("Role", "laxai-worker")["rules"]
        for verb in rule["verbs"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
    }
    assert granted == wanted
    (subject,) = named("RoleBinding", "laxai-worker")["subjects"]
    assert subject["name"] == named("Deployment", "laxai-worker")["spec"]["template"]["spec"]["serviceAccountName"]


@pytest.mark.parametrize(
    ("name", "template"), pod_templates(), ids=lambda value: value if isinstance(value, str) else ""
)
def test_ports_options_and_mounts_agree(name: str, template: dict[str, Any]) -> None:
    only = container(template)
    arguments = only.get("args", [])
    source = (API if name in ("laxai-api", "api.yaml") else CLOUD) / "cli.py"
    for option in (one for one in arguments if one.startswith("--")):
        assert f'"{option}"' in source.read_text()
    ports = {port["containerPort"]: port["name"] for port in only.get("ports", [])}
    assert set(map(str, ports)) == {after for before, after in itertools.pairwise(arguments) if before.endswith("port")}
    for probe in (only[key] for key in only if key.endswith("Probe")):
        assert probe["httpGet"]["port"] in {*ports, *ports.values()}
        paths = (API / "routers" / "health.py" if source.parent == API else CLOUD / "serving.py").read_text()
        assert f'"{probe["httpGet"]["path"].removeprefix("/api/v1")}"' in paths
    volumes = {volume["name"] for volume in template.get("volumes", [])}
    assert {mount["name"] for mount in only.get("volumeMounts", [])} == volumes


def test_pods_may_do_little() -> None:
    for deployment in everything("Deployment"):
        template = deployment["spec"]["template"]["spec"]
        assert template["securityContext"]["runAsNonRoot"] is True
        assert template["enableServiceLinks"] is False, "a Service called laxai would set LAXAI_PORT"
        context = container(template)["securityContext"]
        assert context["readOnlyRootFilesystem"] is True and context["allowPrivilegeEscalation"] is False
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    assert all(service["read_only"] for service in services.values())
    assert all(service["user"] == "65532:65532" for name, service in services.items() if name != "database")


def test_network_policies_name_pods_and_ports_that_there_are() -> None:
    labels = [one["spec"]["template"]["metadata"]["labels"] for one in everything("Deployment")]
    ports = {
        port["containerPort"]
        for one in everything("Deployment")
        for port in container(one["spec"]["template"]["spec"])["ports"]
    }
    for policy in everything("NetworkPolicy"):
        chosen = policy["spec"]["podSelector"].get("matchLabels", {})
        assert any(chosen.items() <= one.items() for one in labels)
        for rule in policy["spec"].get("ingress", []):
            assert {port["port"] for port in rule["ports"]} <= ports
    tasks = named("NetworkPolicy", "tasks-talk-to-nobody")["spec"]["podSelector"]["matchExpressions"][0]["key"]
    assert f'KEY_LABEL: Final = "{tasks}"' in (CLOUD / "engines" / "kubernetes_job.py").read_text()


def test_files_that_the_worker_s_hints_name_are_there() -> None:
    sources = "\n".join(path.read_text() for path in CLOUD.rglob("*.py"))
    names = set(re.findall(r"deploy/[a-z-]+/[a-z-]+\.yaml|deploy/README\.md", sources))
    assert {"deploy/kubernetes/worker-rights.yaml", "deploy/kubernetes/work-volume.yaml", "deploy/README.md"} <= names
    assert all((ROOT / name).is_file() for name in names)


def test_a_service_in_the_worker_s_image_starts_with_its_own_libraries(tmp_path: Path) -> None:
    start = tmp_path / "start_service.py"
    start.write_bytes((DEPLOY / "compose" / "start_service.py").read_bytes())
    for place, name, source in (
        ("app/tracking", "__init__", ""),
        ("app/tracking", "__main__", "import sys, library; print(library.NAME, sys.argv[1:])"),
        ("site-packages", "library", "NAME = 'its own'"),
    ):
        folder = tmp_path / "tracking" / place
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.py").write_text(source)
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    words = [sys.executable, str(start), "tracking", "track", "--out", "x"]
    said = subprocess.run(words, capture_output=True, text=True, check=True, env=environment).stdout
    assert said == "its own ['track', '--out', 'x']\n"
    commands = json.loads(yaml.safe_load(COMPOSE.read_text())["services"]["worker"]["environment"]["LAXAI_COMMANDS"])
    assert {name: command.split()[1:] for name, command in commands.items()} == {
        name: ["/opt/services/start_service.py", name] for name in ("tracking", "training")
    }
