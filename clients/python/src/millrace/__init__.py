# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""Client of the Millrace event-streaming broker. Begin with Client, then make a Producer, a
Consumer or an Admin of it."""
from millrace.admin import Admin, NewTopic
from millrace.client import Client
from millrace.consumer import Consumer, ConsumerOptions
from millrace.errors import BatchError, BrokerError, ConnectionFailed, MillraceError, ReadError
from millrace.producer import Producer, ProducerOptions
from millrace.types import (Ack, Acks, Compression, Durability, NewRecord, Position, Record,
                            TopicPartition)
from millrace.version import VERSION as __version__

__all__ = ["Ack", "Acks", "Admin", "BatchError", "BrokerError", "Client", "Compression",
           "ConnectionFailed", "Consumer", "ConsumerOptions", "Durability", "MillraceError",
           "NewRecord", "NewTopic", "Position", "Producer", "ProducerOptions", "ReadError", "Record",
           "TopicPartition", "__version__"]
