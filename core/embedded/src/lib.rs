//! A small Kubernetes-compatible API server in process, persisted to one folder.
