//! The `palisade` program; everything it does is in the library.

use std::process::ExitCode;

/// glibc's allocator keeps the memory of password hashes for ever; see `docs/performance.md`.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    palisade::cli::main(give_back)
}

/// Gives the system what only the start needed: reading policies and compiling plugins takes more memory, and more of
/// the program, than an idle server needs in all.
fn give_back() {
    collect();
    #[cfg(target_os = "linux")]
    // Without it the server is as good, and larger.
    let _ = unmap_code();
}

/// Gives back what this thread freed, which the allocator would keep until there is work.
#[expect(unsafe_code, reason = "a C function; it has no precondition, and no safe wrapper")]
fn collect() {
    // SAFETY: mimalloc is the allocator of this program, and collecting touches only what is free.
    unsafe { libmimalloc_sys::mi_collect(true) }
}

/// Takes the program's code out of this process; what runs next comes back, page by page, from the file as it is cached.
#[cfg(target_os = "linux")]
#[expect(
    unsafe_code,
    reason = "a call of the system; it is safe for these pages alone, which no wrapper can know"
)]
fn unmap_code() -> std::io::Result<()> {
    use rustix::mm::{Advice, madvise};
    use std::fs;

    let program = format!(" {}", fs::read_link("/proc/self/exe")?.display());
    // 561e1f200000-561e22800000 r-xp 01c00000 fe:01 262342    /usr/bin/palisade
    for line in fs::read_to_string("/proc/self/maps")?.lines().filter(|line| line.ends_with(&program)) {
        let mut words = line.split(' ');
        let (Some(range), Some("r-xp")) = (words.next(), words.next()) else { continue };
        let number = |text| usize::from_str_radix(text, 16).ok();
        let Some((Some(start), Some(end))) = range.split_once('-').map(|(a, b)| (number(a), number(b)))
        else {
            continue;
        };
        // SAFETY: nothing can have been written to these pages, so what the file has is what they held.
        unsafe { madvise(start as *mut _, end.saturating_sub(start), Advice::LinuxDontNeed)? }
    }
    Ok(())
}
