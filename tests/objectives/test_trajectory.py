"""CTM: what it asks of whom, where its gradients flow and where they must not."""

import copy
from collections.abc import Callable

import pytest
import torch
from gaussian_flow import LinearFlow, gaussian_batch
from torch import Tensor, nn

from engine.contract import specs
from engine.data.batch import Batch
from engine.flow.randomness import Randomness
from engine.networks.build import build_network
from engine.networks.discriminator import Discriminator
from engine.objectives.base import Loss, Models, squared_error
from engine.objectives.consistency import between
from engine.objectives.registry import build_objective
from engine.objectives.trajectory import Places, Trajectory

PLAIN = {"balance_dm": False, "balance_gan": False}
GAN = {"lambda_gan": 1.0}


class Constant(nn.Module):
    """u = k x, with one weight."""

    def __init__(self, k: float) -> None:
        super().__init__()
        self.output_weight = nn.Parameter(torch.tensor([k], dtype=torch.float64))

    def forward(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None = None) -> Tensor:
        return self.output_weight * x


def teacher(x: Tensor, t: Tensor, label: Tensor | None) -> Tensor:
    return LinearFlow.exact()(x, t, t).detach()


def built(**fields: object) -> Trajectory:
    """With the same first weights of a discriminator each time."""
    torch.manual_seed(0)
    return Trajectory(specs.CTM(**fields), (1,)).double()  # type: ignore[arg-type]


def found(
    objective: Trajectory, student: nn.Module, target: nn.Module | None = None, seed: int = 0
) -> Loss:
    models = Models(student, target or copy.deepcopy(student), teacher)
    return objective(models, gaussian_batch(64), Randomness(seed), 1.0)


def gradient(loss: Tensor, network: nn.Module) -> Tensor:
    parts = torch.autograd.grad(loss, list(network.parameters()), retain_graph=True)
    return torch.cat([part.flatten() for part in parts])


class TestPlaces:
    COUNT = 20_000

    @pytest.mark.parametrize(("law", "most"), [("weighted", 6), ("uniform", 6), ("uniform", 999)])
    def test_steps_follow_their_law(self, law: str, most: int) -> None:
        objective = built(points=8, max_solver_steps=most, solver_law=law)
        start, left, _, rows = objective.places(self.COUNT, Randomness(0))
        steps, most = left - start, min(most, 7)
        assert rows == [int((steps > k).sum()) for k in range(most)]
        assert (steps.diff() <= 0).all()
        weights = torch.arange(1.0, most + 1) if law == "weighted" else torch.ones(most)
        shares = torch.bincount(steps, minlength=most + 1)[1:] / self.COUNT
        torch.testing.assert_close(shares, weights / weights.sum(), rtol=0, atol=1e-4)

    def test_places_are_in_order_and_even(self) -> None:
        start, left, goal, _ = built(points=8, max_solver_steps=2).places(self.COUNT, Randomness(0))
        twice = left - start == 2
        assert set(start[twice].tolist()) == set(range(6))
        assert set(start[~twice].tolist()) == set(range(7))
        assert torch.bincount(start[twice]).min() > 0.9 * twice.sum() / 6
        for place in range(2, 8):
            goals = torch.bincount(goal[left == place], minlength=9)
            assert goals[:place].sum() == 0
            assert goals[place:].min() > 0.8 * goals.sum() / (9 - place)

    def test_a_few_samples_take_some_step(self) -> None:
        for count in range(1, 9):
            places = built(points=18).places(count, Randomness(0))
            assert places.rows[0] == count
            assert (places.left > places.start).all()


