"""Every message survives the wire; what is no message is told apart."""

from typing import get_args

import msgspec
import pytest
from contract_support import QUICK, values_of
from hypothesis import given
from hypothesis import strategies as st

from engine.contract import messages
from engine.contract.messages import AnyMessage, Message, MessageError, Request
from engine.contract.specs import RunSpec

ALL = get_args(AnyMessage)


@pytest.mark.parametrize("kind", ALL, ids=lambda kind: kind.__name__)
def test_round_trip(kind):
    @QUICK
    @given(values_of(kind))
    def check(message):
        assert messages.decode(messages.encode(message)) == message

    check()


def test_the_table_is_whole():
    def below(kind):
        return {kind}.union(*map(below, kind.__subclasses__()))

    assert set(ALL) == below(Message) - {Message, Request}


def test_tags_are_the_names_in_lower_case():
    for kind in ALL:
        assert kind.__struct_config__.tag == kind.__name__.lower()


def test_spec_round_trip_as_toml_and_json():
    @QUICK
    @given(values_of(RunSpec))
    def check(spec):
        assert msgspec.json.decode(msgspec.json.encode(spec), type=RunSpec) == spec
        assert msgspec.convert(msgspec.to_builtins(spec), RunSpec) == spec

    check()


@QUICK
@given(st.binary(max_size=200))
def test_noise_is_no_message(noise):
    with pytest.raises(MessageError):
        messages.decode(noise)


@QUICK
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=5))
def test_json_without_a_type_is_no_message(value):
    with pytest.raises(MessageError):
        messages.decode(msgspec.json.encode({"type": value, "id": 1}, enc_hook=str))


@pytest.mark.parametrize(
    "header",
    [
        b"[" * 100_000,
        b'{"type":"done","id":' + b"[" * 100_000,
        b'{"type":"done","later":' + b"[" * 100_000,
        b'{"type":"\xff"}',
        b'{"type":"done","id":1e400}',
        b'{"type":"done","id":NaN}',
        b'{"type":"done"}',
        b'{"type":"done","id":"1"}',
        b'{"id":1}',
        b'{"type":"jump","id":1,"model":"a","source":{},"t":null,"s":0}',
        b'{"type":"done","id":1}{"type":"done","id":2}',
        b"",
    ],
    ids=lambda header: str(header[:24]),
)
def test_hostile_headers_raise_nothing_else(header):
    with pytest.raises(MessageError):
        messages.decode(header)


def test_unknown_fields_are_left_out():
    assert messages.decode(b'{"type":"done","id":7,"later":[1]}') == messages.Done(7)


def test_nan_is_sent_as_null_and_not_taken_for_a_number():
    header = messages.encode(messages.Jump(1, "m", messages.Source(), float("nan"), 0.0))
    with pytest.raises(MessageError):
        messages.decode(header)
