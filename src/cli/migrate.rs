//! `palisade migrate`.

use super::Outcome;
use crate::config::Config;
use crate::store::{MIGRATIONS, Store};

#[expect(clippy::print_stdout, reason = "this is the command line")]
pub(super) async fn run(config: Config) -> Outcome {
    std::fs::create_dir_all(&config.data_dir)?;
    let store = Store::open(config.database_url().expose()).await?;
    store.close().await;
    println!("the database is at migration {}", MIGRATIONS.last().map_or(0, |(number, ..)| *number));
    Ok(())
}
