"""The line that is copied is read back as what it was written from, whatever it holds."""

import shlex

import pytest
import typer
from hypothesis import given, settings
from hypothesis import strategies as st

from engine.cli.film import _path, _shares
from engine.cli.main import app
from engine.cli.plot import plot_of
from engine.cli.samplers import sampler_of
from engine.cli.sources import source_of
from engine.contract.commands import (
    film_words,
    jump_words,
    map_words,
    picture_words,
    plot_words,
    remembered,
    shell,
)
from engine.contract.errors import UserError
from engine.contract.films import Film
from engine.contract.maps import MAPS
from engine.contract.messages import Keep, Sampler
from engine.contract.plot import LAYERS, Plot
from engine.contract.source import Mix, Moved, Sample, Source

few = settings(max_examples=60, deadline=None)
GROUP = typer.main.get_command(app)

times = st.floats(0, 1, allow_subnormal=False)
places = st.floats(-1e6, 1e6)
words = st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1).filter(str.strip)
ways = st.sampled_from(("noised", "carried"))
samples = st.one_of(
    st.builds(Sample, st.integers(0, 10**6), st.booleans(), way=ways),
    st.builds(Sample, picture=words, way=ways),
    st.builds(Sample, point=st.tuples(places, places)),
)  # fmt: skip
mixes = st.one_of(
    st.builds(Mix, st.tuples(*[st.integers(0, 2**31)] * 2), times),
    st.builds(Mix, st.tuples(*[st.integers(0, 2**31)] * 4), times, times),
)
sources = st.builds(
    Source,
    st.sampled_from(("noise", "data")),
    st.integers(0, 2**31),
    st.integers(1, 65536),
    st.integers(-1, 40),
    st.none() | mixes,
    st.none(),
    st.lists(st.builds(Moved, st.integers(0, 99), places, places), max_size=3).map(tuple),
) | st.builds(Source, st.just("sample"), st.integers(0, 9), st.just(4), sample=samples)
sources |= st.builds(Source, fan=st.booleans())
sources |= st.builds(Source, st.just("data"), st.integers(0, 9), way=ways)
keeps = st.one_of(
    st.just(Keep("brightness")),
    st.builds(lambda factor: Keep("coarse", factor=factor), st.integers(2, 64)),
    st.builds(Keep, st.just("outside"), st.tuples(times, times, times, times)),
)
samplers = st.builds(
    Sampler,
    st.none() | times,
    st.sampled_from(("euler", "heun", "rk4", "dpm++2m")),
    st.sampled_from(("even", "karras")) | st.lists(times, min_size=1, max_size=4).map(tuple),
    st.none() | st.floats(0, 100),
    st.none() | times,
    st.none() | times,
    st.none() | keeps,
)
films = st.builds(
    Film,
    st.sampled_from(("scrub", "trajectory", "training")),
    times,
    times,
    st.integers(1, 200),
    sources,
    samplers,
    st.lists(times, max_size=4).map(tuple),
    st.lists(st.tuples(times, times), min_size=2, max_size=4).map(tuple) | st.just(()),
    st.booleans(),
    st.integers(2, 1000),
    st.floats(0.5, 60),
    st.integers(16, 2048),
    st.sampled_from(("dark", "light")),
    st.booleans(),
)


def parsed(line):
    """The command that a shell would run, and its options."""
    program, name, *rest = shlex.split(line)
    assert program == "flowmap-engine"
    command = GROUP.commands[name]
    return name, command.make_context(name, rest).params


def source_in(found, kind="kind"):
    return source_of(
        found[kind], found["seed"], found["count"], found["label"],
        found["sample"], found["carried"], found["mix"], found["moved"], found["fan"],
    )  # fmt: skip


def sampler_in(found):
    guides = tuple(found[name] for name in ("guidance", "guidance_from", "guidance_to"))
    asked = found["gamma"], found["times"], found["solver"], guides, found["keep"]
    return sampler_of("meanflow", *asked)


@few
@given(words, sources, times, times, st.integers(1, 1000), samplers)
def test_a_jump_is_read_back(model, source, t, s, steps, sampler):
    model = model.replace("-", "_")  # a dash in front would be an option, in any program
    name, found = parsed(shell(jump_words(model, source, t, s, steps, sampler), "o.npz", "/w s"))
    assert (name, found["model"], found["steps"]) == ("jump", model, steps)
    assert (float(found["t"]), float(found["s"])) == (t, s)
    assert (str(found["out"]), str(found["workspace"])) == ("o.npz", "/w s")
    assert source_in(found) == source
    assert sampler_in(found) == sampler


squares = st.tuples(*2 * [st.floats(-9e5, 9e5)], st.floats(1e-9, 9e5, allow_subnormal=False))
plots = st.builds(
    Plot,
    st.sets(st.sampled_from(LAYERS)).map(
        lambda shown: tuple(layer for layer in LAYERS if layer in shown)
    ),
    st.lists(words.map(lambda name: name.replace("-", "_")), max_size=4).map(tuple),
    st.none() | squares,
)


