//! The letters' texts in their languages, and an operator's own in place of ours.

use std::collections::{BTreeMap, HashMap};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use minijinja::{AutoEscape, Environment, UndefinedBehavior};

use super::letter::Template;
use crate::domain::Language;

/// Filled in by file name: `.html` escapes what it is given, `.txt` does not. A value that is missing is
/// an error, not an empty place in somebody's letter.
static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_auto_escape_callback(|name| {
        if name.ends_with(".html") { AutoEscape::Html } else { AutoEscape::None }
    });
    environment
});

/// The largest template, in bytes.
const MAX_TEMPLATE: usize = 256 * 1024;

/// The two forms of a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Form {
    Text,
    Html,
}

impl Form {
    pub(super) const fn extension(self) -> &'static str {
        match self {
            Self::Text => "txt",
            Self::Html => "html",
        }
    }
}

/// An operator's template that cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("mail_templates_dir: {}{}: {why}", path.display(), line.map(|line| format!(":{line}")).unwrap_or_default())]
pub struct TemplateError {
    pub path: PathBuf,
    /// From 1; none if it is about the whole file.
    pub line: Option<usize>,
    pub why: String,
}

/// Every template, in every language.
#[derive(Debug, Default)]
pub struct Catalogue {
    own: HashMap<(Template, Language, Form), String>,
}

impl Catalogue {
    /// Reads `<folder>/<language>/<letter>.txt` and `.html`; what is not there is ours. Each is filled in with
    /// examples, so that a broken one is found now and not when somebody waits for a letter.
    ///
    /// # Errors
    /// [`TemplateError`] on the first file that is no letter of ours, or cannot be read or filled in.
    pub fn read(folder: &Path) -> Result<Self, TemplateError> {
        let mut own = HashMap::new();
        for language in files(folder)? {
            let name = name_of(&language);
            let Some(known) = Language::ALL.into_iter().find(|known| known.as_str() == name) else {
                let each = Language::ALL.map(Language::as_str).join(", ");
                return Err(unusable(&language, format!("is not the folder of a language: {each}")));
            };
            for path in files(&language)? {
                let Some((template, form)) = letter_of(&name_of(&path)) else {
                    return Err(unusable(&path, "has the name of no letter; docs/operations.md lists them"));
                };
                let source = fs::read_to_string(&path).map_err(|error| unusable(&path, error.to_string()))?;
                check(&path, template, form, &source)?;
                own.insert((template, known, form), source);
            }
        }
        Ok(Self { own })
    }

    /// The letter's text with its values.
    pub(super) fn fill(
        &self,
        template: Template,
        language: Language,
        form: Form,
        values: &BTreeMap<&str, String>,
    ) -> Result<String, minijinja::Error> {
        let own = self.own.get(&(template, language, form)).map(String::as_str);
        let source = own.unwrap_or_else(|| match form {
            Form::Text => template.text(language),
            Form::Html => template.html(language),
        });
        ENVIRONMENT.render_named_str(&format!("{}.{}", template.name(), form.extension()), source, values)
    }
}

/// What is in a folder, sorted; what begins with a dot is nobody's business.
fn files(folder: &Path) -> Result<Vec<PathBuf>, TemplateError> {
    let unreadable = |error: std::io::Error| unusable(folder, error.to_string());
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        paths.push(entry.map_err(unreadable)?.path());
    }
    paths.retain(|path| !name_of(path).starts_with('.'));
    paths.sort();
    Ok(paths)
}

