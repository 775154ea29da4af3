# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Frames and the greeting: the bytes of docs/wire_format.md, and nothing that breaks its rules."""
import struct
import unittest

from support.peer import HEADER, hello_payload

from millrace.address import parse_address, parse_addresses
from millrace.calls_topics import encode_metadata
from millrace.errors import MillraceError
from millrace.frame import (RESPONSE_BYTES_MAX, TABLE_BYTES_MAX, Api, decode_header,
                            encode_request)
from millrace.hello import decode_hello, encode_hello


def header(**changed: int) -> bytes:
    fields = {"frame_bytes": 44, "magic": 0x524D, "version": 1, "flags": 1, "api": 11,
              "api_version": 1, "correlation_id": 7, "table_bytes": 24, "reserved": 0}
    return HEADER.pack(*(fields | changed).values())


class Frames(unittest.TestCase):
    def test_are_those_of_the_worked_example(self):
        data = b"".join(encode_request(Api.METADATA, 7, encode_metadata(None), []))
        self.assertEqual(data[:24].hex(" "), "2c 00 00 00 4d 52 01 00 0b 00 01 00 07 00 00 00 "
                                             "18 00 00 00 00 00 00 00")
        self.assertEqual(len(data), 48)

    def test_are_filled_to_eight_bytes_behind_the_payload(self):
        for size in range(17):
            data = b"".join(encode_request(Api.PRODUCE, 1, bytes(8), [b"x" * size], True))
            self.assertEqual(len(data) % 8, 0)
            self.assertEqual(struct.unpack_from("<I", data)[0], len(data) - 4)
            self.assertEqual(data[7], 2)
            self.assertEqual(data[32:].rstrip(b"\0"), b"x" * size)

    def test_of_answers_are_read(self):
        read = decode_header(header())
        self.assertEqual((read.body_bytes, read.table_bytes), (24, 24))
        self.assertEqual((read.api, read.correlation_id), (11, 7))
        decode_header(header(frame_bytes=RESPONSE_BYTES_MAX - 4))

    def test_that_break_a_rule_are_refused_before_anything_is_read(self):
        for wrong in ({"magic": 0x4D52}, {"version": 2}, {"flags": 0}, {"flags": 3}, {"flags": 5},
                      {"frame_bytes": 12}, {"frame_bytes": 45}, {"frame_bytes": 0},
                      {"frame_bytes": RESPONSE_BYTES_MAX + 4}, {"frame_bytes": 0xFFFFFFFC},
                      {"table_bytes": 20}, {"table_bytes": 32}, {"reserved": 1},
                      {"table_bytes": TABLE_BYTES_MAX + 8,
                       "frame_bytes": TABLE_BYTES_MAX + 8 + 20}):
            with self.subTest(wrong), self.assertRaises(MillraceError) as refused:
                decode_header(header(**wrong))
            self.assertEqual(refused.exception.name, "protocol_violation")


class Greeting(unittest.TestCase):
    def test_names_the_client(self):
        data = encode_hello("größe", "0.1.0")
        self.assertEqual(data[:8], struct.pack("<HHI", 7, 5, 0))
        self.assertEqual(data[8:], "größe0.1.0".encode() + bytes(4))

    def test_says_what_the_broker_speaks(self):
        hello = decode_hello(hello_payload({30: (1, 3), 31: (2, 3)}))
        self.assertEqual((hello.node_id, hello.broker_version), (1, "fake"))
        hello.require(Api.PRODUCE)
        for api, name in ((Api.FETCH, "unsupported_version"), (Api.METADATA, "unsupported_api")):
            with self.assertRaises(MillraceError) as refused:
                hello.require(api)
            self.assertEqual(refused.exception.name, name)

    def test_brings_the_brokers_refusal(self):
        with self.assertRaises(MillraceError) as refused:
            decode_hello(hello_payload(error=4, message="too old"))
        self.assertEqual(refused.exception.name, "unsupported_version")
        self.assertIn("too old", str(refused.exception))

    def test_ends_where_a_password_is_wanted(self):
        with self.assertRaises(MillraceError) as refused:
            decode_hello(hello_payload(authentication=1))
        self.assertEqual(refused.exception.name, "authentication_required")

    def test_is_refused_when_it_is_shorter_than_it_says(self):
        data = hello_payload()
        for size in range(len(data)):
            with self.assertRaises(MillraceError) as refused:
                decode_hello(data[:size])
            self.assertEqual(refused.exception.name, "protocol_violation")


class Addresses(unittest.TestCase):
    def test_are_hosts_with_ports_or_paths(self):
        self.assertEqual(parse_address("broker:9192")[:2], ("broker", 9192))
        self.assertEqual(parse_address("[::1]:9192")[:2], ("::1", 9192))
        self.assertEqual(parse_address("unix:/run/a:b").path, "/run/a:b")
        self.assertEqual([str(one) for one in parse_addresses("a:1, unix:/b")], ["a:1", "unix:/b"])

    def test_that_are_neither_are_refused_by_name(self):
        for text in ("", "broker", "broker:", ":9192", "broker:0", "broker:65536", "broker:x",
                     "unix:", "a:1,"):
            with self.subTest(text), self.assertRaises(MillraceError) as refused:
                parse_addresses(text)
            self.assertEqual(refused.exception.name, "invalid_address")
