"""What a teacher that is trained first takes from its student's training, and what it does not."""

from itertools import pairwise
from pathlib import Path

import torch
from msgspec.structs import replace

from engine.contract.journal import Columns
from engine.contract.schema import with_value
from engine.contract.specs import MLP, PD, Data, RunSpec, Teacher, Training, UNet
from engine.data.open import open_data
from engine.networks.build import build_network
from engine.train.teacher import network_teacher, start_from
from engine.train.trainer import Row, Trainer

SPEC = RunSpec(
    Data("two-moons"),
    PD(first_steps=8, last_steps=1, teacher=Teacher(steps=12)),
    MLP(width=8, depth=1),
    training=Training(steps=12, batch=4, warmup=0, schedule="linear", cycles=3),
)


def trainer_of(spec: RunSpec, folder: Path) -> Trainer:
    return Trainer(spec, open_data(spec.data.name, folder), torch.device("cpu"), 1)


def test_cycles_are_the_students_alone(tmp_path: Path) -> None:
    rates, where = [], 0
    for event in trainer_of(SPEC, tmp_path).run():
        if isinstance(event, Columns):
            where = event.names.index("learning_rate")
        elif isinstance(event, Row):
            rates.append(event.values[where])
    rises = [step for step, (one, other) in enumerate(pairwise(rates), 1) if other > one]
    assert rises == [12, 16, 20]


def test_a_teacher_hands_its_weights_to_a_student_that_drops_more_or_less() -> None:
    network = UNet(channels=8, multipliers=(1.0,), blocks=1, attention=())
    spec = replace(SPEC, network=network)
    dropping = with_value(spec, "network.dropout", 0.3)
    student, teacher = (build_network(network, (3, 8, 8)) for _ in range(2))
    assert start_from(student, dropping, network_teacher(teacher, spec))
    for one, other in zip(student.parameters(), teacher.parameters(), strict=True):
        assert torch.equal(one, other)
    wider = with_value(spec, "network.blocks", 2)
    assert not start_from(student, wider, network_teacher(teacher, spec))
