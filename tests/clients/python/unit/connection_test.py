# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""A wrong answer closes the connection and says what was wrong; a refusal does not."""
import threading
import unittest

from support.peer import HANG_UP, Peer, Reply, frame, hello_payload
from support.replies import metadata, refusal

from millrace import Client, MillraceError
from millrace.address import parse_address
from millrace.calls_topics import decode_metadata, encode_metadata
from millrace.connection import Connection
from millrace.frame import Api


class PeerCase(unittest.TestCase):
    def setUp(self):
        self.peer = Peer(lambda request: Reply(metadata()))
        self.addCleanup(self.peer.close)

    def connect(self) -> Connection:
        connection = Connection(parse_address(self.peer.address), "test", 10.0)
        self.addCleanup(connection.close)
        return connection

    def refuses(self, name: str, call, *args) -> str:
        with self.assertRaises(MillraceError) as refused:
            call(*args)
        self.assertEqual(refused.exception.name, name, refused.exception)
        return str(refused.exception)


class Connections(PeerCase):
    def ask(self, connection: Connection, timeout: float = 10.0):
        return connection.call(Api.METADATA, encode_metadata(["orders"]), decode_metadata, timeout)

    def test_answer_one_question_after_the_other(self):
        connection = self.connect()
        for _ in range(3):
            self.assertEqual(self.ask(connection)[0].name, "orders")
        self.assertEqual([request.correlation_id for request in self.peer.requests], [1, 2, 3, 4])

    def test_live_on_after_a_refusal(self):
        connection = self.connect()
        self.peer.answer = lambda _: Reply(refusal(7))
        self.refuses("throttled", self.ask, connection)
        self.peer.answer = lambda _: Reply(metadata())
        self.ask(connection)

    def test_are_closed_by_a_wrong_answer(self):
        table = metadata()
        wrong = {
            "another correlation": {"correlation_id": 99}, "another API": {"api": 30},
            "another version of the API": {"api_version": 2}, "no response": {"flags": 0},
            "an unknown flag": {"flags": 5}, "another protocol": {"magic": 0x5448},
            "another version": {"version": 2}, "4 GiB": {"frame_bytes": 0xFFFFFFFC},
            "a table beyond the frame": {"table_bytes": len(table) + 8},
            "no table": {"table_bytes": 0}, "a reserved field": {"reserved": 1},
        }
        for what, changed in wrong.items():
            with self.subTest(what):
                connection = self.connect()
                self.peer.answer = lambda request: frame(request, Reply(table), **changed)
                self.refuses("protocol_violation", self.ask, connection)
                self.assertTrue(connection.closed)
                self.refuses("disconnected", self.ask, connection)

    def test_are_closed_by_a_table_that_is_none(self):
        connection = self.connect()
        self.peer.answer = lambda _: Reply(b"\xff" * 64)
        self.refuses("protocol_violation", self.ask, connection)
        self.assertTrue(connection.closed)

    def test_say_that_the_broker_closed_them(self):
        connection = self.connect()
        self.peer.answer = lambda _: HANG_UP
        self.refuses("disconnected", self.ask, connection)

    def test_wait_for_the_whole_of_an_answer(self):
        connection = self.connect()
        self.peer.answer = lambda request: frame(request, Reply(metadata()))[:-8]
        self.refuses("timed_out", self.ask, connection, 0.05)

    def test_wait_no_longer_than_they_were_told(self):
        connection = self.connect()
        self.peer.answer = lambda _: None
        self.refuses("timed_out", self.ask, connection, 0.05)
        self.assertTrue(connection.closed)

    def test_can_be_aborted_by_another_thread(self):
        connection = self.connect()
        asked = threading.Event()
        self.peer.answer = lambda _: asked.set()
        aborter = threading.Thread(target=lambda: (asked.wait(), connection.abort()))
        aborter.start()
        self.refuses("disconnected", self.ask, connection, 60.0)
        aborter.join()

    def test_send_nothing_the_broker_does_not_take(self):
        self.peer.hello = lambda _: Reply(payload=hello_payload(request_bytes_max=4096))
        connection = self.connect()
        self.refuses("request_too_large", connection.call, Api.PRODUCE, bytes(8), decode_metadata,
                     1.0, [bytes(4096)])
        self.assertEqual(self.peer.of(Api.PRODUCE), [])
        self.ask(connection)

    def test_find_out_that_one_way_requests_go_nowhere(self):
        connection = self.connect()
        # Only the end that is read: what is sent is still taken, as over a network.
        self.peer.answer = lambda _: self.peer.half_close()
        connection.send_one_way(Api.PRODUCE, bytes(8), [], 1.0)
        connection._socket.recv(1)  # Waits for the end that the peer makes.
        self.refuses("disconnected", connection.send_one_way, Api.PRODUCE, bytes(8), [], 1.0)

    def test_are_not_made_to_what_is_no_broker(self):
        self.peer.hello = lambda _: b"HTTP/1.1 400 Bad Request\r\n\r\n"
        self.refuses("protocol_violation", self.connect)


class Clients(PeerCase):
    def client(self, addresses: str = "", **options) -> Client:
        client = Client(addresses or self.peer.address, **options)
        self.addCleanup(client.close)
        return client

    def test_take_the_first_address_that_answers(self):
        client = self.client(f"unix:/nowhere/at/all,{self.peer.address}")
        self.assertEqual(client.topic("orders").partitions, 1)

    def test_name_the_address_that_nobody_answers_at(self):
        self.assertIn("/nowhere", self.refuses("unreachable", Client, "unix:/nowhere/at/all"))

    def test_ask_again_over_a_new_connection_when_the_old_one_breaks(self):
        client = self.client()
        self.peer.answer = lambda request: (HANG_UP if request.connection == 1
                                            else Reply(metadata()))
        self.assertEqual(client.topic("orders").name, "orders")

    def test_never_send_a_change_twice_over_a_broken_connection(self):
        client = self.client()
        self.peer.answer = lambda _: HANG_UP
        self.refuses("disconnected", lambda: client.call(
            Api.CREATE_TOPICS, bytes(8), decode_metadata, changes=True))
        self.assertEqual(len(self.peer.of(Api.CREATE_TOPICS)), 1)

    def test_ask_again_what_the_broker_had_no_room_for(self):
        client = self.client()
        self.peer.answer = lambda _: Reply(
            refusal(7) if len(self.peer.of(Api.METADATA)) < 3 else metadata())
        self.assertEqual(client.topic("orders").name, "orders")
        self.assertEqual(len(self.peer.of(Api.METADATA)), 3)

    def test_remember_topics_until_they_are_told_not_to(self):
        client = self.client()
        client.topic("orders")
        client.topic("orders")
        self.assertEqual(len(self.peer.of(Api.METADATA)), 1)
        client.topic("orders", age_max=0.0)
        client.forget_topic("orders")
        client.topic("orders")
        self.assertEqual(len(self.peer.of(Api.METADATA)), 3)

    def test_that_are_closed_say_so(self):
        client = self.client()
        client.close()
        self.refuses("closed", client.topic, "orders")

    def test_have_names_of_at_most_128_bytes(self):
        self.refuses("invalid_argument", lambda: Client(self.peer.address, name="ü" * 65))
