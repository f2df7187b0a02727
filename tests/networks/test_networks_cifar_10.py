"""The CIFAR-10 presets: one for each method, each a run that could start, with its source."""

import math
import re

import pytest
import torch
from msgspec.structs import replace

from engine.contract import specs
from engine.contract.assets import asset
from engine.contract.catalogue import METHODS, DataSet, data_problems, presets
from engine.contract.specs import RunSpec, problems, teacher_of
from engine.networks.build import build_network
from engine.train.teacher import network_teacher, start_from

NAMES = [m.name for m in METHODS]
LABELS = tuple(f"class {k}" for k in range(10))
KNOWN = presets()  # reading them all takes a while
DATA = DataSet("cifar-10", "CIFAR-10", "images", (3, 32, 32), 50_000, LABELS)
OTHERS = ("pd", "reflow")  # their papers have networks of their own


def spec_of(name: str) -> RunSpec:
    return KNOWN[f"cifar-10-{name}"].spec


def built(spec: RunSpec) -> torch.nn.Module:
    """The network of a spec, without memory for its weights."""
    classes = len(LABELS) if spec.data.labels else 0
    with torch.device("meta"):
        return build_network(spec.network, DATA.shape, classes, spec.parameterisation)


def half_life(rate: float, batch: int) -> float:
    """Pictures after which an average has forgotten half."""
    return batch * math.log(0.5) / math.log(rate)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("family", ["points", "emoji-16", "cifar-10"])
def test_every_method_has_a_preset_of_every_family(family, name) -> None:
    assert KNOWN[f"{family}-{name}"].spec.method.__struct_config__.tag == name


@pytest.mark.parametrize("name", NAMES)
def test_a_run_of_it_could_start_on_cifar_10(name) -> None:
    spec = spec_of(name)
    assert spec.data.name == DATA.name
    assert problems(spec, DATA.kind) == []
    assert data_problems(spec, DATA) == []
    assert spec.training.weight_decay == 0 or spec.training.optimiser == "adamw"


@pytest.mark.parametrize("name", NAMES)
def test_it_says_where_it_is_from_what_differs_and_that_it_was_not_run(name) -> None:
    found = KNOWN[f"cifar-10-{name}"]
    text = (asset("presets") / f"cifar-10-{name}.toml").read_text("utf-8")
    source, _, differs = text.partition("# Differs: ")
    assert found.title.startswith("CIFAR-10 · ")
    assert found.summary.endswith("not run here.")
    assert "# Source: " in source
    assert re.search(r"\d{4}\.\d{5}", source)
    assert differs


@pytest.mark.parametrize("name", [n for n in NAMES if n not in OTHERS])
def test_its_network_has_about_the_size_of_ddpm_plus_plus(name) -> None:
    """55.7 million weights (locuslab/ect), which EDM and its heirs share.

    Ours has some more, as its blocks also scale by the time and attend more often.
    """
    weights = sum(p.numel() for p in built(spec_of(name)).parameters())
    assert weights == pytest.approx(55.7e6, rel=0.05)


@pytest.mark.parametrize("name", OTHERS)
def test_networks_of_their_own_can_be_built(name) -> None:
    spec = spec_of(name)
    assert isinstance(spec.network, specs.UNet)
    assert spec.network != spec_of("edm").network
    assert all(p.is_meta for p in built(spec).parameters())


@pytest.mark.parametrize("name", ["cd", "scd", "cmt", "ctm"])
def test_a_run_of_edm_can_hand_its_weights_on(name) -> None:
    spec, edm = spec_of(name), spec_of("edm")
    assert isinstance(edm.parameterisation, specs.Preconditioned)
    assert isinstance(spec.parameterisation, specs.Preconditioned)
    same_clock = replace(edm.parameterisation, clock=spec.parameterisation.clock)
    edm = replace(edm, parameterisation=same_clock)
    wanted = teacher_of(spec)
    assert wanted is not None
    assert isinstance(edm.method, specs.EDM)
    assert wanted.times == edm.method.times
    assert wanted.steps == edm.training.steps
    assert start_from(built(spec), spec, network_teacher(built(edm), edm))


@pytest.mark.parametrize(
    ("name", "millions"),
    [("edm", 200), ("ecm", 25.6), ("cmt", 38.4 + 12.8), ("psd", 204.8), ("lsd", 204.8)],
)
def test_it_sees_as_many_pictures_as_its_source_says(name, millions) -> None:
    training = spec_of(name).training
    assert training.steps * training.batch == pytest.approx(millions * 1e6, rel=1e-4)


@pytest.mark.parametrize("name", ["edm", "sct", "scd"])
def test_averages_given_as_half_lives_have_them(name) -> None:
    training = spec_of(name).training
    assert half_life(training.ema[-1], training.batch) == pytest.approx(500_000, rel=1e-2)


def test_what_is_given_in_updates_falls_on_them() -> None:
    pd, ctm, cmt, edm = (spec_of(name) for name in ("pd", "ctm", "cmt", "edm"))
    assert isinstance(pd.method, specs.PD)
    assert pd.method.first_steps == pd.method.last_steps * 2**pd.training.cycles
    assert pd.training.steps == 50_000 * pd.training.cycles
    assert isinstance(ctm.method, specs.CTM)
    assert ctm.method.gan_from * ctm.training.steps == 50_000
    assert isinstance(cmt.method, specs.CMT)
    assert cmt.method.mid_share * cmt.training.steps == 300_000
    assert edm.training.warmup * edm.training.batch == pytest.approx(10e6, rel=1e-4)
    for spec in map(spec_of, ("sct", "scd")):
        assert isinstance(spec.method, specs.ContinuousConsistency | specs.ContinuousDistillation)
        assert spec.method.warm_up * spec.training.steps == 10_000
