"""Models whose flow map is known exactly, and runs that hold sealed checkpoints."""

import torch
from torch import nn

from engine.contract.catalogue import POINT_SETS, DataSet, Guidance, Model, method
from engine.contract.specs import (
    ECM,
    MLP,
    Cadence,
    Data,
    FlowMatching,
    MeanFlow,
    RunSpec,
    Shortcut,
    Training,
    UNet,
)
from engine.data.open import open_data
from engine.explore.models import Loaded
from engine.networks.build import build_network, network_of
from engine.runs import checkpoint
from engine.runs.folder import RunFolder

RINGS = next(info for info in POINT_SETS if info.name == "eight-gaussians")
LATE = 10**6  # a step after which nothing changes any more
PICTURES = DataSet("emoji-16", "Emoji", "images", (3, 16, 16), 2800, tuple("abcdefg"))


def points_spec(of=None, data="eight-gaussians"):
    return RunSpec(
        Data(data),
        of or MeanFlow(adaptive_power=0.0),
        MLP(8, 1),
        training=Training(steps=100, warmup=5, ema=(0.9, 0.99)),
        cadence=Cadence(),
    )


class Exact(nn.Module):
    """The exact average velocity of a data set, or its velocity where s = t."""

    def __init__(self, oracle):
        super().__init__()
        self.oracle = oracle
        self.asked = 0

    def forward(self, x, t, s, label=None):
        self.asked += 1
        gap = (s - t)[:, None]
        at = self.oracle.v(x, t)
        if not bool(gap.any()):
            return at
        u = (self.oracle.jump(x, t, s) - x) / torch.where(gap == 0, 1.0, gap)
        return torch.where(gap == 0, at, u)


class ExactEnd(Exact):
    """The exact average velocity to data, as an endpoint model gives it with s = t."""

    def forward(self, x, t, s, label=None):
        assert torch.equal(t, s)
        return super().forward(x, t, torch.zeros_like(s))


def exact_model(workspace, of=None):
    """A model that knows the eight Gaussians exactly, as far as its method's capability goes."""
    spec = points_spec(of)
    tag = spec.method.__struct_config__.tag
    capability = method(tag).capability
    info = Model("exact", "Exact", tag, capability, RINGS, LATE, 0.99)
    oracle = open_data(RINGS.name, workspace).exact()
    oracle.steps = 100
    network = (ExactEnd if capability == "endpoint" else Exact)(oracle)
    return Loaded(info, spec, network, 0, torch.device("cpu"), workspace)


def velocity_model(workspace):
    return exact_model(workspace, FlowMatching())


def endpoint_model(workspace):
    return exact_model(workspace, ECM())


def dyadic_model(workspace):
    return exact_model(workspace, Shortcut())


def picture_model(workspace, labels=True, network=None, of=None):
    """A small network for labelled pictures with weights of no meaning."""
    network = network or UNet(8, (1.0, 2.0), 1, ())
    spec = RunSpec(Data("emoji-16", labels=labels), of or MeanFlow(), network)
    classes = len(PICTURES.labels) if labels else 0
    torch.manual_seed(0)
    network = network_of(spec, PICTURES.shape, classes).eval().requires_grad_(False)
    for weights in network.parameters():
        weights.normal_(std=0.05)
    tag = spec.method.__struct_config__.tag
    capability = method(tag).capability
    guidance = Guidance() if labels and capability == "velocity" else None
    info = Model("pictures", "Pictures", tag, capability, PICTURES, LATE, 0.99, guidance=guidance)
    return Loaded(info, spec, network, classes, torch.device("cpu"), workspace)


def make_run(workspace, name="run", steps=(10, 20), spec=None):
    """A run with a sealed checkpoint at each step; the weights of step k are all k / 1000."""
    folder = RunFolder(workspace / "runs" / name)
    folder.create(spec or points_spec())
    for step in steps:
        add_checkpoint(folder, step)
    return folder


def add_checkpoint(folder, step, value=None):
    spec = folder.spec()
    network = build_network(spec.network, (2,), 0)
    value = step / 1000 if value is None else value
    averages = {
        f"ema-{rate:g}": {
            key: torch.full_like(weights, value * rate)
            for key, weights in network.state_dict().items()
        }
        for rate in spec.training.ema
    }
    checkpoint.seal(folder, step, averages, {"step": step})
