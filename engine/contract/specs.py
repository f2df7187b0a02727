"""What a run is made of: frozen structs that hold every number it uses.

Times are on the common clock, t in [0, 1] with 0 = data and 1 = noise (docs/architecture.md).
"""

from typing import Annotated as A
from typing import Any, Literal

import msgspec
from msgspec import Struct

from engine.contract.methods.common import Teacher as Teacher
from engine.contract.methods.common import Times as Times
from engine.contract.methods.consistency import CD as CD
from engine.contract.methods.consistency import CT as CT
from engine.contract.methods.consistency import ECM as ECM
from engine.contract.methods.consistency import ICT as ICT
from engine.contract.methods.consistency import ConsistencyMethod as ConsistencyMethod
from engine.contract.methods.consistency import Grid as Grid
from engine.contract.methods.differential import ContinuousConsistency as ContinuousConsistency
from engine.contract.methods.differential import ContinuousDistillation as ContinuousDistillation
from engine.contract.methods.differential import DifferentialMethod, guidance_problems
from engine.contract.methods.differential import ImprovedMeanFlow as ImprovedMeanFlow
from engine.contract.methods.differential import MeanFlow as MeanFlow
from engine.contract.methods.distillation import CMT as CMT
from engine.contract.methods.distillation import PD as PD
from engine.contract.methods.distillation import DistillationMethod, distillation_problems
from engine.contract.methods.lagrangian import LSD as LSD
from engine.contract.methods.lagrangian import TVM as TVM
from engine.contract.methods.lagrangian import LagrangianMethod
from engine.contract.methods.splitting import PSD as PSD
from engine.contract.methods.splitting import AlphaFlow as AlphaFlow
from engine.contract.methods.splitting import Shortcut as Shortcut
from engine.contract.methods.splitting import SplittingMethod
from engine.contract.methods.trajectories import Trajectories as Trajectories
from engine.contract.methods.trajectory import CTM as CTM
from engine.contract.methods.trajectory import Augmentation as Augmentation
from engine.contract.methods.trajectory import TrajectoryMethod
from engine.contract.methods.velocity import EDM as EDM
from engine.contract.methods.velocity import FlowMatching as FlowMatching
from engine.contract.methods.velocity import Reflow as Reflow
from engine.contract.methods.velocity import VelocityMethod
from engine.contract.schema import SpecError, described, fields, range_problem


class Data(Struct, frozen=True, forbid_unknown_fields=True):
    """What is learned."""

    name: A[str, described("Data set", "A shipped data set or one that you imported.")]
    labels: A[
        bool,
        described("Condition on labels", "Give the class of each picture to the network."),
    ] = False
    label_dropout: A[
        float,
        described(
            "Label dropout",
            "Share of samples whose class is hidden, so that the model also learns all classes.",
            low=0.0,
            high=1.0,
            advanced=True,
            shown_when=("labels", True),
        ),
    ] = 0.1
    flip: A[
        bool,
        described(
            "Mirror at random", "Show each picture mirrored half of the time.", advanced=True
        ),
    ] = False


Method = (
    SplittingMethod
    | LagrangianMethod
    | VelocityMethod
    | DifferentialMethod
    | TrajectoryMethod
    | ConsistencyMethod
    | DistillationMethod
)


class MLP(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="mlp"):
    """For points."""

    width: A[int, described("Width", "Units of a layer.", low=8, high=4096)] = 128
    depth: A[int, described("Depth", "Hidden layers.", low=1, high=16)] = 3


class UNet(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="unet"):
    """For pictures: convolutions at falling resolutions (DDPM++ layout)."""

    channels: A[int, described("Channels", "Channels at full size.", low=8, high=512)] = 64
    multipliers: A[
        tuple[float, ...],
        described("Multipliers", "Channels at each halving of the size.", low=1, high=16),
    ] = (1.0, 2.0, 2.0)
    blocks: A[int, described("Blocks", "Residual blocks at each size.", low=1, high=8)] = 2
    attention: A[
        tuple[float, ...],
        described("Attention at", "Sizes that have attention.", unit="px", low=1, high=256),
    ] = (8.0,)
    dropout: A[
        float, described("Dropout", "Share of units dropped.", low=0.0, high=0.9, advanced=True)
    ] = 0.0
    patch: A[
        int,
        described(
            "Patch",
            "Side of the squares that are folded into channels before the first convolution.",
            unit="px",
            low=1,
            high=16,
            advanced=True,
        ),
    ] = 1


