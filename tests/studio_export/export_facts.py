"""Facts as the tests of export use them."""

from engine.contract.facts import Facts

FACTS = Facts(
    model="emoji-16-meanflow",
    method="MeanFlow",
    data="emoji-16",
    step=24000,
    ema=0.995,
    t=0.84,
    s=0.22,
    nfe=2,
    source="noise",
    seed=20261122,
    count=16,
    label="Gesichter & Gefühle <σ>",
    command="flowmap-engine jump emoji-16-meanflow --t 0.84 --s 0.22 --out 'a b.png'",
)
