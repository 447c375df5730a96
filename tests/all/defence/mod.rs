//! What keeps guessing, flooding and telling accounts apart from paying off. Numbers such as D40 name the attack.

mod addresses;
mod cookies;
mod delays;
mod equal_answers;
mod equal_times;
mod kinds;
mod limits;
mod passwords;
mod proxies;
