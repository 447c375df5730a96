# Shortcuts; each is one command you can also type.

# What there is
default:
    @just --list

# What a commit needs
ready:
    .ci/run

# All tests on both databases
test *names:
    scripts/test {{names}}

# Format and lint
lint:
    cargo fmt
    cargo clippy --all-targets --locked -- -D warnings

# The server, for development
run *arguments:
    cargo run -- {{arguments}}
