"""A training step opened: real terms of a real batch, as the method's own objective tells them."""

from pathlib import Path

import pytest
import torch
from explore_support import exact_model, picture_model
from msgspec.structs import replace

from engine.contract import specs
from engine.contract.arrays import unpack
from engine.contract.catalogue import METHODS, presets
from engine.contract.errors import UserError
from engine.contract.messages import OpenStep, StepOpened
from engine.contract.schema import fields, with_value
from engine.contract.specs import MLP, RunSpec, teacher_of, teacher_steps
from engine.data.open import open_data
from engine.explore.answers import Answers
from engine.explore.models import Place, load_model, resolve
from engine.explore.opened_step import open_step
from engine.networks.build import network_of
from engine.runs.checkpoint import seal
from engine.runs.folder import RunFolder
from engine.train.trainer import Row, Trainer

pytestmark = pytest.mark.filterwarnings("ignore:.torch.jit.script. is deprecated")

NAMES = [m.name for m in METHODS]
STEPS, TAUGHT = 6, 3


def small(name: str) -> RunSpec:
    spec = presets()[f"points-{name}"].spec
    training = replace(spec.training, steps=STEPS, batch=8, warmup=1)
    spec = replace(spec, network=MLP(width=16, depth=1), training=training)
    values = {
        "method.teacher.source": "",
        "method.teacher.steps": TAUGHT,
        "method.trajectories.count": 16,
        "method.trajectories.steps": 4,
        "method.max_solver_steps": 2,
    }
    known = {f.key for f in fields(spec)}
    for key, value in values.items():
        spec = with_value(spec, key, value) if key in known else spec
    return spec


def trained(workspace: Path, name: str, steps: tuple[int, ...] = (TAUGHT + STEPS - 1,)) -> str:
    """A run of a method with a sealed checkpoint at each of these steps."""
    spec = small(name)
    folder = RunFolder(workspace / "runs" / name)
    folder.create(spec)
    data = open_data(spec.data.name, workspace)
    pool = workspace / "trajectories.h5"
    trainer = Trainer(spec, data, torch.device("cpu"), 1, None, pool)
    for event in trainer.run():
        if isinstance(event, Row) and event.step in steps:
            seal(folder, event.step, trainer.tensors(), trainer.state())
    return name


@pytest.mark.parametrize("name", NAMES)
def test_every_method_opens_from_its_run_with_all_that_it_learns_from(
    name: str, tmp_path: Path
) -> None:
    step = teacher_steps(small(name)) + STEPS
    run = trained(tmp_path, name, (step,))
    loaded, place = load_model(run, tmp_path), resolve(run, tmp_path)
    found = open_step(loaded, place, 3)
    assert found.method == {"cmt": "ecm"}.get(name, name)
    assert [note for note in found.notes if "discriminator" not in note] == []
    terms = found.terms
    rows = len(terms["t"])
    assert rows == 8
    always = ("data", "noise", "x_t", "answer", "target")
    assert all(terms[key].shape == (rows, 2) for key in always)
    assert all(terms[key].isfinite().all() for key in (*always, "t", "s", "distance", "loss"))
    assert terms["loss"].mean().item() == pytest.approx(found.loss, rel=1e-4, abs=1e-6)
    again, other = open_step(loaded, place, 3), open_step(loaded, place, 4)
    assert all(torch.equal(x.nan_to_num(), terms[k].nan_to_num()) for k, x in again.terms.items())
    assert not torch.equal(other.terms["noise"], terms["noise"])


def test_a_term_of_some_rows_is_nan_on_the_others(tmp_path: Path) -> None:
    run = trained(tmp_path, "meanflow", (STEPS,))
    terms = open_step(load_model(run, tmp_path), resolve(run, tmp_path), 0).terms
    jumps = terms["s"] < terms["t"]
    assert 0 < jumps.sum() < 8
    assert terms["du"][jumps].isfinite().all()
    assert terms["du"][~jumps].isnan().all()
    way = (terms["t"] - terms["s"])[:, None]
    wanted = terms["v"] - way * terms["du"]
    torch.testing.assert_close(terms["target"][jumps], wanted[jumps])
    assert torch.equal(terms["target"][~jumps], terms["v"][~jumps])