class TestDenoising:
    def test_half_of_the_times_are_log_normal_and_half_on_the_grid(self) -> None:
        t = built().denoising_times(20_000, Randomness(0)).double()
        logits = t[:10_000].logit()
        assert logits.mean().item() == pytest.approx(-1.2, abs=0.05)
        assert logits.std().item() == pytest.approx(1.2, abs=0.05)
        high, low = 80 ** (1 / 7), 0.002 ** (1 / 7)
        place = (high - (t[10_000:] / (1 - t[10_000:])) ** (1 / 7)) / (high - low)
        assert place.min() > -1e-4
        assert place.max() < 0.7 + 1e-4
        assert place.mean().item() == pytest.approx(0.35, abs=0.01)

    def test_it_is_the_papers_weighted_denoising_loss(self) -> None:
        """(sigma^2 + sd^2) / (sigma sd)^2 |D - data|^2, here with the error of the velocity."""
        objective, network, sd = built(lambda_dm=1.0, **PLAIN), LinearFlow(0.3, 0.2), 0.5
        batch, models = gaussian_batch(64), Models(network, network, teacher)
        velocity_error, t = objective.denoised(models, batch, Randomness(0))
        randomness = Randomness(0)
        noise = randomness.normal("denoising noise", (64, 1)).double()
        assert torch.equal(objective.denoising_times(64, randomness).double(), t)
        sigma, x_t = t / (1 - t), between(batch.data, noise, t)
        denoised = x_t - t[:, None] * network(x_t, t, t)
        weight = (sigma**2 + sd**2) / (sigma * sd) ** 2
        expected = weight * squared_error(denoised, batch.data)
        torch.testing.assert_close(objective.edm.weight(t) * velocity_error, expected)

    def test_the_losses_are_added_by_their_weights(self) -> None:
        network = LinearFlow(0.3, 0.2)
        none, one, three = (
            found(built(lambda_dm=weight, **PLAIN), network).loss for weight in (0.0, 1.0, 3.0)
        )
        torch.testing.assert_close(three - none, 3 * (one - none))
        assert one > none


class TestGradient:
    """Of the jumps alone."""

    def test_through_the_frozen_jump_it_is_the_analytic_one(self) -> None:
        """For u = k x, and K x for the target, the error is the square of (1 - s K) times
        (1 + (s - t) k) x_t - (1 + (s - u) k) x_u, in which the second k is held."""
        student, target, objective = Constant(0.4), Constant(0.7), built(lambda_dm=0.0, **PLAIN)
        batch, models = gaussian_batch(64), Models(student, target, teacher)
        slope = gradient(found(objective, student, target).loss, student)
        randomness = Randomness(0)
        places = objective.places(64, randomness)
        t, u, s = (objective.grid[place][:, None] for place in places[:3])
        x_t = between(batch.data, randomness.normal("noise", (64, 1)).double(), t[:, 0])
        x_u = objective.led(models.teacher or teacher, x_t, places, None)
        apart = (1 + (s - t) * 0.4) * x_t - (1 + (s - u) * 0.4) * x_u
        outer = 1 - s * 0.7
        expected = (2 * outer**2 * apart * (s - t) * x_t).mean(0)
        torch.testing.assert_close(slope, expected)
        without = (2 * outer * apart * (s - t) * x_t).mean(0)
        assert (slope - without).abs() > 0.01 * slope.abs()

    def test_no_weight_of_the_target_is_reached(self) -> None:
        student, target = LinearFlow(0.3, 0.2), LinearFlow(0.2, 0.4)
        found(built(lambda_gan=1.0), student, target).loss.backward()
        assert target.weights.grad is None
        assert student.weights.grad is not None

    def test_a_student_that_is_its_own_target_has_the_same_gradient(self) -> None:
        student, objective = LinearFlow(0.3, 0.2), built(lambda_dm=0.0, **PLAIN)
        apart = gradient(found(objective, student, copy.deepcopy(student)).loss, student)
        torch.testing.assert_close(
            gradient(found(objective, student, student).loss, student), apart
        )
        assert apart.abs().min() > 0

    def test_without_gradients_the_loss_is_the_same(self) -> None:
        student, objective = LinearFlow(0.3, 0.2), built(**PLAIN)
        with torch.no_grad():
            silent = found(objective, student).loss
        assert not silent.requires_grad
        torch.testing.assert_close(silent, found(objective, student).loss.detach())


