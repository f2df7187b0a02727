"""The pool of a teacher's trajectories: what it holds, and that it is whole or not there."""

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import h5py
import pytest
import torch
from torch import Tensor

from engine.contract.errors import UserError
from engine.contract.schema import with_value
from engine.contract.specs import RunSpec, read_spec
from engine.data.open import open_data
from engine.flow.clock import each
from engine.flow.randomness import Randomness
from engine.flow.solvers import euler, heun, rk4, trajectory
from engine.objectives.pool import Drawn
from engine.train import pool as pools
from engine.train.pool import FilePool, open_pool, size_to_come, times_of

CPU = torch.device("cpu")
STEP = {"euler": euler, "heun": heun, "rk4": rk4}


def points_spec(kind: str = "cmt", count: int = 20, **trajectories: Any) -> RunSpec:
    wanted = {"count": count, "steps": 4, **trajectories}
    method = {"kind": kind, "trajectories": wanted}
    return read_spec(
        {"data": {"name": "eight-gaussians"}, "method": method, "network": {"kind": "mlp"}}
    )


def pictures_spec(kind: str = "cmt", labels: bool = True, dropout: float = 0.25) -> RunSpec:
    method = {"kind": kind, "trajectories": {"count": 60, "steps": 3}}
    data = {"name": "emoji-16", "labels": labels, "label_dropout": dropout}
    return read_spec({"data": data, "method": method, "network": {"kind": "unet"}})


def swirl(x: Tensor, t: Tensor, label: Tensor | None = None) -> Tensor:
    """A velocity that differs from place to place and time to time."""
    return torch.sin(2 * x.flip(1)) + t.reshape(-1, *[1] * (x.ndim - 1)) * x


def opened(path: Path, spec: RunSpec, seed: int = 0, teacher: Any = swirl, **more: Any) -> FilePool:
    dataset = open_data(spec.data.name, path.parent)
    found = open_pool(path, spec, teacher, dataset, Randomness(seed), CPU, **more)
    assert isinstance(found, FilePool)
    return found


def everything(pool: FilePool, count: int) -> Drawn:
    """Each of `count` trajectories once, in the order of the file."""

    class InOrder(Randomness):
        def integers(self, name: str, high: int, shape: Any) -> Tensor:
            assert high == count
            return torch.arange(count)

    return pool.draw(count, InOrder(0))


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks of three points' trajectories of four steps."""
    monkeypatch.setattr(pools, "BLOCK", 4 * 5 * 2 * 3)


