"""The configuration files of the node's daemons, as text. Pure: not for starting anything."""

from __future__ import annotations

import json
from typing import Any

from .network import NODE_IP, PODS
from .place import Place

PAUSE = "localhost/perennial-pause:1"
COREDNS_READY = "127.0.0.1:8181"
KUBELET_HEALTH_PORT = 10248


def containerd_socket(place: Place) -> str:
    return str(place.run / "containerd.sock")


def cni(place: Place) -> str:
    """A bridge for the pods; its default route ends in the node's namespace, which has none itself."""
    ipam = {
        "type": "host-local",
        "dataDir": str(place.run / "ipam"),
        "ranges": [[{"subnet": PODS}]],
        "routes": [{"dst": "0.0.0.0/0"}],
    }
    bridge = {"type": "bridge", "bridge": "cni0", "isGateway": True, "hairpinMode": True, "ipMasq": False, "ipam": ipam}
    portmap = {"type": "portmap", "capabilities": {"portMappings": True}, "backend": "nftables"}
    return _json({"cniVersion": "1.0.0", "name": cni_network(place), "plugins": [bridge, portmap]})


def cni_network(place: Place) -> str:
    """Names the network also in /var/lib/cni, which all clusters of a machine share."""
    return f"perennial-{place.key}"


def containerd(place: Place) -> str:
    """containerd with the CRI plugin, on cgroup v1 or v2 through cgroupfs.

    `netns_mounts_under_state_dir` keeps the pods' namespaces apart from other checkouts' in /run/netns.
    `restrict_oom_score_adj`: root without CAP_SYS_RESOURCE cannot lower it, and every sandbox would fail.
    """
    return f"""version = 3
root = "{place.state / "containerd"}"
state = "{place.run / "containerd"}"
disabled_plugins = ["io.containerd.snapshotter.v1.blockfile", "io.containerd.tracing.processor.v1.otlp"]
[grpc]
  address = "{containerd_socket(place)}"
[plugins.'io.containerd.cri.v1.images']
  snapshotter = "overlayfs"
  [plugins.'io.containerd.cri.v1.images'.pinned_images]
    sandbox = "{PAUSE}"
[plugins.'io.containerd.cri.v1.runtime']
  disable_apparmor = true
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc]
    runtime_type = "io.containerd.runc.v2"
    [plugins.'io.containerd.cri.v1.runtime'.containerd.runtimes.runc.options]
      BinaryName = "{place.bin / "runc"}"
      SystemdCgroup = false
  [plugins.'io.containerd.cri.v1.runtime'.cni]
    bin_dirs = ["{place.bin}"]
    conf_dir = "{place.config / "cni"}"
[plugins.'io.containerd.nri.v1.nri']
  disable = true
"""


def kubelet(place: Place) -> str:
    """`syncFrequency` so that a changed ConfigMap reaches its pods in seconds, not a minute."""
    pki = place.pki
    return _json(
        {
            "apiVersion": "kubelet.config.k8s.io/v1beta1",
            "kind": "KubeletConfiguration",
            "failCgroupV1": False,
            "cgroupDriver": "cgroupfs",
            "cgroupRoot": f"/{place.cgroup}",
            "containerRuntimeEndpoint": f"unix://{containerd_socket(place)}",
            "authentication": {
                "anonymous": {"enabled": False},
                "webhook": {"enabled": True},
                "x509": {"clientCAFile": str(pki / "ca.crt")},
            },
            "authorization": {"mode": "Webhook"},
            "tlsCertFile": str(pki / "kubelet-serving.crt"),
            "tlsPrivateKeyFile": str(pki / "kubelet-serving.key"),
            "clusterDomain": "cluster.local",
            "clusterDNS": [NODE_IP],
            "resolvConf": str(place.config / "resolv.conf"),
            "healthzPort": KUBELET_HEALTH_PORT,
            "failSwapOn": False,
            "makeIPTablesUtilChains": False,
            "evictionHard": {"memory.available": "200Mi", "nodefs.available": "2%", "imagefs.available": "2%"},
            "imageGCHighThresholdPercent": 99,
            "imageGCLowThresholdPercent": 98,
            "maxPods": 200,
            "syncFrequency": "5s",
            "podLogsDir": str(place.state / "pod-logs"),
            "volumePluginDir": str(place.state / "kubelet" / "volume-plugins"),
        }
    )


def kube_proxy(place: Place) -> str:
    """nftables rules within 100 ms instead of 1 s. Conntrack's limits cannot be set from inside a namespace."""
    return _json(
        {
            "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
            "kind": "KubeProxyConfiguration",
            "mode": "nftables",
            "nftables": {"minSyncPeriod": "100ms", "syncPeriod": "30s"},
            "clientConnection": {"kubeconfig": str(place.pki / "kube-proxy.kubeconfig")},
            "clusterCIDR": PODS,
            "bindAddress": "127.0.0.1",
            "healthzBindAddress": "127.0.0.1:10256",
            "metricsBindAddress": "127.0.0.1:10249",
            "conntrack": {"maxPerCore": 0, "min": 0, "tcpCloseWaitTimeout": "0s", "tcpEstablishedTimeout": "0s"},
        }
    )


def corefile(place: Place) -> str:
    """The cluster's names and no others: nothing is asked outside."""
    return f""".:53 {{
  bind {NODE_IP}
  errors
  ready {COREDNS_READY}
  kubernetes cluster.local in-addr.arpa {{
    kubeconfig {place.pki / "coredns.kubeconfig"}
    pods insecure
    ttl 5
  }}
  cache 5
}}
"""


def coredns_access() -> str:
    """What CoreDNS may read, as manifests for `kubectl apply`."""
    name = "system:coredns"
    rbac = "rbac.authorization.k8s.io"
    rules = [
        {"apiGroups": [""], "resources": ["services", "pods", "namespaces"], "verbs": ["list", "watch"]},
        {"apiGroups": ["discovery.k8s.io"], "resources": ["endpointslices"], "verbs": ["list", "watch"]},
    ]
    role = {"apiVersion": f"{rbac}/v1", "kind": "ClusterRole", "metadata": {"name": name}, "rules": rules}
    binding = {
        "apiVersion": f"{rbac}/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": name},
        "roleRef": {"apiGroup": rbac, "kind": "ClusterRole", "name": name},
        "subjects": [{"kind": "User", "name": name, "apiGroup": rbac}],
    }
    return _json({"apiVersion": "v1", "kind": "List", "items": [role, binding]})


def _json(content: dict[str, Any]) -> str:
    return json.dumps(content, indent=2) + "\n"
