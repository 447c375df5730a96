//! Guests' words, made fit to be shown and logged.

/// At most `max` characters of `text` without control characters and the invisible ones that hide or
/// reorder text (UAX #9), with runs of white space as one space.
pub(super) fn line(text: &str, max: usize) -> String {
    let mut out = String::new();
    let mut gap = false;
    let mut length = 0;
    for c in text.chars() {
        if c.is_whitespace() {
            gap = true;
        } else if !hidden(c) {
            let cost = if gap && length > 0 { 2 } else { 1 };
            if length + cost > max {
                break;
            }
            if cost == 2 {
                out.push(' ');
            }
            out.push(c);
            length += cost;
            gap = false;
        }
    }
    out
}

fn hidden(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}')
        || matches!(c, '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// A word for programs: 1 to 64 of `a-z`, `0-9` and `-`, beginning with a letter.
pub(super) fn is_code(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// The name of a form's field: as a code, with `_` and `.` besides.
pub(super) fn is_field(text: &str) -> bool {
    is_code(&text.replace(['_', '.'], "-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_hides_or_reorders_is_dropped() {
        assert_eq!(line("\u{1b}[31m red\r\n\u{202e}txt\u{0} ", 100), "[31m red txt");
        assert_eq!(line(" \n\t", 100), "");
    }

    #[test]
    fn the_bound_counts_characters() {
        assert_eq!(line("éé é", 3), "éé");
        assert_eq!(line("éé é", 4), "éé é");
        assert_eq!(line(&"x".repeat(1000), 300).len(), 300);
    }

    #[test]
    fn a_code_is_kebab_case() {
        for good in ["a", "closed", "registration-closed-2"] {
            assert!(is_code(good), "{good}");
        }
        for bad in ["", "-a", "a-", "2a", "Closed", "a b", "a_b", "é", &"x".repeat(65)] {
            assert!(!is_code(bad), "{bad}");
        }
        assert!(is_field("address.post_code") && !is_field("e-mail\r\n"));
    }
}
