"""Whether what an agent said of its node's NPUs was true, for every version of the annotation it ever wrote."""


def wrong_attributions(versions, pods, given):
    """What is wrong, as lines.

    versions: (node, content of the annotation npu-allocations), each that there was
    pods:     {uid: (namespace, name)} of all pods that there ever were
    given:    {uid: (node, ids)}, what kubelet gave to them
    """
    wrong = []
    for node, allocations in versions:
        holders = {}
        for entry in allocations["pods"]:
            said = f"{node} said that {entry['namespace']}/{entry['name']} ({entry['uid']}) holds {entry['devices']}"
            if pods.get(entry["uid"]) != (entry["namespace"], entry["name"]):
                wrong.append(f"{said}: that UID is of {pods.get(entry['uid'])}")
            if given.get(entry["uid"]) != (node, entry["devices"]):
                wrong.append(f"{said}: kubelet gave it {given.get(entry['uid'])}")
            for number in entry["devices"]:
                holders.setdefault(number, []).append(entry["uid"])
        wrong += [f"{node} said that {uids} all hold {number}" for number, uids in holders.items() if len(uids) > 1]
    return wrong