class TestDiscriminator:
    def test_with_weight_zero_there_is_none(self) -> None:
        objective = built()
        assert objective.discriminator is None
        assert not list(objective.parameters())
        assert found(objective, LinearFlow(0.3, 0.2)).adversary is None

    def test_it_sets_in_at_its_share_of_the_training(self) -> None:
        objective, network = built(lambda_gan=1.0, gan_from=0.25), LinearFlow(0.3, 0.2)
        models = Models(network, network, teacher)
        for progress, plays in ((0.0, False), (0.24, False), (0.25, True), (1.0, True)):
            loss = objective(models, gaussian_batch(16), Randomness(0), progress)
            assert (loss.adversary is not None) is plays
            assert ({"lambda_gan", "logit_real", "logit_fake"} <= set(loss.parts)) is plays

    def test_its_own_loss_reaches_it_alone(self) -> None:
        objective, student, target = built(lambda_gan=1.0), LinearFlow(0.3, 0.2), LinearFlow(0, 1)
        adversary = found(objective, student, target).adversary
        assert adversary is not None
        adversary.backward()
        assert student.weights.grad is None
        assert target.weights.grad is None
        assert objective.discriminator is not None
        slopes = [p.grad for p in objective.discriminator.parameters()]
        assert all(slope is not None for slope in slopes)
        assert any(slope.abs().max() > 0 for slope in slopes if slope is not None)

    def test_the_students_loss_leaves_no_trace_in_it(self) -> None:
        objective, student = built(lambda_gan=1.0), LinearFlow(0.3, 0.2)
        assert objective.discriminator is not None
        slopes = []
        for student_first in (False, True):
            fresh = copy.deepcopy(objective)
            loss = found(fresh, student)
            assert loss.adversary is not None
            assert fresh.discriminator is not None
            if student_first:
                loss.loss.backward(retain_graph=True)
                assert all(p.grad is None for p in fresh.discriminator.parameters())
            slopes.append(gradient(loss.adversary, fresh.discriminator))
            assert all(p.requires_grad for p in fresh.discriminator.parameters())
        assert torch.equal(*slopes)

    def test_the_student_climbs_the_logit(self) -> None:
        """What lambda_gan adds to the gradient is that of minus the mean logit of the ends."""
        objective = built(lambda_dm=0.0, lambda_gan=1.0, **PLAIN).eval()
        student, target = LinearFlow(0.3, 0.2), LinearFlow(0.2, 0.4)
        total = gradient(found(objective, student, target).loss, student)
        alone = gradient(found(built(lambda_dm=0.0, **PLAIN), student, target).loss, student)
        batch, randomness = gaussian_batch(64), Randomness(0)
        t, _, s = (objective.grid.double()[p] for p in objective.places(64, randomness)[:3])
        x_t = between(batch.data, randomness.normal("noise", (64, 1)).double(), t)
        x_s = x_t + (s - t)[:, None] * student(x_t, t, s)
        ends = x_s - s[:, None] * target(x_s, s, torch.zeros_like(s))
        assert objective.discriminator is not None
        expected = gradient(-objective.discriminator(ends).mean(), student)
        torch.testing.assert_close(total - alone, expected)
        assert expected.abs().max() > 1e-3


class Seen(nn.Module):
    """In the place of a discriminator: notes what it is shown, and likes what is bright."""

    def __init__(self) -> None:
        super().__init__()
        self.shown: list[tuple[Tensor, Tensor | None]] = []

    def forward(self, x: Tensor, label: Tensor | None = None) -> Tensor:
        self.shown.append((x, label))
        return x.flatten(1).mean(1)


