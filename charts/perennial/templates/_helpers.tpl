{{/* Names, labels and images: the one place that makes them. */}}
{{- define "perennial.fullname" -}}
{{- if contains "perennial" .Release.Name }}{{ .Release.Name | trunc 40 | trimSuffix "-" }}{{ else }}{{ printf "%s-perennial" .Release.Name | trunc 40 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "perennial.labels" -}}
app.kubernetes.io/name: perennial
app.kubernetes.io/instance: {{ .Release.Name }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/part-of: perennial
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version }}
{{- end }}

{{- define "perennial.selector" -}}
app.kubernetes.io/name: perennial
app.kubernetes.io/instance: {{ .root.Release.Name }}
app.kubernetes.io/component: {{ .component }}
{{- end }}

{{/* An image reference: dict root, image (operator, trainer, server, s3). */}}
{{- define "perennial.image" -}}
{{- $values := .root.Values.image -}}
{{- $digest := get $values.digests .image -}}
{{- $name := printf "%s-%s" $values.repository .image -}}
{{- if $digest }}{{ $name }}@{{ $digest }}{{ else }}{{ $name }}:{{ $values.tag | default .root.Chart.AppVersion }}{{ end }}
{{- end }}

{{- define "perennial.registry" -}}
s3://{{ .Values.storage.bucket }}/{{ .Values.storage.prefix }}
{{- end }}

{{- define "perennial.endpoint" -}}
{{- if .Values.storage.endpoint }}{{ .Values.storage.endpoint }}{{ else if .Values.s3.enabled }}http://{{ include "perennial.fullname" . }}-s3.{{ .Release.Namespace }}.svc:8333{{ end }}
{{- end }}

{{/* The key that every credential of the embedded store is derived from: given, or kept in its Secret, or new. */}}
{{- define "perennial.rootKey" -}}
{{- $name := printf "%s-s3" (include "perennial.fullname" .) -}}
{{- $live := lookup "v1" "Secret" .Release.Namespace $name -}}
{{- if .Values.s3.rootKey }}{{ .Values.s3.rootKey }}
{{- else if and $live (hasKey $live.data "rootKey") }}{{ index $live.data "rootKey" | b64dec }}
{{- else }}{{ if not (hasKey .Values.s3 "madeRootKey") }}{{ $_ := set .Values.s3 "madeRootKey" (randAlphaNum 40) }}{{ end }}{{ .Values.s3.madeRootKey }}
{{- end }}
{{- end }}

{{/* Access key id of a role: not secret, a function of its name. dict role */}}
{{- define "perennial.accessKey" -}}
PN{{ sha256sum .role | trunc 18 | upper }}
{{- end }}

{{/* Secret key of a role. dict rootKey, role */}}
{{- define "perennial.secretKey" -}}
{{ printf "%s/%s" .rootKey .role | sha256sum | trunc 40 }}
{{- end }}

{{/* AWS_* entries of a Secret's stringData. dict root, role, rootKey */}}
{{- define "perennial.credentials" -}}
AWS_ACCESS_KEY_ID: {{ include "perennial.accessKey" . | quote }}
AWS_SECRET_ACCESS_KEY: {{ include "perennial.secretKey" . | quote }}
AWS_REGION: {{ .root.Values.storage.region | quote }}
AWS_ENDPOINT_URL_S3: {{ include "perennial.endpoint" .root | quote }}
{{- end }}

{{- define "perennial.restrictedPod" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end }}

{{- define "perennial.restrictedContainer" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end }}
