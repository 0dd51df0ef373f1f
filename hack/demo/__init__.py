"""`make demo`: the whole loop on real data, on a cluster on this machine. It only does what a user could type."""