class DiT(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="dit"):
    """For pictures: a transformer over patches."""

    patch: A[int, described("Patch", "Side of a patch.", unit="px", low=1, high=32)] = 2
    width: A[int, described("Width", "Channels of a token.", low=16, high=4096)] = 192
    depth: A[int, described("Depth", "Blocks.", low=1, high=64)] = 6
    heads: A[int, described("Heads", "Attention heads.", low=1, high=64)] = 6
    dropout: A[
        float, described("Dropout", "Share of units dropped.", low=0.0, high=0.9, advanced=True)
    ] = 0.0
    semi_lipschitz: A[
        bool,
        described(
            "Semi-Lipschitz",
            "Scale tokens and what modulates them to unit length, as TVM wants it, so that answers "
            "change smoothly.",
            advanced=True,
        ),
    ] = False


Network = MLP | UNet | DiT


class Plain(Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="plain"):
    """The network's answer is the average velocity itself."""


class Preconditioned(
    Struct, frozen=True, forbid_unknown_fields=True, tag_field="kind", tag="preconditioned"
):
    """The network's answer is what is left of it after the best linear guess (EDM, CTM, sCM)."""

    sigma_data: A[
        float,
        described(
            "Deviation of the data",
            "Standard deviation of the data, about 0.5 for pictures.",
            low=1e-3,
            high=1e3,
            logarithmic=True,
        ),
    ] = 0.5
    clock: A[
        Literal["t", "log-sigma", "angle"],
        described("Clock of the network", "How the network is told the time.", advanced=True),
    ] = "log-sigma"


Parameterisation = Plain | Preconditioned


class Training(Struct, frozen=True, forbid_unknown_fields=True):
    """How the network is fitted."""

    steps: A[int, described("Steps", "Updates of the network.", low=1, high=100_000_000)] = 4000
    batch: A[int, described("Batch", "Samples of one update.", low=1, high=65536)] = 512
    learning_rate: A[
        float,
        described(
            "Learning rate",
            "Size of Adam's steps at their largest.",
            low=1e-8,
            high=1.0,
            logarithmic=True,
        ),
    ] = 2e-3
    optimiser: A[
        Literal["adamw", "radam"],
        described(
            "Optimiser",
            "radam's first steps are short by themselves: it wants no warm-up.",
            advanced=True,
        ),
    ] = "adamw"
    schedule: A[
        Literal["cosine", "linear", "inverse-sqrt", "constant"],
        described(
            "Schedule",
            "Cosine and linear fall to zero at the last step, inverse-sqrt as one over the root "
            "of the step; constant does not fall.",
        ),
    ] = "cosine"
    hold: A[
        int,
        described(
            "Hold",
            "Steps at the full rate before inverse-sqrt begins to fall.",
            low=1,
            high=10**8,
            shown_when=("schedule", "inverse-sqrt"),
        ),
    ] = 1000
    cycles: A[
        int,
        described(
            "Cycles",
            "How often cosine and linear fall, each time from the full rate: progressive "
            "distillation wants it once for each halving.",
            low=1,
            high=1000,
            advanced=True,
        ),
    ] = 1
    warmup: A[
        int, described("Warm-up", "Steps in which the rate rises from zero.", low=0, high=10**7)
    ] = 100
    clip: A[
        float,
        described(
            "Gradient clip", "Longest gradient; 0 turns it off.", low=0.0, high=1e6, advanced=True
        ),
    ] = 1.0
    beta2: A[
        float,
        described(
            "Adam beta 2", "Memory of squared gradients.", low=0.0, high=0.99999, advanced=True
        ),
    ] = 0.999
    weight_decay: A[
        float, described("Weight decay", "AdamW's decay.", low=0.0, high=1.0, advanced=True)
    ] = 0.0
    ema: A[
        tuple[float, ...],
        described(
            "EMA rates",
            "Averages of the weights that are kept; the last is the one that is shown.",
            low=0.0,
            high=0.999999,
        ),
    ] = (0.99, 0.995)
    precision: A[
        Literal["float32", "bfloat16"],
        described(
            "Precision", "bfloat16 is faster where the processor supports it.", advanced=True
        ),
    ] = "float32"


class Cadence(Struct, frozen=True, forbid_unknown_fields=True):
    """What is written while it trains, and when."""

    save: A[int, described("Save every", "Sealed checkpoint.", unit="steps", low=1, high=10**8)] = (
        500
    )
    keep: A[
        int, described("Keep", "Newest checkpoints kept.", low=2, high=10_000, advanced=True)
    ] = 3
    film: A[
        int,
        described(
            "Frames of the film",
            "Older averages that are kept to look back at, evenly spread; 0 keeps none.",
            low=0,
            high=1000,
            advanced=True,
        ),
    ] = 24
    sample: A[
        int, described("Sample every", "Preview on fixed noise.", unit="steps", low=1, high=10**8)
    ] = 250
    count: A[int, described("Samples", "Samples of a preview.", low=1, high=16384)] = 64


