//! The `butleradm` command.

fn main() {}
