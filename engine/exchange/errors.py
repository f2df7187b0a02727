"""The error of models that come from outside."""

from engine.contract.errors import UserError


class ModelError(UserError):
    """A model that cannot be found or opened: one sentence that names the way out."""
