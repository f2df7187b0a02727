"""Flow matching: the velocity baseline."""

from engine.contract import specs
from engine.data.batch import Batch
from engine.flow.clock import spread
from engine.flow.flow_map import Network
from engine.flow.randomness import Randomness
from engine.objectives import times
from engine.objectives.base import Loss, squared_error


class FlowMatching:
    """Regress the network at s = t on noise - data (arXiv 2210.02747, linear path)."""

    def __init__(self, spec: specs.FlowMatching) -> None:
        self.times = spec.times

    def __call__(
        self, network: Network, batch: Batch, randomness: Randomness, progress: float
    ) -> Loss:
        """The mean square error of the velocity; part `error`, per sample."""
        data = batch.data
        noise = randomness.normal("noise", data.shape).to(data)
        t = times.draw(self.times, len(data), randomness).to(data)
        at = spread(t, data)
        x_t = (1 - at) * data + at * noise
        error = squared_error(network(x_t, t, t, batch.label), noise - data)
        return Loss(error.mean(), {"error": error.detach()})
