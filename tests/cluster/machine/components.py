"""The servers of the cluster in their starting order: command, and how one knows that each is well."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.cluster.machine import containers, node, registry
from tests.cluster.machine.kubeconfigs import SERVER, component_file
from tests.cluster.machine.layout import (
    API_PORT,
    ETCD_PEER_PORT,
    ETCD_PORT,
    HEALTH_PORTS,
    HOST,
    NODE,
    POD_NETWORK,
    PROXY_METRICS_PORT,
    REGISTRY,
    SERVICE_NETWORK,
    Layout,
)
from tests.cluster.machine.settings import write_json

NAMES = (
    *("etcd", "registry", "containerd"),
    *("kube-apiserver", "kube-controller-manager", "kube-scheduler", "kubelet", "kube-proxy"),
)
"""All components in their starting order."""

_ETCD = f"http://127.0.0.1:{ETCD_PORT}"
_FEATURES = "--feature-gates=TTLAfterFinished=true"  # off by default before 1.21; our Jobs clear themselves away


@dataclass(frozen=True)
class Component:
    """A server process.

    Attributes:
        name: of its log and pid file.
        command: program and arguments.
        address: a URL that answers when it is well; a path for a socket that must appear.
        as_admin: whether the address wants the administrator's certificate.
        variables: environment variables to add.
        stop_seconds: how long it may take to end by itself.
    """

    name: str
    command: tuple[str, ...]
    address: str | Path
    as_admin: bool = False
    variables: Mapping[str, str] = field(default_factory=dict)
    stop_seconds: float = 10


def components(layout: Layout, *, binaries: Path) -> list[Component]:
    """Return the components in the order in which they are started; they are stopped in the reverse order.

    Args:
        layout: the cluster's paths.
        binaries: the folder of Kubernetes' own programs.
    """
    makers: tuple[Callable[[Layout], Component], ...] = (_etcd, _registry, _containerd)
    own: tuple[Callable[[Layout, Path], Component], ...] = (
        api_server,
        _controller_manager,
        _scheduler,
        _kubelet,
        _proxy,
    )
    return [*(make(layout) for make in makers), *(make(layout, binaries) for make in own)]


def _etcd(layout: Layout) -> Component:
    peer = f"http://127.0.0.1:{ETCD_PEER_PORT}"
    command = (
        "etcd",
        "--name=default",
        f"--data-dir={layout.root / 'etcd'}",
        f"--listen-client-urls={_ETCD}",
        f"--advertise-client-urls={_ETCD}",
        f"--listen-peer-urls={peer}",
        f"--initial-advertise-peer-urls={peer}",
        f"--initial-cluster=default={peer}",
        "--unsafe-no-fsync",  # a test cluster may lose its data with the machine, and disks here are slow
    )
    return Component("etcd", command, f"{_ETCD}/health")


def _registry(layout: Layout) -> Component:
    command = ("docker-registry", "serve", str(registry.write_settings(layout)))
    return Component("registry", command, f"https://{REGISTRY}/")


def _containerd(layout: Layout) -> Component:
    command = ("containerd", "--config", str(containers.write_settings(layout)))
    return Component("containerd", command, containers.SOCKET)


def api_server(layout: Layout, binaries: Path) -> Component:
    """The API server; tests restart it."""
    pki = layout.pki
    command = (
        str(binaries / "kube-apiserver"),
        f"--etcd-servers={_ETCD}",
        f"--bind-address={HOST}",
        f"--advertise-address={HOST}",
        f"--secure-port={API_PORT}",
        f"--service-cluster-ip-range={SERVICE_NETWORK}",
        f"--client-ca-file={layout.authority}",
        f"--tls-cert-file={pki / 'kube-apiserver.crt'}",
        f"--tls-private-key-file={pki / 'kube-apiserver.key'}",
        f"--service-account-issuer={SERVER}",
        f"--service-account-key-file={pki / 'service-accounts.key'}",
        f"--service-account-signing-key-file={pki / 'service-accounts.key'}",
        "--api-audiences=https://kubernetes.default.svc",
        f"--kubelet-client-certificate={pki / 'kubelet-client.crt'}",
        f"--kubelet-client-key={pki / 'kubelet-client.key'}",
        f"--kubelet-certificate-authority={layout.authority}",
        "--kubelet-preferred-address-types=InternalIP",
        "--authorization-mode=RBAC,Node",
        "--enable-admission-plugins=NodeRestriction",
        "--anonymous-auth=true",  # /readyz and /healthz, and nothing else: RBAC is on
        "--allow-privileged=true",
        "--profiling=false",
        "--shutdown-delay-duration=0s",
        _FEATURES,
    )
    return Component("kube-apiserver", command, f"{SERVER}/readyz", as_admin=True)


def _controller_manager(layout: Layout, binaries: Path) -> Component:
    pki, kubeconfig = layout.pki, component_file(layout, "kube-controller-manager")
    command = (
        str(binaries / "kube-controller-manager"),
        *_as_component(kubeconfig),
        "--bind-address=127.0.0.1",
        f"--secure-port={HEALTH_PORTS['kube-controller-manager']}",
        "--port=0",
        "--leader-elect=false",
        "--use-service-account-credentials=true",
        f"--service-account-private-key-file={pki / 'service-accounts.key'}",
        f"--root-ca-file={layout.authority}",
        _FEATURES,
    )
    return Component("kube-controller-manager", command, _healthz("kube-controller-manager", scheme="https"))


def _scheduler(layout: Layout, binaries: Path) -> Component:
    command = (
        str(binaries / "kube-scheduler"),
        *_as_component(component_file(layout, "kube-scheduler")),
        "--bind-address=127.0.0.1",
        f"--secure-port={HEALTH_PORTS['kube-scheduler']}",
        "--port=0",
        "--leader-elect=false",
    )
    return Component("kube-scheduler", command, _healthz("kube-scheduler", scheme="https"))


def _kubelet(layout: Layout, binaries: Path) -> Component:
    command = (
        str(binaries / "kubelet"),
        f"--config={node.write_settings(layout)}",
        f"--kubeconfig={component_file(layout, 'kubelet')}",
        f"--root-dir={node.folder(layout)}",
        f"--cert-dir={layout.pki}",
        "--container-runtime=remote",
        f"--container-runtime-endpoint=unix://{containers.SOCKET}",
        f"--hostname-override={NODE}",
        f"--node-ip={HOST}",  # a loopback address is refused, and `kubectl logs` asks the kubelet here
        f"--node-labels={','.join(f'{name}={value}' for name, value in node.LABELS.items())}",
    )
    return Component("kubelet", command, _healthz("kubelet"))


def _proxy(layout: Layout, binaries: Path) -> Component:
    file = layout.settings / "kube-proxy.json"
    config = {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "bindAddress": HOST,
        "hostnameOverride": NODE,
        "clientConnection": {"kubeconfig": str(component_file(layout, "kube-proxy"))},
        "clusterCIDR": POD_NETWORK,
        "mode": "iptables",
        "healthzBindAddress": f"127.0.0.1:{HEALTH_PORTS['kube-proxy']}",
        "metricsBindAddress": f"127.0.0.1:{PROXY_METRICS_PORT}",
        "conntrack": {"maxPerCore": 0, "min": 0},  # the machine's own limits stay
    }
    write_json(file, config)
    command = (str(binaries / "kube-proxy"), f"--config={file}")
    return Component("kube-proxy", command, _healthz("kube-proxy"))


def _as_component(kubeconfig: Path) -> tuple[str, ...]:
    return tuple(f"--{use}kubeconfig={kubeconfig}" for use in ("", "authentication-", "authorization-"))


def _healthz(component: str, *, scheme: str = "http") -> str:
    return f"{scheme}://127.0.0.1:{HEALTH_PORTS[component]}/healthz"
