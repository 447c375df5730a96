//! Reading back the letters of the development folder.

use std::path::Path;
use std::{fs, io};

use mail_parser::MessageParser;

/// A letter as somebody would read it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptLetter {
    /// The file's name.
    pub file: String,
    pub to: String,
    pub subject: String,
    pub text: String,
    /// The http(s) addresses in the text, each once, in its order.
    pub links: Vec<String>,
}

/// The newest letters in `folder`, newest first, at most `limit`; none if there is no folder yet.
pub(super) fn kept(folder: &Path, limit: usize) -> io::Result<Vec<KeptLetter>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "eml") {
            files.push(path);
        }
    }
    // The names begin with the time, as ids do.
    files.sort();
    files.iter().rev().take(limit).map(|path| read(path)).collect()
}

fn read(path: &Path) -> io::Result<KeptLetter> {
    let bytes = fs::read(path)?;
    let message = MessageParser::default().parse(&bytes);
    let message = message.as_ref();
    let text = message.and_then(|message| message.body_text(0)).unwrap_or_default().into_owned();
    let to = message.and_then(|message| message.to()?.first()?.address().map(str::to_owned));
    Ok(KeptLetter {
        file: path.file_name().unwrap_or_default().to_string_lossy().into_owned(),
        to: to.unwrap_or_default(),
        subject: message.and_then(|message| message.subject()).unwrap_or_default().to_owned(),
        links: links(&text),
        text,
    })
}

fn links(text: &str) -> Vec<String> {
    let mut links: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        let right = url::Url::parse(word).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        if right && !links.iter().any(|link| link == word) {
            links.push(word.to_owned());
        }
    }
    links
}
