"""Pure builders: facts in, Kubernetes manifests out. Nothing here reads a cluster or a clock."""
