module perennial.dev/hack/kuberay

go 1.26.0

// Nothing is built from it: tests install the CRDs that it publishes.
require github.com/ray-project/kuberay/ray-operator v1.4.2
