"""The one exception that reaches the user as a sentence."""


class UserError(Exception):
    """Something the user gave cannot be used.

    The message is one sentence that names what was given, what was wanted and the fix. The command
    prints it and exits with status 2; no traceback is shown, because nothing in the program is
    broken.
    """
