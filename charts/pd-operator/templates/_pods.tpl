{{- /* Passes Pod Security `restricted`; the image runs as any user. */ -}}
{{- define "pd-operator.restrictedPod" -}}
runAsNonRoot: true
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "pd-operator.restrictedContainer" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}

{{- define "pd-operator.pullSecrets" -}}
{{- with .Values.image.pullSecrets }}
imagePullSecrets:
{{ toYaml . }}
{{- end }}
{{- end -}}

{{- /* Which PDDeployments, and where the Lease is: for the operator and for its check. */ -}}
{{- define "pd-operator.scopeArgs" -}}
{{- with .Values.watchNamespaces }}
- --namespace={{ join "," . }}
{{- end }}
- --leader-elect-resource-name={{ include "pd-operator.fullname" . }}
- --leader-elect-resource-namespace={{ .Release.Namespace }}
{{- end -}}

{{- /* Of "15s", "1.5m", "500ms". */ -}}
{{- define "pd-operator.milliseconds" -}}
{{- if hasSuffix "ms" . -}}
{{- trimSuffix "ms" . | float64 -}}
{{- else if hasSuffix "m" . -}}
{{- mulf (trimSuffix "m" . | float64) 60000 -}}
{{- else -}}
{{- mulf (trimSuffix "s" . | float64) 1000 -}}
{{- end -}}
{{- end -}}
