# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Batches that Kafka's Java serializer wrote are taken by the broker and come out as they were."""
from kafka_side.batches import as_sent, batches_of, kafka_folder, sent_part, split
from kafka_side.programs import KafkaCase
from kafka_side.stored import CODECS, CONFIG, rows
from kafka_side.vectors import Row, load, row_of_millrace
from millrace import Acks, Consumer, Durability, Position
from millrace.calls_data import (FetchFrom, Part, decode_fetch, decode_produce, encode_fetch,
                                 encode_produce)
from millrace.frame import Api
from support.broker import SECONDS, BrokerCase

FETCH_BYTES = 16 << 20


class BatchesOfKafka(BrokerCase, KafkaCase):
    def setUp(self) -> None:
        KafkaCase.setUp(self)
        BrokerCase.setUp(self)

    def send(self, codec: str) -> tuple[list[bytes], list[Row]]:
        """The vectors' batches as Kafka wrote them, into the case's topic; and their records."""
        log, = kafka_folder(codec).glob("*.log")
        sent, want = [], []
        for one, batch in zip(load(), batches_of(log), strict=True):
            if one.append_time is None:  # Of these a broker does not take what the batch says.
                sent.append(as_sent(batch))
                want += one.records
        part = Part(self.client.topic(self.topic).id, 0)
        connection = self.client.connect()
        self.addCleanup(connection.close)
        offset = 0
        for batch in sent:
            answer, = connection.call(Api.PRODUCE, encode_produce(
                Acks.ALL, Durability.TOPIC, int(SECONDS * 1000), [(part, len(batch))]),
                decode_produce, SECONDS, [batch])
            self.assertEqual((answer.error, answer.base_offset), (None, offset))
            offset += batches_records(batch)
        return sent, want

    def fetched(self, offset: int) -> bytes:
        part = Part(self.client.topic(self.topic).id, 0)
        row, = self.client.call(Api.FETCH, encode_fetch(
            0, 0, 0, 1, FETCH_BYTES, [FetchFrom(part, offset, -1, FETCH_BYTES)], []),
            lambda answer: [one._replace(payload=bytes(one.payload))
                            for one in decode_fetch(answer).rows])
        self.assertIsNone(row.error)
        return row.payload

    def test_come_back_byte_for_byte(self):
        for codec in CODECS:
            with self.subTest(codec):
                self.topic = f"bytes-{codec}"
                self.admin.create_topic(self.topic, 1, CONFIG)
                sent, want = self.send(codec)
                back: list[bytes] = []
                offset = 0
                while offset < len(want):
                    for batch in split(self.fetched(offset)):
                        back.append(sent_part(batch))
                        offset += batches_records(batch)
                self.assert_same(back, [sent_part(batch) for batch in sent], codec)

    def test_are_read_by_both_clients_as_they_were_written(self):
        for codec in CODECS:
            with self.subTest(codec):
                self.topic = f"rows-{codec}"
                self.admin.create_topic(self.topic, 1, CONFIG)
                _, want = self.send(codec)
                with Consumer(self.client) as consumer:
                    consumer.assign_topic(self.topic, Position.start())
                    self.assert_same([Row(one.timestamp_ms, one.key, one.value,
                                          tuple(one.headers)) for one in consumer.until_end()],
                                     want, codec)
                printed = rows(self.broker.command("consume", self.topic, "--from", "start", "-e",
                                                   "-o", "jsonl"))
                self.assert_same([row_of_millrace(row) for row in printed], want, codec)


def batches_records(batch: bytes) -> int:
    """How many offsets it takes."""
    return int.from_bytes(batch[23:27], "big") + 1
