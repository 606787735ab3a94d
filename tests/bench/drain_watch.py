"""How fast an API server sends the initial events of a watch: they are counted as bytes and thrown away. Run in the cluster's
network, with KUBECONFIG set.

    drain_watch.py NAMESPACE      says {"seconds": ..., "bytes": ...}, from before the connection to the bookmark that ends them
"""
import base64
import json
import os
import socket
import ssl
import sys
import tempfile
import time
import urllib.parse

import yaml

END = b"initial-events-end"
QUERY = "watch=1&allowWatchBookmarks=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan"


def connection():
    with open(os.environ["KUBECONFIG"], encoding="utf-8") as file:
        config = yaml.safe_load(file)
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    tls = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    with tempfile.NamedTemporaryFile() as pem:
        pem.write(base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"]))
        pem.flush()
        tls.load_cert_chain(pem.name)
    server = urllib.parse.urlsplit(cluster["server"])
    return tls.wrap_socket(socket.create_connection((server.hostname, server.port)), server_hostname=server.hostname)


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
