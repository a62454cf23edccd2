"""The one exception that a user's mistake raises."""


class InputError(ValueError):
    """Bad input from the user: what is wrong, where, and how to mend it.

    Scripts print its message without a traceback and exit with status 1.
    """
