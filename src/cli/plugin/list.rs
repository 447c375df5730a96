//! `palisade plugin list`: what the configuration binds, and whether it loads.

use std::sync::Arc;

use super::Outcome;
use crate::cli::wire;
use crate::config::Config;
use crate::plugins::{Limits, NoHost, Plugins};

#[expect(clippy::print_stdout, reason = "the list is the output")]
pub(super) async fn run(config: Config) -> Outcome {
    let mut broken = 0_usize;
    let bindings = wire::plugin_bindings(&config)?;
    if bindings.is_empty() {
        println!("no plugin is bound");
    }
    // Each alone, so that one that does not load hides none of the others.
    for binding in bindings {
        let name = binding.plugin.clone();
        match Plugins::load(&config.plugins_dir, &[binding], Limits::default(), Arc::new(NoHost)).await {
            Ok(plugins) => {
                for it in plugins.loaded() {
                    let hook = it.hook.name();
                    println!("{} {}  {hook}  sha256 {}", it.plugin, it.version, it.sha256);
                    if !it.lacks.is_empty() {
                        println!("    asks for, and is not granted: {}", it.lacks.join(", "));
                    }
                }
            }
            Err(error) => {
                println!("{name}  DOES NOT LOAD: {error}");
                broken += 1;
            }
        }
    }
    if broken == 0 { Ok(()) } else { Err(format!("{broken} of the plugins do not load").into()) }
}
