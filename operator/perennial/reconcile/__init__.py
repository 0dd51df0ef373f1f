"""Per kind: observe, decide, build, apply, one status write. The shared machinery of it lies here too."""
