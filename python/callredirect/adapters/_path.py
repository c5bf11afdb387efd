"""Where the webhook is."""


def checked(path: str) -> str:
    """The path without a slash at its end, ready for something below it."""
    if not path.startswith("/"):
        raise ValueError(f"the path of the webhook starts with /, not {path!r}")
    return path.rstrip("/")
