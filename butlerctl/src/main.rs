//! The `butlerctl` command.

fn main() {}