class TestWhatIsJudged:
    def shown(self, shape: tuple[int, ...], **fields: object) -> list[tuple[Tensor, Tensor | None]]:
        """Data, the ends of jumps, and these once more: the same picture everywhere."""
        torch.manual_seed(0)
        spec = specs.CTM(lambda_gan=1.0, gan_from=0.0, **PLAIN, **fields)  # type: ignore[arg-type]
        objective = Trajectory(spec, shape, 3)
        objective.discriminator = seen = Seen()
        batch = Batch(torch.ones(8, *shape), torch.arange(8) % 4)
        still = Constant(0.0).float()
        models = Models(still, still, lambda x, t, label: torch.zeros_like(x))
        objective(models, batch, Randomness(0), 1.0)
        return seen.shown

    def test_all_are_shown_alike_and_with_their_class(self) -> None:
        data, made, again = self.shown((3, 8, 8))
        assert all(
            label is not None and torch.equal(label, torch.arange(8) % 4)
            for _, label in (data, made, again)
        )
        assert (data[0] == 0).any()
        assert torch.equal(data[0] == 0, made[0] == 0)
        assert torch.equal(made[0], again[0])

    def test_points_are_shown_as_they_are(self) -> None:
        assert torch.equal(self.shown((2,))[0][0], torch.ones(8, 2))

    @pytest.mark.parametrize(("knows", "classes"), [(True, 3), (False, 0)])
    def test_it_knows_the_classes_if_it_is_to(self, knows: bool, classes: int) -> None:
        spec = specs.CTM(lambda_gan=1.0, gan_labels=knows)
        found = build_objective(spec, (3, 8, 8), 3).discriminator
        assert isinstance(found, Discriminator)
        assert found.classes == classes


class TestWeights:
    def test_they_are_the_ratios_of_the_gradients_at_the_last_layer(self) -> None:
        student, fields = LinearFlow(0.3, 0.2), {"lambda_dm": 0.5, "lambda_gan": 2.0}
        loss = found(built(**fields), student)
        jumps, denoising, deceiving = self.terms(student)
        parts = loss.parts
        dm, gan = (parts[name].item() for name in ("lambda_dm", "lambda_gan"))
        lengths = [gradient(term, student).norm().item() for term in (jumps, denoising, deceiving)]
        assert dm == pytest.approx(0.5 * lengths[0] / (lengths[1] + 1e-4))
        assert gan == pytest.approx(2 * min(10, max(0.01, lengths[0] / (lengths[2] + 1e-4))))
        expected = jumps + dm * denoising + gan * deceiving
        torch.testing.assert_close(loss.loss, expected)
        # Held: the gradient is that of the sum with the weights as numbers.
        torch.testing.assert_close(gradient(loss.loss, student), gradient(expected, student))

    def terms(self, student: nn.Module) -> tuple[Tensor, Tensor, Tensor]:
        """The three losses, from runs that have one or two of them."""
        jumps = found(built(lambda_dm=0.0, **PLAIN), student).loss
        denoising = found(built(lambda_dm=1.0, **PLAIN), student).loss - jumps
        deceiving = found(built(lambda_dm=0.0, lambda_gan=1.0, **PLAIN), student).loss - jumps
        return jumps, denoising, deceiving

    def test_they_can_be_constant(self) -> None:
        parts = found(built(lambda_dm=0.5, lambda_gan=2.0, **PLAIN), LinearFlow(0.3, 0.2)).parts
        assert parts["lambda_dm"].tolist() == [0.5]
        assert parts["lambda_gan"].tolist() == [2.0]

    def test_denoising_never_weakens_for_a_student_that_agrees_with_itself_alone(self) -> None:
        """Far from the data, but each jump is the way that its own velocity goes."""
        student = LinearFlow.exact()
        agreeing = found(built(points=40, max_solver_steps=1, self_taught=True), student)
        taught = found(built(points=40, max_solver_steps=1), student)
        assert agreeing.parts["lambda_dm"].item() == 1
        assert taught.parts["lambda_dm"].item() < 0.1


