"""The local Kubernetes node behind `hack/cluster` and the images behind `hack/images`.

Standard library only: it must run on any Python 3.11 or later before a virtual environment exists.
"""
