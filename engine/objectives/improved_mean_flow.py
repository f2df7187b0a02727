"""Improved MeanFlow: the derivative follows the model's own velocity."""

from torch import Tensor

from engine.flow.flow_map import Network
from engine.objectives.mean_flow import MeanFlow
from engine.objectives.rows import Again, Rows


class ImprovedMeanFlow(MeanFlow):
    """Regress V = u + (t - s) du/dt on v, the derivative along u(x, t, t) (arXiv 2512.02012).

    The paper's boundary variant, which needs no second head. V - v is u less MeanFlow's
    target and du/dt carries no gradient, so all that differs is the direction: the model's own
    velocity does not scatter with the noise of a single sample, as v does, and costs one more
    pass without gradient over the rows with s < t. It is the velocity's because the rows with
    s = t teach it.
    """

    def direction(self, network: Network, rows: Rows, again: Again) -> Tensor:
        """The network's velocity."""
        found = rows._replace(s=rows.t).asked(network).to(rows.v)
        again()
        return found
