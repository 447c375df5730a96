//! The `palisade` program; everything it does is in the library.

use std::process::ExitCode;

/// glibc's allocator keeps the memory of password hashes for ever; see `docs/performance.md`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    palisade::cli::main(give_back)
}

/// Gives the system what this thread freed, which the allocator would keep until there is work: reading policies and
/// compiling plugins leaves more than an idle server needs in all.
#[expect(unsafe_code, reason = "a C function; it has no precondition, and no safe wrapper")]
fn give_back() {
    // SAFETY: mimalloc is the allocator of this program, and collecting touches only what is free.
    unsafe { libmimalloc_sys::mi_collect(true) }
}
