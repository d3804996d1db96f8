//! Talos secrets bundle, machine configuration, talosconfig and client.
