//! Kubeconfig files of people: entries of ours, and merging them into files that kubectl uses.
//!
//! [`entry`] builds what is put in, [`merge`] decides which file changes and how, [`mod@file`] reads and writes under kubectl's own
//! lock. What is in a file and not ours stays, also what this release does not know.

pub mod entry;
pub mod file;
pub mod merge;
