"""The shell: kopf watches feed the cache and the queue; process life cycle. No decision about an object."""