class TestHalves:
    """The gradient of a batch is the mean of those of its halves, but for what is balanced."""

    def loss(self, rows: list[int], monkeypatch: pytest.MonkeyPatch, **fields: object) -> Loss:
        """Of these rows of always the same eight; the discriminator's norms are at rest."""
        objective = built(points=9, **fields).eval()
        drawn = objective.places(8, Randomness(0))
        start, left, goal = (place[rows] for place in drawn[:3])
        taken = [int((left - start > k).sum()) for k in range(len(drawn.rows))]
        places = Places(start, left, goal, [count for count in taken if count])
        t = objective.denoising_times(8, Randomness(0))[rows]
        monkeypatch.setattr(objective, "places", lambda *_: places)
        monkeypatch.setattr(objective, "denoising_times", lambda *_: t)
        randomness = Randomness(0)
        noise = {kind: randomness.normal(kind, (8, 1)) for kind in ("noise", "denoising noise")}
        monkeypatch.setattr(randomness, "normal", lambda kind, _: noise[kind][rows])
        models = Models(self.student, LinearFlow(0.2, 0.4), teacher)
        self.foe = objective.discriminator
        return objective(models, Batch(gaussian_batch(8).data[rows], None), randomness, 1.0)

    def gradients(self, *args: object, **fields: object) -> list[Tensor]:
        """Of the student, and of the discriminator where there is one."""
        self.student = LinearFlow(0.3, 0.2)
        loss = self.loss(*args, **fields)  # type: ignore[arg-type]
        found = [gradient(loss.loss, self.student)]
        if loss.adversary is not None and self.foe is not None:
            found.append(gradient(loss.adversary, self.foe))
        return found

    def both(self, monkeypatch: pytest.MonkeyPatch, **fields: object) -> list[Tensor]:
        """The mean of the halves' gradients."""
        halves = [self.gradients([*range(k, 8, 2)], monkeypatch, **fields) for k in (0, 1)]
        return [(first + second) / 2 for first, second in zip(*halves, strict=True)]

    @pytest.mark.parametrize("fields", [{}, GAN], ids=["plain", "gan"])
    def test_with_constant_weights(
        self, fields: dict[str, object], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole = self.gradients([*range(8)], monkeypatch, **fields, **PLAIN)
        assert len(whole) == 1 + len(fields)
        torch.testing.assert_close(self.both(monkeypatch, **fields, **PLAIN), whole)

    @pytest.mark.parametrize("fields", [{}, GAN], ids=["plain", "gan"])
    def test_balanced_it_is_with_the_weights_of_the_whole(
        self, fields: dict[str, object], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        whole = self.gradients([*range(8)], monkeypatch, **fields)
        parts = self.loss([*range(8)], monkeypatch, **fields).parts
        held = {name: part.item() for name, part in parts.items() if name.startswith("lambda")}
        torch.testing.assert_close(self.both(monkeypatch, **held, **PLAIN), whole)
        assert not torch.allclose(self.both(monkeypatch, **fields)[0], whole[0], rtol=1e-3)


class Noting(nn.Module):
    """A network that drops units and notes its masks and labels."""

    def __init__(self) -> None:
        super().__init__()
        self.drop, self.output_weight = nn.Dropout(0.5), nn.Parameter(torch.ones(1))
        self.masks: list[Tensor] = []

    def forward(self, x: Tensor, t: Tensor, s: Tensor, label: Tensor | None = None) -> Tensor:
        self.masks.append(self.drop(torch.ones_like(x)))
        return self.output_weight * self.masks[-1] * x


def test_all_passes_of_the_jumps_drop_the_same_units() -> None:
    student, target = Noting(), Noting()
    objective, batch = Trajectory(specs.CTM(**PLAIN), (64,)), Batch(torch.randn(8, 64), None)
    for _ in range(2):
        objective(Models(student, target, teacher), batch, Randomness(0), 0.0)
    first, second, denoising, again = student.masks[:4]
    assert torch.equal(first, second)
    assert torch.equal(*target.masks[:2])
    assert not torch.equal(first, denoising)
    assert not torch.equal(first, target.masks[0])
    assert not torch.equal(first, again)


def test_the_teacher_is_asked_for_the_classes_of_its_rows() -> None:
    asked: list[tuple[int, Tensor | None]] = []

    def labelled(x: Tensor, t: Tensor, label: Tensor | None) -> Tensor:
        assert not torch.is_grad_enabled()
        asked.append((len(t), label))
        return torch.zeros_like(x)

    network, label = LinearFlow(0.3, 0.2), torch.arange(10)
    objective, batch = built(points=5), gaussian_batch(10)._replace(label=label)
    objective(Models(network, network, labelled), batch, Randomness(0), 0.0)
    assert [rows for rows, _ in asked[::2]] == objective.rows(10)
    assert all(given is not None and torch.equal(given, label[:rows]) for rows, given in asked)


def test_a_self_taught_student_follows_its_average() -> None:
    student, target = LinearFlow(0.3, 0.2), LinearFlow(0.2, 0.4)
    taught = built(self_taught=True, **PLAIN)
    follows = Models(student, target, lambda x, t, label: target(x, t, t, label).detach())
    loss = taught(Models(student, target), gaussian_batch(64), Randomness(0), 0.0).loss
    expected = built(**PLAIN)(follows, gaussian_batch(64), Randomness(0), 0.0).loss
    assert torch.equal(loss, expected)
    assert loss != found(built(**PLAIN), student, target).loss


@pytest.mark.parametrize("make", [lambda: built(), lambda: built(lambda_gan=1.0)])
def test_the_same_randomness_gives_the_same_loss(make: Callable[[], Trajectory]) -> None:
    network = LinearFlow(0.3, 0.2)
    first, second, other = (found(make(), network, seed=seed).loss for seed in (7, 7, 8))
    assert first == second
    assert first != other


def test_parts_are_named_and_carry_no_gradient() -> None:
    parts = found(built(lambda_gan=1.0), LinearFlow(0.3, 0.2)).parts
    lengths = {name: len(part) for name, part in parts.items()}
    samples = ("error", "error_diagonal", "solver_steps", "logit_real", "logit_fake")
    assert lengths == dict.fromkeys(samples, 64) | {"lambda_dm": 1, "lambda_gan": 1}
    assert not any(part.requires_grad for part in parts.values())


@pytest.mark.parametrize(("decay", "expected"), [(0.999, 0.999), (0.0, None)])
def test_the_target_is_an_average(decay: float, expected: float | None) -> None:
    assert built(decay=decay).target_decay(0.3) == expected


def test_bfloat16_is_near_float32() -> None:
    torch.manual_seed(0)
    spec = specs.UNet(channels=8, multipliers=(1.0, 2.0), blocks=1, attention=(4.0,))
    network = build_network(spec, (3, 8, 8), 2, specs.Preconditioned())
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.add_(0.05 * torch.randn_like(parameter))
    objective = Trajectory(specs.CTM(lambda_gan=1.0, points=6), (3, 8, 8))
    batch = Batch(torch.randn(16, 3, 8, 8), torch.randint(3, (16,)))
    models = Models(network, copy.deepcopy(network), lambda x, t, label: network(x, t, t, label))
    wide = copy.deepcopy(objective)(models, batch, Randomness(0), 1.0)
    with torch.autocast("cpu", torch.bfloat16):
        narrow = objective(models, batch, Randomness(0), 1.0)
    assert narrow.adversary is not None
    (narrow.loss + narrow.adversary).backward()
    assert narrow.loss.dtype == narrow.adversary.dtype == torch.float32
    assert narrow.loss.item() == pytest.approx(wide.loss.item(), rel=0.02)
    for name, part in narrow.parts.items():
        assert part.mean().item() == pytest.approx(wide.parts[name].mean().item(), rel=0.1), name
    weights = [*network.parameters(), *objective.parameters()]
    assert all(p.grad is not None and p.grad.isfinite().all() for p in weights)


@pytest.mark.slow
def test_a_compiled_network_is_balanced_as_the_plain_one() -> None:
    torch.manual_seed(0)
    network = build_network(specs.MLP(8, 2), (2,), 0, specs.Preconditioned())
    objective, batch = Trajectory(specs.CTM(), (2,)), Batch(torch.randn(32, 2), None)

    def exact(x: Tensor, t: Tensor, label: Tensor | None) -> Tensor:
        return (t - (1 - t))[:, None] * x

    plain, compiled = (
        objective(Models(student, network, exact), batch, Randomness(0), 0.0)
        for student in (network, torch.compile(network, backend="eager"))
    )
    torch.testing.assert_close(compiled.parts, plain.parts)
    assert compiled.parts["lambda_dm"] != 1
