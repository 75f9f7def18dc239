//! `shopper`: arguments to exit code.

use std::process::ExitCode;

fn main() -> ExitCode {
    mystery_shopper::cli::main()
}
