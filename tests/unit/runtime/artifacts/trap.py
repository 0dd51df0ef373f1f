"""Importing this module is what a hostile file must never bring about."""


class Trap(dict):
    """Looks harmless."""
