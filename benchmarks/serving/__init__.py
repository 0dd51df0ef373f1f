"""Requests per second of our server, of the same stack without a model, and of MLServer and KServe on the same core."""
