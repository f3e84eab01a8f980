"""Makes the cluster's certificate authority and everybody's certificate, with the machine's openssl."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tests.cluster.machine.commands import run
from tests.cluster.machine.layout import CLUSTER_DOMAIN, FIRST_SERVICE, HOST, NODE, Layout

_DAYS = "365"
_KEY = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")


@dataclass(frozen=True)
class _Holder:
    """Who a certificate is for.

    Attributes:
        name: of the files.
        user: the common name, to Kubernetes the user.
        group: the organization, to Kubernetes the group.
        addresses: alternative names, for certificates of servers.
    """

    name: str
    user: str
    group: str = ""
    addresses: tuple[str, ...] = ()


_API_NAMES = ("kubernetes", "kubernetes.default", "kubernetes.default.svc", f"kubernetes.default.svc.{CLUSTER_DOMAIN}")
CLIENTS = {
    "admin": _Holder("admin", "slipway-admin", "system:masters"),
    "kube-controller-manager": _Holder("kube-controller-manager", "system:kube-controller-manager"),
    "kube-scheduler": _Holder("kube-scheduler", "system:kube-scheduler"),
    "kube-proxy": _Holder("kube-proxy", "system:kube-proxy"),
    "kubelet": _Holder("kubelet", f"system:node:{NODE}", "system:nodes"),
    "kubelet-client": _Holder("kubelet-client", "kube-apiserver-kubelet-client", "system:masters"),
}
"""Those who ask the API; `kubelet-client` is the API server asking the kubelet."""
_SERVERS = (
    # Its self-made certificate fits only one of the addresses under which pods and people reach it.
    _Holder(
        "kube-apiserver",
        "kube-apiserver",
        addresses=("IP:127.0.0.1", f"IP:{FIRST_SERVICE}", f"IP:{HOST}", *(f"DNS:{name}" for name in _API_NAMES)),
    ),
    _Holder("kubelet-server", NODE, addresses=(f"IP:{HOST}", f"DNS:{NODE}")),
    _Holder("registry", "registry", addresses=("IP:127.0.0.1", f"IP:{HOST}")),
)


def make(layout: Layout) -> None:
    """Make the certificates that are not there yet."""
    if not layout.authority.exists():
        _make_authority(layout.pki)
    if not (layout.pki / "service-accounts.key").exists():
        run(["openssl", "genrsa", "-out", layout.pki / "service-accounts.key", "2048"])
    for holder in (*CLIENTS.values(), *_SERVERS):
        if not (layout.pki / f"{holder.name}.crt").exists():
            _make_certificate(holder, folder=layout.pki)


def _make_authority(folder: Path) -> None:
    subject = ["-subj", "/CN=slipway test cluster", "-addext", "basicConstraints=critical,CA:TRUE"]
    files: list[str | Path] = ["-keyout", folder / "ca.key", "-out", folder / "ca.crt"]
    run(["openssl", "req", "-x509", *_KEY, "-days", _DAYS, *subject, *files])


def _make_certificate(holder: _Holder, *, folder: Path) -> None:
    request, extensions = folder / f"{holder.name}.csr", folder / f"{holder.name}.ext"
    subject = (f"/O={holder.group}" if holder.group else "") + f"/CN={holder.user}"
    usage = "serverAuth" if holder.addresses else "clientAuth"
    names = f"subjectAltName={','.join(holder.addresses)}\n" if holder.addresses else ""
    extensions.write_text(f"basicConstraints=CA:FALSE\nextendedKeyUsage={usage}\n{names}")
    run(["openssl", "req", *_KEY, "-subj", subject, "-keyout", folder / f"{holder.name}.key", "-out", request])
    signing: list[str | Path] = ["-CA", folder / "ca.crt", "-CAkey", folder / "ca.key", "-CAcreateserial"]
    draft = folder / f"{holder.name}.new"
    run(["openssl", "x509", "-req", "-in", request, *signing, "-days", _DAYS, "-extfile", extensions, "-out", draft])
    # The certificate comes last and in one step: it says that the key is there too.
    draft.rename(folder / f"{holder.name}.crt")
    request.unlink()
    extensions.unlink()
