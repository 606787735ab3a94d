"""The API server of a test cluster, asked from this process: for what takes thousands of requests, or where each has to be timed.
The process must be in the cluster's network: enter_network() brings a program and the threads that it starts later there.

    api = ApiClient(kubeconfig)
    api.get("/api/v1/nodes/real-0")
    in_parallel(api.create_pod, specs)
"""
import base64
import concurrent.futures
import ctypes
import http.client
import json
import os
import ssl
import tempfile
import threading
import urllib.parse

import yaml

CLONE_NEWNET = 0x40000000
CLIENTS = 16


def enter_network(cluster):
    libc = ctypes.CDLL(None, use_errno=True)
    with open(f"/proc/{cluster.process('kube-apiserver')}/ns/net", encoding="ascii") as network:
        if libc.setns(network.fileno(), CLONE_NEWNET) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), "setns")


def read_kubeconfig(path):
    """The server's address and what TLS needs to know."""
    with open(path, encoding="utf-8") as file:
        config = yaml.safe_load(file)
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    tls = ssl.create_default_context(cadata=base64.b64decode(cluster["certificate-authority-data"]).decode())
    with tempfile.NamedTemporaryFile() as pem:
        pem.write(base64.b64decode(user["client-certificate-data"]) + base64.b64decode(user["client-key-data"]))
        pem.flush()
        tls.load_cert_chain(pem.name)
    server = urllib.parse.urlsplit(cluster["server"])
    return (server.hostname, server.port), tls


class ApiError(Exception):
    def __init__(self, what, status, said):
        super().__init__(f"{what}: {status} {said[:2000]}")
        self.status = status


class ApiClient:
    """A connection for each thread that uses it."""

    def __init__(self, kubeconfig):
        (self.host, self.port), self.tls = read_kubeconfig(kubeconfig)
        self.of_thread = threading.local()

    def ask(self, method, path, body=None, content="application/json"):
        if not hasattr(self.of_thread, "connection"):
            self.of_thread.connection = http.client.HTTPSConnection(self.host, self.port, context=self.tls, timeout=60)
        connection = self.of_thread.connection
        connection.request(method, path, json.dumps(body).encode() if body is not None else None, {"Content-Type": content})
        answer = connection.getresponse()
        said = answer.read()
        if answer.status >= 300:
            raise ApiError(f"{method} {path}", answer.status, said.decode(errors="replace"))
        return json.loads(said)

    def get(self, path):
        try:
            return self.ask("GET", path)
        except http.client.RemoteDisconnected:  # the server may end a connection that is idle
            self.of_thread.connection.close()
            return self.ask("GET", path)

    def create(self, path, body):
        return self.ask("POST", path, body)

    def merge(self, path, body):
        return self.ask("PATCH", path, body, "application/merge-patch+json")

    def delete_now(self, path):
        return self.ask("DELETE", path, {"gracePeriodSeconds": 0})


def in_parallel(call, items):
    """call(item) for all of them, several at a time; the first failure is raised."""
    with concurrent.futures.ThreadPoolExecutor(CLIENTS) as pool:
        return list(pool.map(call, items))
