//! Small charts of our own, packaged in the test.

use std::{
    fs::File,
    path::{Path, PathBuf},
};

use flate2::{Compression, write::GzEncoder};

const TEMPLATE: &str = r"
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-settings
data:
  version: {{ .Chart.Version | quote }}
  text: {{ .Values.text | quote }}
  secret: {{ .Values.auth.password | sha256sum | quote }}
{{- if .Values.broken }}
---
apiVersion: v1
kind: Service
metadata:
  name: {{ .Release.Name }}-broken
spec:
  ports:
    - port: 0
{{- end }}
{{- if .Values.installHook }}
---
apiVersion: v1
kind: ConfigMap
metadata:
  name: {{ .Release.Name }}-installed
  annotations:
    helm.sh/hook: post-install
{{- end }}
{{- if .Values.workload }}
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: {{ .Release.Name }}
spec:
  selector: {matchLabels: {app: demo}}
  template:
    metadata: {labels: {app: demo}}
    spec:
      containers: [{name: demo, image: none}]
{{- end }}
{{- if .Values.finalizers }}
---
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata:
  name: things.test.example.org
spec:
  group: test.example.org
  scope: Namespaced
  names: {kind: Thing, plural: things, singular: thing, listKind: ThingList}
  versions:
    - name: v1
      served: true
      storage: true
      schema: {openAPIV3Schema: {type: object, x-kubernetes-preserve-unknown-fields: true}}
---
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-uninstall
  annotations:
    helm.sh/hook: pre-delete
    helm.sh/hook-delete-policy: before-hook-creation
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: refuse, image: none}]
{{- end }}
{{- if .Values.hangAfter }}
---
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-hang-after
  annotations:
    helm.sh/hook: post-install
    helm.sh/hook-delete-policy: before-hook-creation
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: hang, image: none}]
{{- end }}
{{- if .Values.hang }}
---
apiVersion: batch/v1
kind: Job
metadata:
  name: {{ .Release.Name }}-hang
  annotations:
    helm.sh/hook: pre-install,pre-upgrade
    helm.sh/hook-delete-policy: before-hook-creation
spec:
  template:
    spec:
      restartPolicy: Never
      containers: [{name: hang, image: none}]
{{- end }}
";

const VALUES: &str = "text: none\nauth: {password: none}\nbroken: false\ninstallHook: false\nworkload: false\nhang: false\nhangAfter: false\nfinalizers: false\n";

/// Packages the chart `demo` in this version; gives the file.
///
/// `broken` makes the API server refuse one of its objects; `hang` gives it a hook that never ends where no controller
/// runs, and `hangAfter` one that comes after everything else; `installHook` an object that only an install creates;
/// `finalizers` a definition, and a hook that refuses a removal.
pub(crate) fn demo(folder: &Path, version: &str) -> PathBuf {
    let chart = format!("apiVersion: v2\nname: demo\nversion: {version}\nappVersion: \"1.0\"\n");
    let path = folder.join(format!("demo-{version}.tgz"));
    let mut archive = tar::Builder::new(GzEncoder::new(File::create(&path).unwrap(), Compression::fast()));
    for (name, content) in [
        ("Chart.yaml", chart.as_str()),
        ("values.yaml", VALUES),
        ("templates/all.yaml", TEMPLATE),
    ] {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len().try_into().unwrap());
        header.set_mode(0o644);
        archive
            .append_data(&mut header, format!("demo/{name}"), content.as_bytes())
            .unwrap();
    }
    archive.into_inner().unwrap().finish().unwrap();
    path
}
