//! Who am I and which cluster: home folders and Kubernetes connections.
//!
//! Nothing here reads the environment beyond what the platform's folder conventions need; callers pass values in.

pub mod home;
pub mod kube;
pub mod read;
pub mod servers;