class TestWhatItHolds:
    @pytest.mark.parametrize("solver", ["euler", "heun", "rk4"])
    @pytest.mark.parametrize("spacing", ["karras", "even"])
    def test_the_trajectories_are_those_of_the_solver(
        self, tmp_path: Path, solver: str, spacing: str
    ) -> None:
        spec = points_spec(solver=solver, spacing=spacing)
        states, times, label = everything(opened(tmp_path / "pool.h5", spec), 20)
        wanted = times_of(spec.method.trajectories)  # type: ignore[union-attr]
        assert times.tolist() == pytest.approx(wanted)
        assert wanted[0] == 1.0
        assert wanted[-1] == 0.0
        assert label is None

        def field(x: Tensor, t: Any) -> Tensor:
            return swirl(x, each(t, x))

        direct = trajectory(field, states[0], wanted[:-1], STEP[solver])
        assert torch.equal(states[:-1], direct)
        # The last step asks for no velocity at t = 0.
        assert torch.equal(states[-1], euler(field, direct[-1], wanted[-2], 0.0))

    def test_it_begins_with_noise(self, tmp_path: Path) -> None:
        states = everything(opened(tmp_path / "pool.h5", points_spec(count=5000)), 5000).states
        assert states[0].mean().item() == pytest.approx(0, abs=0.03)
        assert states[0].std().item() == pytest.approx(1, abs=0.03)
        assert len(states[0].unique(dim=0)) == 5000

    def test_reflow_keeps_the_ends_alone(self, tmp_path: Path) -> None:
        whole = everything(opened(tmp_path / "a.h5", points_spec("cmt", 20)), 20)
        ends = everything(opened(tmp_path / "b.h5", points_spec("reflow", spacing="karras")), 20)
        assert ends.times.tolist() == [1.0, 0.0]
        assert torch.equal(ends.states, whole.states[[0, -1]])

    def test_float16_is_near_and_half_as_large(self, tmp_path: Path) -> None:
        wide = everything(opened(tmp_path / "a.h5", points_spec(count=2000)), 2000)
        spec = points_spec(count=2000, precision="float16")
        narrow = everything(opened(tmp_path / "b.h5", spec), 2000)
        assert narrow.states.dtype == torch.float32
        torch.testing.assert_close(narrow.states, wide.states, rtol=1e-3, atol=1e-3)
        sizes = [(tmp_path / name).stat().st_size for name in ("a.h5", "b.h5")]
        assert sizes[1] < 0.6 * sizes[0]

    def test_a_label_has_its_own_trajectory(self, tmp_path: Path) -> None:
        """A teacher whose velocity is its label: the file must keep which one it was asked for."""

        def teacher(x: Tensor, t: Tensor, label: Tensor | None) -> Tensor:
            assert label is not None
            return label.reshape(-1, 1, 1, 1).float().expand_as(x)

        pool = opened(tmp_path / "pool.h5", pictures_spec(), teacher=teacher)
        states, _, label = everything(pool, 60)
        assert states.shape == (4, 60, 3, 16, 16)
        assert label is not None
        torch.testing.assert_close((states[0] - states[-1])[:, 0, 0, 0], label.float())
        classes = len(open_data("emoji-16", tmp_path).info.labels)
        hidden = (label == classes).double().mean().item()
        assert 0.05 < hidden < 0.5
        assert 1 < len(label.unique()) <= classes + 1
        assert int(label.min()) >= 0

    def test_without_labels_nobody_is_told_one(self, tmp_path: Path) -> None:
        def teacher(x: Tensor, t: Tensor, label: Tensor | None) -> Tensor:
            assert label is None
            return x

        pool = opened(tmp_path / "pool.h5", pictures_spec(labels=False), teacher=teacher)
        assert everything(pool, 60).label is None


class TestDrawing:
    def test_each_is_as_likely_as_another(self, tmp_path: Path) -> None:
        pool = opened(tmp_path / "pool.h5", points_spec(count=4))
        all_noise = everything(pool, 4).states[0]
        drawn = pool.draw(8000, Randomness(3)).states[0]
        for noise in all_noise:
            share = (drawn == noise).all(1).double().mean().item()
            assert share == pytest.approx(0.25, abs=0.02)

    def test_draws_depend_on_their_stream_alone(self, tmp_path: Path) -> None:
        pool = opened(tmp_path / "pool.h5", points_spec())
        one, two = Randomness(3), Randomness(3)
        two.normal("noise", (5,))
        assert torch.equal(pool.draw(6, one).states, pool.draw(6, two).states)
        state = one.state()
        following = pool.draw(6, one).states
        one.load(state)
        assert torch.equal(pool.draw(6, one).states, following)

    def test_what_is_drawn_may_be_changed_and_the_file_may_not(self, tmp_path: Path) -> None:
        path = tmp_path / "pool.h5"
        pool = opened(path, points_spec())
        before = path.read_bytes()
        pool.draw(6, Randomness(0)).states.add_(1)
        assert path.read_bytes() == before


