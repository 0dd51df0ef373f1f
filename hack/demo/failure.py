"""The one error of the demo: what went wrong and what to do."""


class DemoFailed(Exception):
    """A step of the demo failed; the message says what to do next."""