def test_in_the_teachers_phase_it_is_flow_matching(tmp_path: Path) -> None:
    run = trained(tmp_path, "cd", (TAUGHT, TAUGHT + 2))
    early = open_step(
        load_model(f"{run}@{TAUGHT}", tmp_path), resolve(f"{run}@{TAUGHT}", tmp_path), 0
    )
    assert early.method == "fm"
    terms = early.terms
    torch.testing.assert_close(terms["target"], terms["noise"] - terms["data"])
    assert open_step(load_model(run, tmp_path), resolve(run, tmp_path), 0).method == "cd"


def test_the_teacher_of_a_step_is_the_one_that_the_run_trained(tmp_path: Path) -> None:
    """One Euler step of it leads from x_t to x_s."""
    step = TAUGHT + STEPS
    run = trained(tmp_path, "cd", (TAUGHT, step))
    loaded, place = load_model(run, tmp_path), resolve(run, tmp_path)
    loaded.spec = with_value(loaded.spec, "method.solver", "euler")
    terms = open_step(loaded, place, 0).terms
    teacher = load_model(f"{run}@{TAUGHT}", tmp_path).network
    v = teacher(terms["x_t"], terms["t"], terms["t"], None)
    wanted = terms["x_t"] + (terms["s"] - terms["t"])[:, None] * v
    torch.testing.assert_close(terms["x_s"], wanted)


def test_ctm_weighs_its_losses_as_the_training_does(tmp_path: Path) -> None:
    """By gradients of the last layer, which the weights in hand would not have."""
    run = trained(tmp_path, "ctm", (TAUGHT + STEPS,))
    loaded, place = load_model(run, tmp_path), resolve(run, tmp_path)
    terms = open_step(loaded, place, 0).terms
    edm = terms["t_v"].square() + (1 - terms["t_v"]).square()
    share = terms["weight_v"] / edm
    assert share.std() < 1e-4 * share.mean()
    assert share.mean() != pytest.approx(1.0, abs=1e-6)
    assert not any(weight.requires_grad for weight in loaded.network.parameters())


@pytest.mark.parametrize("name", [n for n in NAMES if teacher_of(small(n)) is not None])
def test_a_file_without_its_teacher_takes_the_exact_flow_and_says_so(name: str) -> None:
    loaded, loaded.spec = exact_model(Path("/nowhere")), small(name)
    loaded.network = network_of(loaded.spec, (2,)).requires_grad_(False)
    loaded.info = replace(loaded.info, step=TAUGHT + STEPS)
    found = open_step(loaded, Place(Path("/x.safetensors"), False), 0)
    assert any("the exact flow of the data teaches" in note for note in found.notes)
    assert found.method == {"cmt": "ecm"}.get(name, name)


def test_pictures_without_a_teacher_say_what_to_open() -> None:
    loaded = picture_model(Path("/nowhere"), of=specs.CD())
    with pytest.raises(UserError, match="does not hold its teacher; open a run"):
        open_step(loaded, Place(Path("/x.safetensors"), False), 0)


def test_pictures_are_opened_as_pictures() -> None:
    loaded = picture_model(Path("/nowhere"))
    terms = open_step(loaded, Place(Path("/x.safetensors"), False), 0, 4).terms
    assert terms["du"].shape == terms["x_t"].shape == (4, 3, 16, 16)
    assert terms["loss"].shape == (4,)


def test_what_is_asked_for_is_bounded() -> None:
    loaded = picture_model(Path("/nowhere"))
    for count in (0, 65):
        with pytest.raises(UserError, match="on 1 to 64 samples"):
            open_step(loaded, Place(Path("/x.safetensors"), False), 0, count)


def test_the_worker_answers_with_named_arrays(tmp_path: Path) -> None:
    run = trained(tmp_path, "meanflow", (STEPS,))
    answers = Answers(lambda: True)
    answers.workspace = tmp_path
    answer, payload = answers.answer(OpenStep(5, run, 2, 6))
    assert isinstance(answer, StepOpened)
    assert (answer.id, answer.method, answer.step, answer.notes) == (5, "meanflow", STEPS, ())
    found = unpack(answer.arrays, payload)
    assert found["x_t"].shape == (6, 2)
    assert found["loss"].mean() == pytest.approx(answer.loss, rel=1e-4)
