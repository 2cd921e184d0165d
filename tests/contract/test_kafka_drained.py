"""How far a partition is said to be drained."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

from aiokafka import AIOKafkaProducer

from tests.contract.log_worlds import KafkaWorld, Owner, fresh_name


async def test_a_drained_partition_says_nothing_of_the_time_after_the_question(broker):
    world, topic = KafkaWorld(broker), fresh_name()
    await world.create(topic, 1)
    reader = world.reader(topic, fresh_name(), kafka_fetch_max_wait_ms=50)
    await reader.start(Owner())
    async with asyncio.timeout(60):
        while not (await reader.poll(10, 0.2)).drained:
            pass

    async def produce():
        producer = AIOKafkaProducer(bootstrap_servers=broker.bootstrap)
        await producer.start()
        await asyncio.sleep(1.0)
        sent = await producer.send_and_wait(topic, b"x", partition=0)
        await producer.stop()
        return sent.timestamp

    with ThreadPoolExecutor(1) as thread:
        # The process stands still, with the answer to its last question on the way.
        arrived = thread.submit(asyncio.run, produce()).result()
    told: list[int] = []
    async with asyncio.timeout(60):
        while True:
            fetched = await reader.poll(10, 0.01)
            if fetched.records:
                break
            told += fetched.drained.values()
    await reader.stop()
    await world.close()
    assert max(told, default=0) <= arrived
