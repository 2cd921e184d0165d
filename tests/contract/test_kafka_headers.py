"""Headers as producers in other languages write them."""

import asyncio

from aiokafka import AIOKafkaProducer

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
    found = ()
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
