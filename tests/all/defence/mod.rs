//! What keeps guessing, flooding and telling accounts apart from paying off. Numbers such as D40 name the attack.

mod cookies;
mod delays;
mod equal_answers;
mod limits;
mod passwords;
mod proxies;
