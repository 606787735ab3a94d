"""How fast an API server sends the initial events of a watch: they are counted as bytes and thrown away. Run in the cluster's
network, with KUBECONFIG set.

    drain_watch.py NAMESPACE      says {"seconds": ..., "bytes": ...}, from before the connection to the bookmark that ends them
"""
import json
import os
import socket
import sys
import time

from api_client import read_kubeconfig

END = b"initial-events-end"
QUERY = "watch=1&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"


def connection():
    server, tls = read_kubeconfig(os.environ["KUBECONFIG"])
    return tls.wrap_socket(socket.create_connection(server), server_hostname=server[0])


def drain(namespace):
    began = time.monotonic()
    stream = connection()
    stream.sendall(f"GET /api/v1/namespaces/{namespace}/pods?{QUERY} HTTP/1.1\r\nHost: kubernetes\r\nAccept: application/json\r\n"
                   "Accept-Encoding: identity\r\n\r\n".encode())
    count, last, buffer = 0, b"", bytearray(1 << 17)
    while True:
        length = stream.recv_into(buffer)
        if length == 0:
            sys.exit("drain_watch: the stream ended before the initial events did")
        count += length
        # The words may lie across two pieces.
        if END in last + buffer[:length]:
            return {"seconds": time.monotonic() - began, "bytes": count}
        last = bytes(buffer[max(0, length - len(END)):length])


if __name__ == "__main__":
    print(json.dumps(drain(sys.argv[1])))
