module perennial.dev/hack/trainer

go 1.26.0

// Nothing is built from it: tests install the CRDs that it publishes.
require github.com/kubeflow/trainer/v2 v2.0.0
