//! The `palisade` program; everything it does is in the library.
#![forbid(unsafe_code)]

use std::process::ExitCode;

/// glibc's allocator keeps the memory of password hashes for ever; see `docs/performance.md`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    palisade::cli::main()
}
