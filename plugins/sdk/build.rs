//! Writes each world's type as `wit-component` reads it out of a module: a plugin is of one world, and this crate knows
//! all of them.

use std::{env, error::Error, fs, path::PathBuf};

use wit_component::{StringEncoding, metadata};
use wit_parser::Resolve;

const WIT: &str = "../wit/palisade-plugin@0.2.0";

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed={WIT}");
    let out = PathBuf::from(env::var_os("OUT_DIR").ok_or("cargo gives build scripts an OUT_DIR")?);
    let mut resolve = Resolve::default();
    let (package, _) = resolve.push_dir(WIT)?;
    for (name, world) in &resolve.packages[package].worlds {
        let bytes = metadata::encode(&resolve, *world, StringEncoding::UTF8, None)?;
        fs::write(out.join(format!("{name}.world")), bytes)?;
    }
    Ok(())
}