fn name_of(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn letter_of(file: &str) -> Option<(Template, Form)> {
    let (name, extension) = file.rsplit_once('.')?;
    let form = [Form::Text, Form::Html].into_iter().find(|form| form.extension() == extension)?;
    Some((Template::ALL.into_iter().find(|template| template.name() == name)?, form))
}

fn unusable(path: &Path, why: impl Into<String>) -> TemplateError {
    TemplateError { path: path.to_owned(), line: None, why: why.into() }
}

/// Fills the template in twice: with all it may get, and with only what it always gets.
fn check(path: &Path, template: Template, form: Form, source: &str) -> Result<(), TemplateError> {
    if source.len() > MAX_TEMPLATE {
        return Err(unusable(path, format!("is larger than {MAX_TEMPLATE} bytes")));
    }
    let (always, sometimes) = template.values();
    let example = |name: &&'static str| {
        let text = if *name == "link" { "https://example.com/?token=example" } else { "example" };
        (*name, text.to_owned())
    };
    let least: BTreeMap<&str, String> = always.iter().chain(&["service"]).map(example).collect();
    let mut most = least.clone();
    most.extend(sometimes.iter().chain(&["name"]).map(example));
    for values in [most, least] {
        let name = format!("{}.{}", template.name(), form.extension());
        let filled = ENVIRONMENT.render_named_str(&name, source, &values).map_err(|error| TemplateError {
            path: path.to_owned(),
            line: error.line(),
            why: error.detail().map_or_else(|| error.kind().to_string(), str::to_owned),
        })?;
        let subject = filled.lines().next().unwrap_or_default().trim();
        if form == Form::Text && subject.is_empty() {
            let why = "the first line of a text is the subject, and it is empty".to_owned();
            return Err(TemplateError { path: path.to_owned(), line: Some(1), why });
        }
        // A letter that must carry a link is worth nothing without it.
        if always.contains(&"link") && !filled.contains("token=example") {
            return Err(unusable(path, "does not hold {{ link }}, without which the letter is of no use"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(file: &str, text: &str) -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(file);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
        folder
    }

    #[test]
    fn our_own_templates_pass_what_an_operators_must() {
        for template in Template::ALL {
            for language in Language::ALL {
                let place = PathBuf::from(format!("{}/{}", language.as_str(), template.name()));
                check(&place, template, Form::Text, template.text(language)).unwrap();
                check(&place, template, Form::Html, template.html(language)).unwrap();
            }
        }
    }

    #[test]
    fn every_letter_is_written_in_every_language() {
        for template in Template::ALL {
            assert_ne!(template.text(Language::En), template.text(Language::De), "{}", template.name());
            assert_ne!(template.html(Language::En), template.html(Language::De), "{}", template.name());
            assert!(template.html(Language::De).contains("<html lang=\"de\">"), "{}", template.name());
        }
    }

    #[test]
    fn a_broken_template_is_told_with_its_file_and_line() {
        for (file, text, line, word) in [
            ("de/verify-email.txt", "Betreff\n\n{{ link }\n", Some(3), "unexpected"),
            ("en/verify-email.txt", "Subject\n{{ link }}\n{{ lnik }}\n", Some(3), "undefined"),
            ("en/waitlisted.txt", "Subject\n\n{{ name }}\n", Some(3), "undefined"),
            ("en/waitlisted.txt", "\nhello\n", Some(1), "subject"),
            ("en/verify-email.html", "<p>hello</p>", None, "link"),
            ("en/verify_email.txt", "Subject\n{{ link }}", None, "no letter"),
            ("fr/verify-email.txt", "Sujet\n{{ link }}", None, "language"),
            ("verify-email.txt", "Subject\n{{ link }}", None, "language"),
        ] {
            let folder = folder(file, text);
            let error = Catalogue::read(folder.path()).unwrap_err();
            assert_eq!(error.line, line, "{file}: {error}");
            let told = error.to_string();
            assert!(told.contains(file.split('/').next_back().unwrap()) || told.contains("/fr"), "{told}");
            assert!(told.contains(word), "{told}");
        }
        assert!(Catalogue::read(Path::new("/nowhere")).is_err());
    }

    #[test]
    fn an_operators_template_stands_for_one_letter_in_one_language() {
        let folder = folder("de/waitlisted.txt", "Geduld\n\nBald, {{ service }}!\n");
        let catalogue = Catalogue::read(folder.path()).unwrap();
        let values = BTreeMap::from([("service", "Acme".to_owned())]);
        let fill = |language| catalogue.fill(Template::Waitlisted, language, Form::Text, &values).unwrap();
        assert_eq!(fill(Language::De), "Geduld\n\nBald, Acme!");
        assert!(fill(Language::En).contains("You are on the waitlist"));
    }
}
