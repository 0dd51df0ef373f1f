"""What the cluster holds, reduced to what decisions read. It writes nothing and asks nobody."""
