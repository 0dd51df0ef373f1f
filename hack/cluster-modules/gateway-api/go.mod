module perennial.dev/hack/gateway-api

go 1.26.0

// Nothing is built from it: tests install the CRDs that it publishes.
require sigs.k8s.io/gateway-api v1.6.1
