//! What keeps guessing, flooding and telling accounts apart from paying off. Numbers such as D40 name the attack.

mod delays;
mod limits;
mod proxies;
