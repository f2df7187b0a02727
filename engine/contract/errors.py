"""The one kind of error that a user is shown."""


class UserError(Exception):
    """One sentence that names the thing and the way out; anything else is a bug and is logged."""
