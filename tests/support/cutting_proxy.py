"""A TCP proxy that ends connections at random moments, as networks do. Run in a test cluster's network:

    cutting_proxy.py HOST PORT SEED        says {"port": ...} at first: it listens on 127.0.0.1

It answers commands on stdin, each with the number of connections that it has ended so far, {"cuts": 12}:

    cut SECONDS    from now on each connection lives for a random time with this mean
    hold           ends all connections, and takes no new ones
    pass           lets connections be

How a connection ends is random, too: closed, reset, closed in the middle of what was being sent, or silent for ever.
"""
import asyncio
import json
import random
import socket
import struct
import sys

MANNERS = ("close", "reset", "truncate", "silence")


class Connection:
    """Bytes in both directions, until it is cut or one side has closed."""

    def __init__(self, proxy, client, server):
        self.proxy = proxy
        self.streams = (client, server)
        self.manner = None
        self.timer = None

    async def run(self):
        (client_reader, client), (server_reader, server) = self.streams
        pumps = [asyncio.create_task(self.pump(client_reader, server)), asyncio.create_task(self.pump(server_reader, client))]
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            await asyncio.gather(*pumps, return_exceptions=True)
            self.close()

    async def pump(self, reader, writer):
        while data := await reader.read(1 << 16):
            if self.manner == "silence":
                continue  # what is sent is lost, and nobody is told
            if self.manner == "truncate":
                writer.write(data[:self.proxy.rng.randrange(len(data))])
                await writer.drain()
                return
            writer.write(data)
            await writer.drain()

    def cut(self, manner):
        """In that manner, now or with the next bytes."""
        self.manner = manner
        self.proxy.cuts += 1
        if manner in ("close", "reset"):
            self.close()

    def close(self):
        if self.timer:
            self.timer.cancel()
        for _, writer in self.streams:
            sock = writer.get_extra_info("socket")
            if self.manner == "reset" and sock is not None:
                sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            writer.transport.abort() if self.manner == "reset" else writer.close()


class Proxy:
    def __init__(self, host, port, seed):
        self.target = (host, port)
        self.rng = random.Random(seed)
        self.mean = None
        self.holds = False
        self.connections = set()
        self.cuts = 0

    async def accept(self, reader, writer):
        if self.holds:
            writer.close()
            return
        try:
            server = await asyncio.open_connection(*self.target)
        except OSError:
            writer.close()
            return
        connection = Connection(self, (reader, writer), server)
        self.connections.add(connection)
        self.arm(connection)
        try:
            await connection.run()
        finally:
            self.connections.discard(connection)

    def arm(self, connection):
        if connection.timer:
            connection.timer.cancel()
        if self.mean and not connection.manner:
            after = self.rng.expovariate(1 / self.mean)
            connection.timer = asyncio.get_running_loop().call_later(after, connection.cut, self.rng.choice(MANNERS))

    def obey(self, command, *words):
        self.mean = float(words[0]) if command == "cut" else None
        self.holds = command == "hold"
        for connection in list(self.connections):
            self.arm(connection)
            # Those that are silent would stay so.
            if self.holds or (command == "pass" and connection.manner):
                connection.cut("reset")
        return {"cuts": self.cuts}


async def main(host, port, seed):
    proxy = Proxy(host, int(port), int(seed))
    server = await asyncio.start_server(proxy.accept, "127.0.0.1", 0)
    print(json.dumps({"port": server.sockets[0].getsockname()[1]}), flush=True)
    commands = asyncio.StreamReader()
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(commands), sys.stdin)
    while line := (await commands.readline()).split():
        print(json.dumps(proxy.obey(*(word.decode() for word in line))), flush=True)
    server.close()
    for connection in list(proxy.connections):
        connection.cut("close")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
