"""The one exception that a user's mistake raises."""


class InputError(ValueError):
    """Bad input from the user: what is wrong, where, and how to fix it.

    Scripts print its message without a traceback and exit with status 1.
    """


def in_words(error: Exception) -> str:
    """Message of an error, without the number that the system gives to its own."""
    if isinstance(error, OSError) and error.strerror:
        place = f"{error.filename}: " if error.filename else ""
        return f"{place}{error.strerror}"
    return str(error)
