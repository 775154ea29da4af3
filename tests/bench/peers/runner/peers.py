# Copyright The Millrace Authors. SPDX-License-Identifier: Apache-2.0
"""What differs between the peers: their programs, versions, configuration and start."""
from __future__ import annotations

import shutil
import string
import uuid
from pathlib import Path

from runner.programs import (LeftOut, found, jar_version, java_classes, nats_from_module, said_by)
from runner.server import Server, free_ports, on_cpus

CONFIG = Path(__file__).parent.parent / "config"
RABBITMQ = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")  # The one in PATH wants a user of its own.
# As Kafka's own start script has them.
KAFKA_JVM = ["-server", "-Xms1G", "-Xmx1G", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20",
             "-XX:InitiatingHeapOccupancyPercent=35", "-XX:+ExplicitGCInvokesConcurrent"]
QUIET = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"


class Peer:
    """`synced`: an acknowledgement means on the disk; else the peer's default."""
    name = ""
    has_synced = True

    def __init__(self, build: Path, synced: bool):
        if synced and not self.has_synced:
            raise LeftOut(f"{self.name} has no acknowledgement that means on the disk")
        self.build = build
        self.synced = synced

    def version(self) -> str:
        """Of broker and client. Raises: LeftOut, when this machine cannot have them."""
        raise NotImplementedError

    def server(self, folder: Path, cpus: str) -> Server:
        """Not started yet, on the empty folder."""
        raise NotImplementedError

    def config(self, name: str, suffix: str, **words: object) -> str:
        file = CONFIG / f"{name}{'_synced' if self.synced else ''}{suffix}"
        return string.Template(file.read_text()).substitute(words)


class Kafka(Peer):
    name = "kafka"

    def version(self) -> str:
        java_classes(self.build)
        return (f"Apache Kafka {jar_version(self.build, 'kafka_2.13')}, its Java client "
                f"{jar_version(self.build, 'kafka-clients')}")

    def server(self, folder: Path, cpus: str) -> Server:
        port, controller_port = free_ports(2)
        settings = folder / "server.properties"
        settings.write_text(self.config("kafka", ".properties", port=port, data=folder / "data",
                                        controller_port=controller_port))
        java = ["java", QUIET, "-cp", java_classes(self.build)]
        said_by([*java, "kafka.tools.StorageTool", "format", "-t", uuid.uuid4().hex[:22], "-c",
                 str(settings)])
        return Server(on_cpus(cpus, [java[0], *KAFKA_JVM, *java[1:], "kafka.Kafka",
                                     str(settings)]), port, folder / "log")


class Nats(Peer):
    name = "nats"

    def version(self) -> str:
        java_classes(self.build)
        said = said_by([self._program(), "--version"])
        return f"{said.strip().replace(': v', ' ')}, jnats {jar_version(self.build, 'jnats')}"

    def server(self, folder: Path, cpus: str) -> Server:
        (port,) = free_ports(1)
        settings = folder / "nats.conf"
        settings.write_text(self.config("nats", ".conf", port=port, data=folder / "data"))
        return Server(on_cpus(cpus, [self._program(), "-c", str(settings)]), port, folder / "log")

    def _program(self) -> str:
        if not self.synced:
            return found("nats-server")
        try:
            installed = found("nats-server")
            said_by([installed, "-t", "-c", str(CONFIG / "nats_synced.conf")])
        except LeftOut:
            return nats_from_module(self.build)
        return installed


class RabbitMq(Peer):
    name = "rabbitmq"
    has_synced = False

    def version(self) -> str:
        java_classes(self.build)
        if not RABBITMQ.exists():
            raise LeftOut("rabbitmq-server is not installed")
        broker = said_by(["dpkg-query", "-W", "-f", "${Version}", "rabbitmq-server"])
        return f"RabbitMQ {broker}, its stream client {jar_version(self.build, 'stream-client')}"

    def server(self, folder: Path, cpus: str) -> Server:
        port, distribution_port, epmd_port = free_ports(3)
        (folder / "rabbitmq.conf").write_text(self.config("rabbitmq", ".conf", port=port))
        shutil.copy(CONFIG / "rabbitmq_plugins", folder / "plugins")
        (folder / "env").touch()
        environment = {
            "HOME": folder, "RABBITMQ_NODENAME": f"bench-{port}@localhost",
            "RABBITMQ_MNESIA_BASE": folder / "data", "RABBITMQ_LOG_BASE": folder,
            "RABBITMQ_CONFIG_FILE": folder / "rabbitmq.conf", "RABBITMQ_CONF_ENV_FILE": folder / "env",
            "RABBITMQ_ENABLED_PLUGINS_FILE": folder / "plugins", "RABBITMQ_NODE_PORT": port,
            "RABBITMQ_DIST_PORT": distribution_port, "ERL_EPMD_PORT": epmd_port,
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            # Lets the script become the broker, which the kernel then ends with its parent.
            "RUNNING_UNDER_SYSTEMD": "true"}
        # Erlang's port mapper as one of our group: else the node starts one that outlives it.
        start = (f"setpriv --pdeathsig KILL epmd -port {epmd_port} -address 127.0.0.1 & "
                 f'exec "{RABBITMQ}"')
        return Server(on_cpus(cpus, ["sh", "-c", start]), port, folder / "log",
                      {name: str(value) for name, value in environment.items()})


PEERS = {peer.name: peer for peer in (Kafka, Nats, RabbitMq)}
