"""The one way to the API server: requests, apply, events, lease. It decides nothing about models."""
