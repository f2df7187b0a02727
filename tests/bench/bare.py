"""`python -m tests.bench.bare PRESET STEPS THREADS`: the loop without a studio; seconds a step.

Objective, backward, clip, Adam and the averages, on the same network and data: what a script would
do, without a journal, a preview, a heartbeat or a window.
"""

import os
import sys
import time
from pathlib import Path

import torch

from engine.contract.catalogue import presets
from engine.data.open import open_data
from engine.flow.randomness import Randomness
from engine.networks.build import network_of
from engine.objectives.base import alone
from engine.objectives.registry import build_objective
from engine.train.precision import autocast, laid_out


def main() -> None:
    preset, steps, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    torch.set_num_threads(threads)
    os.nice(10)
    spec = presets()[preset].spec
    dataset = open_data(spec.data.name, Path())
    classes = len(dataset.info.labels) if spec.data.labels else 0
    device = torch.device("cpu")
    network = network_of(spec, dataset.info.shape, classes)
    network = laid_out(network, spec.network, device)
    weights = list(network.parameters())
    averages = [[w.detach().clone() for w in weights] for _ in spec.training.ema]
    objective, randomness = build_objective(spec.method, dataset.info.shape), Randomness(0)
    optimiser = torch.optim.AdamW(weights, lr=1e-4, weight_decay=0, fused=True)
    began = time.perf_counter()
    for step in range(steps + 3):
        if step == 3:
            began = time.perf_counter()
        batch = dataset.draw(spec.training.batch, randomness)
        optimiser.zero_grad()
        with autocast(device, spec.training.precision):
            loss = objective(alone(network), batch, randomness, 0.0).loss
        loss.backward()
        torch.nn.utils.clip_grad_norm_(weights, spec.training.clip)
        optimiser.step()
        with torch.no_grad():
            for average in averages:
                torch._foreach_lerp_(average, weights, 0.001)
    print((time.perf_counter() - began) / steps)


if __name__ == "__main__":
    main()
