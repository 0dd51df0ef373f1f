"""The command line `perennial`, which is also the kubectl plugin `kubectl perennial`. Nothing imports it."""
