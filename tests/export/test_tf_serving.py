"""The serving recipes fit the exports, as far as can be seen without a server."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

FOLDER = Path(__file__).resolve().parents[2] / "export" / "tf_serving"
README = (FOLDER / "README.md").read_text(encoding="utf-8")


def test_every_file_is_named_in_the_readme() -> None:
    names = {path.name for path in FOLDER.iterdir()} - {"README.md"}
    assert set(re.findall(r"^\| `(\S+)` \| \S", README, flags=re.M)) >= names


def test_all_recipes_name_the_same_model_and_ports() -> None:
    yaml = pytest.importorskip("yaml")
    config = (FOLDER / "models.config").read_text(encoding="utf-8")
    docker = (FOLDER / "Dockerfile").read_text(encoding="utf-8")
    manifest = (FOLDER / "kubernetes.yaml").read_text(encoding="utf-8")
    deployment, service = yaml.safe_load_all(manifest)
    assert 'name: "chunk"' in config
    assert 'base_path: "/models/chunk"' in config
    assert "COPY --from=exports chunk /models/chunk" in docker
    (server,) = deployment["spec"]["template"]["spec"]["containers"]
    assert server["readinessProbe"]["httpGet"]["path"] == "/v1/models/chunk"
    ports = {port["name"]: port["containerPort"] for port in server["ports"]}
    assert ports == {"grpc": 8500, "rest": 8501}
    assert {p["name"]: p["port"] for p in service["spec"]["ports"]} == ports
    labels = deployment["spec"]["template"]["metadata"]["labels"]
    assert service["spec"]["selector"] == labels
    for name in re.findall(r"/config/([\w.]+)", docker):
        assert (FOLDER / name).is_file()


def test_text_protos_are_balanced() -> None:
    for name in ("models.config", "batching_parameters.txt"):
        lines = (FOLDER / name).read_text(encoding="utf-8").splitlines()
        content = "".join(line for line in lines if not line.startswith("#"))
        assert content.count("{") == content.count("}") > 0
