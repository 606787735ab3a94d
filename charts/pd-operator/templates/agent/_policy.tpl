{{- /* RBAC can't say which Nodes and which of their annotations: this does. The token of a pod names the node that the pod is on.
(dict "context" $ "name" NAME "account" "NAMESPACE:NAME" "program" WORD "withdraws" BOOL) */ -}}
{{- define "pd-operator.nodePolicySpec" -}}
failurePolicy: Fail
matchConstraints:
  # Whatever else the role may allow one day.
  resourceRules:
  - {apiGroups: [""], apiVersions: ["*"], resources: [nodes, "nodes/*"], operations: [CREATE, UPDATE, DELETE, CONNECT]}
matchConditions:
- name: is-{{ .program }}
  expression: "request.userInfo.username == 'system:serviceaccount:{{ .account }}'"
variables:
- name: isPatch
  expression: "request.operation == 'UPDATE' && (!has(request.subResource) || request.subResource == '')"
- name: tokenNode
  expression: >-
    'authentication.kubernetes.io/node-name' in request.userInfo.extra
    ? request.userInfo.extra['authentication.kubernetes.io/node-name'][0] : ''
- name: before
  expression: "variables.isPatch && has(oldObject.metadata.annotations) ? oldObject.metadata.annotations : {}"
- name: after
  expression: "variables.isPatch && has(object.metadata.annotations) ? object.metadata.annotations : {}"
validations:
- expression: "variables.isPatch"
  message: {{ .program }} may only patch Nodes, no status and nothing else of them
{{- if .withdraws }}
- expression: >-
    !variables.isPatch ||
    variables.after.all(key, !key.startsWith('pd-operator.io/')
      || key in variables.before && variables.after[key] == variables.before[key])
  message: {{ .program }} may only remove annotations
{{- else }}
- expression: "variables.tokenNode == request.name && request.name != ''"
  messageExpression: >-
    '{{ .program }} may only patch its own Node, not ' + request.name + ': the token is of '
    + (variables.tokenNode == '' ? 'no pod on a node' : 'a pod on ' + variables.tokenNode)
{{- end }}
- expression: >-
    !variables.isPatch ||
    variables.before.all(key, key.startsWith('pd-operator.io/')
      || key in variables.after && variables.after[key] == variables.before[key])
    && variables.after.all(key, key.startsWith('pd-operator.io/') || key in variables.before)
  message: {{ .program }} may only change annotations under pd-operator.io/
- expression: >-
    !variables.isPatch ||
    (has(object.spec) ? has(oldObject.spec) && object.spec == oldObject.spec : !has(oldObject.spec))
    {{- range list "labels" "finalizers" "ownerReferences" }}
    && (has(object.metadata.{{ . }})
        ? has(oldObject.metadata.{{ . }}) && object.metadata.{{ . }} == oldObject.metadata.{{ . }}
        : !has(oldObject.metadata.{{ . }}))
    {{- end }}
  message: {{ .program }} may not change labels, taints, finalizers, owners or anything else of a Node's spec
{{- end -}}