@pytest.mark.usefixtures("small_blocks")
class TestBuilding:
    def test_the_seed_decides(self, tmp_path: Path) -> None:
        for name, seed in (("a", 0), ("b", 0), ("c", 1)):
            opened(tmp_path / name, points_spec(), seed)
        a, b, c = (tmp_path.joinpath(name).read_bytes() for name in "abc")
        assert a == b
        assert a != c

    def test_no_block_is_another(self, tmp_path: Path) -> None:
        noise = everything(opened(tmp_path / "pool.h5", points_spec()), 20).states[0]
        assert len(noise.unique(dim=0)) == 20

    def test_a_sealed_one_needs_no_teacher(self, tmp_path: Path) -> None:
        first = everything(opened(tmp_path / "pool.h5", points_spec()), 20)

        def teacher(x: Tensor, t: Tensor, label: Tensor | None) -> Tensor:
            raise AssertionError

        again = everything(opened(tmp_path / "pool.h5", points_spec(), teacher=teacher), 20)
        assert torch.equal(first.states, again.states)

    def test_it_says_how_far_it_is(self, tmp_path: Path) -> None:
        said: list[tuple[int, int]] = []
        opened(tmp_path / "pool.h5", points_spec(), report=lambda *numbers: said.append(numbers))
        assert said == [(n, 20) for n in (3, 6, 9, 12, 15, 18, 20)]

    @pytest.mark.parametrize("after", [3, 12, 20])
    def test_an_interrupted_one_goes_on(self, tmp_path: Path, after: int) -> None:
        path, asked = tmp_path / "pool.h5", []

        def stop(done: int, total: int) -> None:
            if done >= after:
                raise KeyboardInterrupt

        def teacher(x: Tensor, t: Tensor, label: Tensor | None) -> Tensor:
            asked.append(len(x))
            return swirl(x, t)

        with pytest.raises(KeyboardInterrupt):
            opened(path, points_spec(solver="euler"), report=stop)
        assert not path.exists()
        opened(path, points_spec(solver="euler"), teacher=teacher)
        assert sum(asked) == 4 * (20 - after)
        assert os.listdir(tmp_path) == ["pool.h5"]
        opened(tmp_path / "whole.h5", points_spec(solver="euler"))
        assert path.read_bytes() == (tmp_path / "whole.h5").read_bytes()

    def test_a_killed_one_is_not_there_and_goes_on(self, tmp_path: Path) -> None:
        """By the signal that nothing can catch, in a process of its own."""
        path = tmp_path / "pool.h5"
        code = (
            "import os, signal, sys; from pathlib import Path\n"
            f"sys.path.insert(0, {str(Path(__file__).parent)!r})\n"
            "import test_train_pool as own; from engine.train import pool\n"
            f"pool.BLOCK = {pools.BLOCK}\n"
            "def report(done, total):\n"
            "    if done >= 12: os.kill(os.getpid(), signal.SIGKILL)\n"
            f"own.opened(Path({str(path)!r}), own.points_spec(solver='euler'), report=report)\n"
        )
        killed = subprocess.run([sys.executable, "-c", code], check=False)
        assert killed.returncode == -signal.SIGKILL
        assert not path.exists()
        asked: list[int] = []

        def teacher(x: Tensor, t: Tensor, label: Tensor | None) -> Tensor:
            asked.append(len(x))
            return swirl(x, t)

        opened(path, points_spec(solver="euler"), teacher=teacher)
        assert sum(asked) == 4 * (20 - 12)
        opened(tmp_path / "whole.h5", points_spec(solver="euler"))
        assert path.read_bytes() == (tmp_path / "whole.h5").read_bytes()

    @pytest.mark.parametrize("place", [0.1, 0.5, 0.97])
    def test_a_damaged_one_is_repaired(self, tmp_path: Path, place: float) -> None:
        """One byte of the states: only its block is made again."""
        path, asked = tmp_path / "pool.h5", []
        opened(path, points_spec(count=200, solver="euler"))
        before = path.read_bytes()
        held = everything(FilePool(path, CPU), 200).states.transpose(0, 1).contiguous()
        states = held.numpy().tobytes()
        where = before.index(states) + int(place * len(states))
        path.write_bytes(before[:where] + bytes([before[where] ^ 1]) + before[where + 1 :])

        def teacher(x: Tensor, t: Tensor, label: Tensor | None) -> Tensor:
            asked.append(len(x))
            return swirl(x, t)

        opened(path, points_spec(count=200, solver="euler"), teacher=teacher)
        assert path.read_bytes() == before
        assert sum(asked) == 4 * 3

    @pytest.mark.parametrize("rest", [b"", b"not at all", None])
    def test_what_is_no_pool_is_made_anew(self, tmp_path: Path, rest: bytes | None) -> None:
        opened(tmp_path / "whole.h5", points_spec())
        whole = (tmp_path / "whole.h5").read_bytes()
        for name in ("pool.h5", "pool.h5.part"):
            (tmp_path / name).write_bytes(whole[:600] if rest is None else rest)
        opened(tmp_path / "pool.h5", points_spec())
        assert (tmp_path / "pool.h5").read_bytes() == whole

    def test_a_pool_of_other_settings_is_made_anew(self, tmp_path: Path) -> None:
        path = tmp_path / "pool.h5"
        for spec in (points_spec(), points_spec(steps=5), points_spec("reflow")):
            pool = opened(path, spec)
            again = opened(tmp_path / "other.h5", spec)
            assert torch.equal(everything(pool, 20).states, everything(again, 20).states)
        assert everything(pool, 20).states.shape == (2, 20, 2)