@few
@given(plots)
def test_a_plot_is_read_back(plot):
    _, found = parsed(shell([*jump_words("m", Source(), 1.0, 0.0), *plot_words(plot)], "o.svg"))
    assert plot_of(found["draw"], found["beside"], found["square"]) == plot


@few
@given(films)
def test_a_film_is_read_back(film):
    _, found = parsed(shell(film_words("m", film), "o.gif"))
    read = Film(
        found["kind"], found["t"], found["s"], found["steps"], source_in(found, "from_"),
        sampler_in(found), _shares(found["shares"]), _path(found["path"]), found["back"],
        found["frames"], found["fps"], found["size"], found["theme"], found["caption"],
    )  # fmt: skip
    if film.kind != "scrub":  # the others have no path, and frames of their own
        film = Film(**{**{f: getattr(film, f) for f in film.__struct_fields__},
                       "path": (), "back": False, "frames": read.frames})  # fmt: skip
    assert read == film


@pytest.mark.parametrize("model", ["a b", "ü '\"$HOME`x`;rm", "/run dir/ru\\n@5", "x\ty"])
@pytest.mark.parametrize("out", ["a b.png", "ü'\".png", "-o.png", "$(x).png"])
def test_names_of_any_kind_survive_a_shell(model, out):
    source = Source(seed=3)
    for given_words in (
        [*jump_words(model, source, 0.5, 0.25), *picture_words("x_t", 4, 8, True, "light")],
        film_words(model, Film("scrub")),
        map_words(model, "defect", source, 0.3),
        map_words("m", "distance", source, other=model),
    ):
        _, found = parsed(shell(given_words, out))
        assert model in (found["model"], found.get("other"))
        assert str(found["out"]) == out


def test_what_is_drawn_is_read_back():
    line = [*jump_words("m", Source(), 1.0, 0.0), *picture_words("x_t", 4, 8, True, "light")]
    _, found = parsed(shell(line, "o.png"))
    wanted = {"shown": "x_t", "picture": 5, "scale": 8, "caption": True, "theme": "light"}
    assert {name: found[name] for name in wanted} == wanted
    _, found = parsed(shell([*jump_words("m", Source(), 1.0, 0.0), *picture_words()], "o.png"))
    assert (found["shown"], found["picture"], found["scale"]) == ("x_s", 0, 1)


@pytest.mark.parametrize("kind", [info.kind for info in MAPS])
def test_a_map_is_read_back(kind):
    source = Source(seed=7, label=2)
    _, found = parsed(shell(map_words("m", kind, source, 0.3, "b", 9, 2, "light"), "o.svg"))
    assert (found["kind"], found["seed"], found["label"]) == (kind, 7, 2)
    assert found["middle"] == (0.3 if kind == "defect" else 0.5)
    assert found["other"] == ("b" if kind == "distance" else "")
    assert (found["parts"], found["scale"], found["theme"]) == (9, 2, "light")


def test_a_file_keeps_no_folder_of_the_one_who_made_it():
    line = remembered(film_words("m", Film("scrub")), "/home/somebody/secret plans/a b.gif")
    assert "secret" not in line
    assert shlex.split(line)[-2:] == ["--out", "a b.gif"]


@pytest.mark.parametrize(
    ("options", "what"),
    [
        ({"sample": "x"}, "--sample"),
        ({"sample": "point:1"}, "--sample"),
        ({"sample": "picture:"}, "--sample"),
        ({"sample": "3", "kind": "noise"}, "--sample goes with"),
        ({"mix": "3@0.5"}, "--mix"),
        ({"mix": "3,4"}, "--mix"),
        ({"mix": "1,2@0.1,0.2,0.3"}, "--mix"),
        ({"moved": ["3"]}, "--moved"),
        ({"moved": ["a@1,2"]}, "--moved"),
    ],
)
def test_what_is_no_source_is_one_sentence(options, what):
    given_options = {"kind": "sample", "seed": 0, "count": 4, "label": -1, **options}
    with pytest.raises(UserError, match=what):
        source_of(**given_options)


@pytest.mark.parametrize("text", ["1:1", "1:1,2:0", "a:b,1:1", "1,0", "1:0:1,1:1"])
def test_what_is_no_path_is_one_sentence(text):
    with pytest.raises(UserError, match="--path"):
        _path(text)


@pytest.mark.parametrize("text", ["shade", "coarse:x", "outside:1,2,3", "brightness:2", "coarse:"])
def test_what_is_nothing_to_keep_is_one_sentence(text):
    with pytest.raises(UserError, match="--keep must be"):
        sampler_of("meanflow", None, "even", "heun", (None, None, None), text)
