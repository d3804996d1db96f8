//! The `butlerctl` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    butlerctl::main()
}