class TestItsSize:
    @pytest.mark.parametrize("spec", [points_spec(count=400), pictures_spec("reflow")])
    def test_it_is_known_before(self, spec: RunSpec, tmp_path: Path) -> None:
        path, dataset = tmp_path / "pool.h5", open_data(spec.data.name, tmp_path)
        size = size_to_come(path, spec, dataset)
        opened(path, spec)
        rest = 16384  # what HDF5 and the checksums add
        assert size <= path.stat().st_size <= size + rest
        assert size_to_come(path, spec, dataset) == 0

    def test_one_under_way_has_its_space(self, tmp_path: Path) -> None:
        path, spec = tmp_path / "pool.h5", points_spec()
        (tmp_path / "pool.h5.part").touch()
        assert size_to_come(path, spec, open_data(spec.data.name, tmp_path)) == 0

    def test_other_methods_have_none(self, tmp_path: Path) -> None:
        spec = with_value(points_spec(), "method", "cd")
        assert size_to_come(tmp_path / "x", spec, open_data(spec.data.name, tmp_path)) == 0


class TestRefusals:
    def test_a_full_disk_is_told_before_it_is_filled(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        usage = type("Usage", (), {"free": 1000})
        monkeypatch.setattr("engine.train.pool.shutil.disk_usage", lambda path: usage)
        with pytest.raises(UserError, match=r"1 MB; free some space or lower method\.traj"):
            opened(tmp_path / "pool.h5", points_spec())
        assert os.listdir(tmp_path) == []

    def test_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match="trajectories in"):
            open_pool(
                tmp_path / "none" / "pool.h5",
                points_spec(),
                swirl,
                open_data("eight-gaussians", tmp_path),
                Randomness(0),
                CPU,
            )

    def test_a_teacher_that_runs_away(self, tmp_path: Path) -> None:
        with pytest.raises(UserError, match="not finite"):
            opened(tmp_path / "pool.h5", points_spec(), teacher=lambda x, t, label: x / 0)
        assert not (tmp_path / "pool.h5").exists()


def test_a_file_that_points_elsewhere_is_no_pool(tmp_path: Path) -> None:
    """As one may that came with a run of somebody else: the trajectories are made anew."""
    path, spec = tmp_path / "trajectories.h5", points_spec()
    first = everything(opened(path, spec), 20)
    other = tmp_path / "other.h5"
    shutil.copyfile(path, other)
    with h5py.File(path, "r+") as file:
        del file["times"]
        file["times"] = h5py.ExternalLink(str(other), "times")
    made = []
    pool = opened(path, spec, report=lambda done, total: made.append(done))
    assert made
    assert torch.equal(everything(pool, 20).states, first.states)
    with h5py.File(path, "r") as file:
        assert isinstance(file.get("times", getlink=True), h5py.HardLink)
