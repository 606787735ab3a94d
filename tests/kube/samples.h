// Objects as the API server sends them, with every member that is read.
#pragma once

namespace pd::test {

inline constexpr const char* kPod = R"({
  "apiVersion": "v1", "kind": "Pod",
  "metadata": {
    "name": "qwen-prefill-0-0-1", "namespace": "llm", "uid": "pod-uid", "resourceVersion": "42",
    "creationTimestamp": "2026-11-24T06:34:56Z", "deletionTimestamp": "2026-11-24T06:40:00Z",
    "labels": {"pd-operator.io/deployment": "qwen", "pd-operator.io/role": "prefill"},
    "annotations": {"huawei.com/AscendReal": "Ascend910-4", "kubectl.kubernetes.io/last-applied-configuration": "{}"},
    "ownerReferences": [{"apiVersion": "pd-operator.io/v1alpha1", "kind": "PDDeployment", "name": "qwen",
                         "uid": "owner-uid", "controller": true}],
    "managedFields": [{"manager": "x"}]},
  "spec": {
    "nodeName": "node-1", "hostNetwork": true,
    "containers": [
      {"name": "main", "image": "i", "resources": {"limits": {"huawei.com/Ascend910": "4", "cpu": "8"}}},
      {"name": "side", "image": "i", "resources": {"limits": {"huawei.com/Ascend910": 2, "memory": "1Gi"}}}]},
  "status": {
    "phase": "Running", "reason": "Evicted", "message": "why", "podIP": "10.0.0.5", "hostIP": "192.168.0.1",
    "conditions": [{"type": "Ready", "status": "True"}, {"type": "PodScheduled", "status": "False"}],
    "containerStatuses": [{"name": "main", "restartCount": 2}, {"name": "side", "restartCount": 3}]}})";

inline constexpr const char* kDeployment = R"({
  "apiVersion": "pd-operator.io/v1alpha1", "kind": "PDDeployment",
  "metadata": {"name": "qwen", "namespace": "llm", "uid": "deployment-uid", "resourceVersion": "77", "generation": 3},
  "spec": {
    "ranktable": {"profile": "OmniK8s", "publishPolicy": "Available", "lostGraceSeconds": 12, "serverAddress": "PodIP",
                  "serverID": "PerInstance", "requireLinkUp": true, "mountPath": "/tables"},
    "resourceNames": ["huawei.com/npu"],
    "gate": {"enabled": true, "sidecar": false, "timeoutSeconds": 60, "port": 9000, "image": "gate:1",
             "imagePullPolicy": "Always", "resources": {"limits": {"cpu": "10m"}}},
    "scheduler": {"template": {"spec": {"containers": [{"name": "s"}]}}},
    "prefill": {
      "instances": 2, "podsPerInstance": 3, "npusPerPod": 8, "template": {"spec": {"containers": [{"name": "p"}]}},
      "onPeerChange": "Restart", "reload": {"http": {"port": 8000, "path": "/reload"}},
      "rollingUpdate": {"maxUnavailable": "25%"},
      "restart": {"scope": "Pod", "backoffSeconds": 5, "maxBackoffSeconds": 50},
      "podReplacementPolicy": "Gone", "podDisruptionBudget": {"minAvailable": 4}},
    "decode": {"instances": 1, "adopt": {"instanceLabel": "a", "podIndexLabel": "b"},
               "rollingUpdate": {"maxUnavailable": 2}},
    "paused": true},
  "status": {
    "observedGeneration": 2,
    "ranktable": {"configMap": "qwen-ranktable", "state": "Completed", "generation": 7, "generationCeiling": 71,
                  "epoch": 1, "npus": 8, "missing": [{"instance": "prefill-1", "since": "2026-11-24T06:34:56Z"}],
                  "publishedAt": "2026-11-24T06:30:00Z", "digest": "sha256:00"},
    "incarnations": [{"slot": "prefill-1-0", "last": 3}],
    "adopted": [{"slot": "decode-0-0", "pod": "vllm-7c9"}],
    "scheduler": {"instances": 1, "ready": 1, "updated": 1, "summary": "1/1"},
    "prefill": {"instances": 2, "ready": 1, "updated": 2, "summary": "1/2"},
    "decode": {"instances": 1, "ready": 0, "updated": 0, "summary": "0/1"},
    "restarts": [{"instance": "prefill-1", "count": 3, "nextAttempt": "2026-11-24T07:00:00Z"}],
    "conditions": [{"type": "Ready", "status": "False", "reason": "Waiting", "message": "m",
                    "lastTransitionTime": "2026-11-24T06:31:00Z", "observedGeneration": 2}]}})";

}  // namespace pd::test
