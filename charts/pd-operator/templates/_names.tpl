{{- define "pd-operator.fullname" -}}
{{- if .Values.fullnameOverride -}}
{{- .Values.fullnameOverride -}}
{{- else if contains "pd-operator" .Release.Name -}}
{{- .Release.Name | trunc 45 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-pd-operator" (.Release.Name | trunc 33 | trimSuffix "-") -}}
{{- end -}}
{{- end -}}

{{- define "pd-operator.account" -}}
{{- .Values.operator.serviceAccount.name | default (include "pd-operator.fullname" .) -}}
{{- end -}}

{{- define "pd-operator.agentName" -}}
{{- printf "%s-agent" (include "pd-operator.fullname" .) -}}
{{- end -}}

{{- define "pd-operator.agentAccount" -}}
{{- .Values.agent.serviceAccount.name | default (include "pd-operator.agentName" .) -}}
{{- end -}}

{{- define "pd-operator.agentNamespace" -}}
{{- .Values.agent.namespace | default .Release.Namespace -}}
{{- end -}}

{{- /* The same in each release: Helm refuses a second set of agents, which would write the same annotations of the same Nodes. */ -}}
{{- define "pd-operator.agentPolicyName" -}}
pd-agent.pd-operator.io
{{- end -}}

{{- define "pd-operator.withdrawName" -}}
{{- printf "%s-withdraw" (include "pd-operator.fullname" .) -}}
{{- end -}}

{{- /* What finds the pods of one component: (list $ "agent"). A Deployment's can't be changed later. */ -}}
{{- define "pd-operator.selector" -}}
app.kubernetes.io/name: pd-operator
app.kubernetes.io/instance: {{ (index . 0).Release.Name | quote }}
app.kubernetes.io/component: {{ index . 1 }}
{{- end -}}

{{- define "pd-operator.labels" -}}
{{ include "pd-operator.selector" . }}
app.kubernetes.io/version: {{ (index . 0).Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ (index . 0).Release.Service }}
helm.sh/chart: {{ printf "%s-%s" (index . 0).Chart.Name (index . 0).Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "pd-operator.image" -}}
{{- $image := .Values.image -}}
{{- $repository := required "image.repository is empty: say where the image of pd-operator is, for example --set image.repository=registry.example.com/pd-operator, or take -f charts/pd-operator/values-lab.yaml in a laboratory" $image.repository -}}
{{- if $image.digest -}}
{{- printf "%s@%s" $repository $image.digest -}}
{{- else -}}
{{- printf "%s:%s" $repository ($image.tag | default .Chart.AppVersion) -}}
{{- end -}}
{{- end -}}
