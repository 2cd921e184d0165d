"""Headers as producers in other languages write them."""

import asyncio
import struct
from collections.abc import Sequence

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.record.util import calc_crc32c

from consumers.ports import Record
from groundswell.errors import CannotContinue
from tests.contract.log_worlds import KafkaWorld, Owner, fresh_name


async def test_a_header_without_a_value_is_an_empty_one(broker):
    world, topic = KafkaWorld(broker), fresh_name()
    await world.create(topic, 1)
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap)
    await producer.start()
    await producer.send_and_wait(topic, b"not an item", headers=[("trace", None), ("a", b"b")])
    await producer.stop()
    reader = world.reader(topic, fresh_name())
    await reader.start(Owner())
    found: Sequence[Record] = ()
    async with asyncio.timeout(60):
        while not found:
            found = (await reader.poll(10, 0.2)).records.get(0, ())
    await reader.stop()
    headers = found[0].headers
    assert headers == (("trace", b""), ("a", b"b"))
    writer, dead = world.writer(), fresh_name()
    await world.create(dead, 1)
    await writer.copy(dead, found[0].value, headers)
    await writer.stop()
    assert tuple((await world.records(dead, 0))[0].headers) == headers
    await world.close()


def renamed(batch, old, new):
    """Give a header of a batch a name that aiokafka would not write."""
    batch._build()
    raw = bytearray(bytes(batch._buffer).replace(old, new))
    raw[17:21] = struct.pack(">I", calc_crc32c(bytes(raw[21:])))
    batch._buffer, batch._closed = raw, True
    return batch


async def read_on(reader):
    async with asyncio.timeout(60):
        while True:
            await reader.poll(10, 0.2)


async def test_a_header_whose_name_cannot_be_read_is_named(broker):
    world, topic = KafkaWorld(broker), fresh_name()
    await world.create(topic, 1)
    producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap)
    await producer.start()
    batch = producer.create_batch()
    batch.append(key=None, value=b"{}", timestamp=None, headers=[("name", b"1")])
    odd = renamed(batch, b"name", b"\xff\xfe\xff\xfe")
    await (await producer.send_batch(odd, topic, partition=0))
    await producer.stop()
    reader = world.reader(topic, fresh_name())
    await reader.start(Owner())
    with pytest.raises(CannotContinue, match="partition 0: one of the 10 records from offset 0 on"):
        await read_on(reader)
    await reader.stop()
    await world.close()
