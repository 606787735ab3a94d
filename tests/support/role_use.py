"""Roles against the API server's audit log: what an identity was refused, and what it is allowed and never did."""


def granted(rules):
    """(group, resource, verb) of RBAC rules."""
    return {(group, resource, verb) for rule in rules for group in rule["apiGroups"] for resource in rule["resources"]
            for verb in rule["verbs"]}


def rules_for(items, account):
    """All rules that rendered bindings give to a service account."""
    roles = {(item["kind"], item["metadata"].get("namespace"), item["metadata"]["name"]): item["rules"] for item in items
             if item["kind"] in ("Role", "ClusterRole")}
    return [rule for item in items if item["kind"] in ("RoleBinding", "ClusterRoleBinding")
            and account in [subject["name"] for subject in item["subjects"]]
            for rule in roles[(item["roleRef"]["kind"], item["metadata"].get("namespace"), item["roleRef"]["name"])]]


class Use:
    def __init__(self, entries, user):
        asked = [entry for entry in entries if entry.user == user and entry.resource]
        self.refused = sorted({(entry.group, entry.resource, entry.verb) for entry in asked if entry.lacks_role})
        self.done = {(entry.group, entry.resource, entry.verb) for entry in asked if not entry.lacks_role}

    def unused(self, rules):
        return sorted(granted(rules) - self.done)

    def beyond(self, rules, everybody):
        """What was let through and no rule grants, but for what everybody may."""
        return sorted(self.done - granted(rules) - everybody)
