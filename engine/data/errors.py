"""What can go wrong with a data set."""

from engine.contract.errors import UserError


class DataError(UserError):
    """A data set that cannot be found, read or imported: one sentence that names the way out."""
