"""The API server's audit log: who asked for what, and what came of it."""
import datetime
import json

WRITES = ("create", "update", "patch", "delete", "deletecollection")


class Entry:
    def __init__(self, fields):
        target = fields.get("objectRef", {})
        self.user = fields["user"].get("username", "")  # none where the token was no good any more
        self.verb = fields["verb"]
        self.group = target.get("apiGroup", "")
        self.resource = target.get("resource", "") + ("/" + target["subresource"] if "subresource" in target else "")
        self.namespace = target.get("namespace", "")
        self.name = target.get("name", "")
        self.status = fields.get("responseStatus", {}).get("code", 0)
        # By its roles; a quota or a policy that refuses answers 403, too.
        self.lacks_role = fields.get("annotations", {}).get("authorization.k8s.io/decision") == "forbid"
        self.received = moment(fields["requestReceivedTimestamp"])
        self.answered = moment(fields["stageTimestamp"])

    @property
    def is_write(self):
        return self.verb in WRITES

    @property
    def succeeded(self):
        return 200 <= self.status < 300

    def __repr__(self):
        return f"{self.user} {self.verb} {self.resource} {self.namespace}/{self.name}: {self.status} at {self.answered:.6f}"


def moment(text):
    """Seconds since the epoch."""
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp()


class AuditLog:
    """Reads on where it stopped; `entries` has all it has read."""

    def __init__(self, cluster):
        self.path = f"{cluster.state}/audit.log"
        self.offset = 0
        self.entries = []

    def read(self):
        with open(self.path, "rb") as log:
            log.seek(self.offset)
            for line in log:
                if not line.endswith(b"\n"):
                    break  # still being written
                self.offset += len(line)
                self.entries.append(Entry(json.loads(line)))
        return self.entries

    def writes(self, user, since=0.0, until=float("inf")):
        """A user's writes that were answered in that time, events apart: those are not fenced."""
        return [entry for entry in self.read() if entry.user == user and entry.is_write and since < entry.answered < until
                and entry.resource != "events"]
