//! Who am I and which cluster: home folders and Kubernetes connections.