class RunSpec(Struct, frozen=True, forbid_unknown_fields=True):
    """Everything that a run is made of. TOML on disk, JSON on the wire, a form on the screen."""

    data: A[Data, described("Data", "What is learned.")]
    method: A[Method, described("Method", "What the network learns, and from which target.")]
    network: A[Network, described("Network", "The function that is fitted.")]
    parameterisation: A[
        Parameterisation, described("Parameterisation", "What the network's answer stands for.")
    ] = Plain()
    training: A[Training, described("Training", "How it is fitted.")] = Training()
    cadence: A[Cadence, described("Keeping", "What is written while it trains.")] = Cadence()
    start: A[
        str,
        described(
            "Start from",
            "RUN@STEP, a run or a model whose averages are the first weights; the networks must be "
            "alike. A student starts from them and not from its teacher.",
            empty="new weights",
        ),
    ] = ""
    seed: A[int, described("Seed", "Start of every random draw.", low=0, high=2**31 - 1)] = 0
    device: A[
        Literal["auto", "cpu", "cuda", "mps"],
        described("Device", "auto takes a GPU where there is one.", advanced=True),
    ] = "auto"
    preset: str = ""


EXACT = "exact"  # the teacher that a point set has whose flow is known


def teacher_of(spec: RunSpec) -> Teacher | None:
    """The teacher that a spec asks for, or None where its method has none or teaches itself."""
    if getattr(spec.method, "self_taught", False):
        return None
    teacher: Teacher | None = getattr(spec.method, "teacher", None)
    return teacher


def teacher_steps(spec: RunSpec) -> int:
    """Updates of the teacher that is trained first, 0 where there is none or it is given."""
    teacher = teacher_of(spec)
    return teacher.steps if teacher and not teacher.source else 0


def total_steps(spec: RunSpec) -> int:
    """Updates of the whole run: those of its teacher, then its own."""
    return teacher_steps(spec) + spec.training.steps


class Problem(Struct, frozen=True):
    """One reason why a run cannot start: the field it is about and a sentence."""

    key: str
    message: str


def problems(spec: RunSpec, data_kind: str = "") -> list[Problem]:
    """Everything that is wrong with a spec; `data_kind` is "points", "images" or unknown ("")."""
    found = [Problem(f.key, text) for f in fields(spec) if f.shown and (text := range_problem(f))]
    found += [Problem(key, text) for key, text in _cross_field(spec, data_kind)]
    return found


def _cross_field(spec: RunSpec, data_kind: str) -> list[tuple[str, str]]:
    found = []
    points, network = data_kind == "points", spec.network
    if data_kind and points != isinstance(network, MLP):
        wants = "an mlp" if points else "a unet or a dit"
        found.append(("network", f"{spec.data.name} needs {wants} as its network."))
    if isinstance(network, DiT) and network.width % network.heads:
        found.append(("network.heads", "Width must be a multiple of Heads."))
    if isinstance(network, UNet) and not network.multipliers:
        found.append(("network.multipliers", "Multipliers must name at least one size."))
    if isinstance(network, UNet) and network.channels % 8:
        found.append(("network.channels", "Channels must be a multiple of 8."))
    if not spec.training.ema:
        found.append(("training.ema", "EMA rates must name at least one rate."))
    if len(set(spec.training.ema)) != len(spec.training.ema):
        found.append(("training.ema", "EMA rates must differ from each other."))
    if spec.training.warmup >= spec.training.steps:
        found.append(("training.warmup", "Warm-up must be shorter than Steps."))
    if points and spec.data.labels:
        found.append(("data.labels", f"{spec.data.name} has no labels to condition on."))
    hides_labels = spec.data.labels and spec.data.label_dropout > 0
    training = spec.training
    found += distillation_problems(spec.method, hides_labels, training.steps, training.cycles)
    found += guidance_problems(spec.method, hides_labels)
    return found


def read_spec(values: Any) -> RunSpec:
    """Build a spec from parsed TOML or JSON. Raises SpecError, one sentence, naming the field."""
    try:
        return msgspec.convert(values, RunSpec, strict=False)
    except msgspec.ValidationError as error:
        text, _, where = str(error).partition(" - at `$")
        key = where.strip("`.")
        raise SpecError(key, f"{text}{f' (field {key})' if key else ''}.") from error
