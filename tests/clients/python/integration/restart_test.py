# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""A broker that is killed and comes back: nothing acknowledged is lost, and everybody goes on."""
import threading
from concurrent.futures import wait

from support.broker import SECONDS, BrokerCase

from millrace import Admin, Client, Consumer, Producer, ProducerOptions


class Restarts(BrokerCase):
    def setUp(self):
        super().setUp()
        self.client = Client(self.broker.local_address)
        self.addCleanup(self.client.close)
        self.admin = Admin(self.client)
        self.create(2)

    def test_are_waited_for_by_a_producer(self):
        with Producer(self.client, ProducerOptions(retry_delay_max=0.05)) as producer:
            before = [producer.send(self.topic, f"before {number}") for number in range(100)]
            wait(before, SECONDS)
            self.broker.kill()
            during = [producer.send(self.topic, f"during {number}") for number in range(100)]
            self.broker.start()
            producer.flush(SECONDS)
            acks = [future.result(0) for future in before + during]
        with Consumer(self.client) as consumer:
            consumer.assign_topic(self.topic)
            stored = {(record.partition, record.offset): record.value
                      for record in consumer.until_end()}
        sent = [f"{when} {number}".encode() for when in ("before", "during")
                for number in range(100)]
        self.assertEqual([stored[ack.partition, ack.offset] for ack in acks], sent)

    def test_under_load_lose_nothing_that_was_acknowledged(self):
        acked = threading.Event()
        with Producer(self.client, ProducerOptions(batch_bytes=2000,
                                                   retry_delay_max=0.05)) as producer:
            futures = []
            for number in range(3000):
                future = producer.send(self.topic, str(number))
                if number == 500:
                    future.add_done_callback(lambda _: acked.set())
                futures.append(future)
            self.assertTrue(acked.wait(SECONDS))
            self.broker.kill()
            self.broker.start()
            producer.flush(SECONDS)
            acks = [future.result(0) for future in futures]
        with Consumer(self.client) as consumer:
            consumer.assign_topic(self.topic)
            stored = {(record.partition, record.offset): record.value
                      for record in consumer.until_end()}
        self.assertEqual([stored[ack.partition, ack.offset] for ack in acks],
                         [str(number).encode() for number in range(3000)])

    def test_are_waited_for_by_a_consumer_that_then_goes_on_where_it_was(self):
        with Producer(self.client, ProducerOptions(retry_delay_max=0.05)) as producer, \
                Consumer(self.client) as consumer:
            consumer.assign_topic(self.topic)
            values = []
            for number in range(3):
                producer.send(self.topic, str(number)).result(SECONDS)
                values += [record.value for record in consumer.poll(SECONDS)]
                self.broker.kill()
                self.assertEqual(consumer.poll(0.05), [])
                self.assertIsNotNone(consumer.last_error)
                self.broker.start()
        self.assertEqual(values, [b"0", b"1", b"2"])

    def test_leave_topics_and_their_ids_as_they_were(self):
        before = self.admin.describe_topic(self.topic)
        for end in (self.broker.kill, self.broker.stop):
            end()
            self.broker.start()
            self.assertEqual(self.admin.describe_topic(self.topic).id, before.id)
