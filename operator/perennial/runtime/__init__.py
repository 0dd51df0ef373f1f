"""What runs in trainer and server pods. It knows nothing of the operator."""
