//! `componentize MODULE.wasm COMPONENT.wasm`: wraps a core module built against a WIT world.
//!
//! The world is in a custom section that the SDK put into the module. Used by `scripts/build-plugin`.

use std::{env, error::Error, fs};

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = env::args().skip(1);
    let (Some(module), Some(component)) = (arguments.next(), arguments.next()) else {
        return Err("usage: componentize MODULE.wasm COMPONENT.wasm".into());
    };
    let module = fs::read(module)?;
    let bytes = wit_component::ComponentEncoder::default().validate(true).module(&module)?.encode()?;
    fs::write(component, bytes)?;
    Ok(())
}
