//! Templates of job scripts: names between at signs, and the values that replace them.

use crate::exit::UsageError;

/// Replaces every `@name@` of the template.
///
/// # Errors
/// [`UsageError`] for a name that has no value, with those that have one, and for a template without a name that it needs.
pub(crate) fn fill(template: &str, values: &[(&str, String)], needed: &[&str]) -> Result<String, UsageError> {
    let mut text = String::with_capacity(template.len());
    let mut rest = template;
    let mut used = Vec::new();
    while let Some((before, name, after)) = next_name(rest) {
        text.push_str(before);
        let Some((known, value)) = values.iter().find(|(known, _)| *known == name) else {
            let known: Vec<String> = values.iter().map(|(name, _)| format!("@{name}@")).collect();
            return Err(UsageError(format!(
                "the template has @{name}@, which means nothing; it may have {}",
                known.join(", ")
            )));
        };
        text.push_str(value);
        used.push(*known);
        rest = after;
    }
    text.push_str(rest);
    match needed.iter().find(|name| !used.contains(*name)) {
        Some(name) => Err(UsageError(format!(
            "the template lacks @{name}@; `allconv study submit FILE --print slurm` prints one that has it"
        ))),
        None => Ok(text),
    }
}

/// Returns the text before the next `@name@`, the name, and the text after it. A single at sign, as in `USR1@120`, is text.
fn next_name(text: &str) -> Option<(&str, &str, &str)> {
    let mut from = 0;
    while let Some(at) = text[from..].find('@').map(|at| from + at) {
        let after = &text[at + 1..];
        let length = after.find(|character: char| !character.is_ascii_lowercase()).unwrap_or(after.len());
        if length > 0 && after[length..].starts_with('@') {
            return Some((&text[..at], &after[..length], &after[length + 1..]));
        }
        from = at + 1;
    }
    None
}

/// Quotes a word for a shell, where it needs to be.
pub(crate) fn quoted(word: &str) -> String {
    let is_plain = |character: char| character.is_ascii_alphanumeric() || "-_./=:,+%".contains(character);
    if !word.is_empty() && word.chars().all(is_plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_replaced_and_other_at_signs_are_text() {
        let values = [("tasks", "8".to_owned()), ("work", "allconv".to_owned())];
        let filled = fill("a@b USR1@120 @work@ 1-@tasks@@tasks@ @", &values, &["work"]).unwrap();
        assert_eq!(filled, "a@b USR1@120 allconv 1-88 @");
        let told = fill("@taks@", &values, &[]).unwrap_err().to_string();
        assert!(told.contains("@taks@") && told.contains("@tasks@, @work@"), "{told}");
        assert!(fill("@tasks@", &values, &["work"]).unwrap_err().to_string().contains("lacks @work@"));
    }

    #[test]
    fn words_are_quoted_as_a_shell_reads_them() {
        assert_eq!(quoted("runs/a-b_c.toml"), "runs/a-b_c.toml");
        assert_eq!(quoted("base.train.epochs=[1, 2]"), "'base.train.epochs=[1, 2]'");
        assert_eq!(quoted("it's"), r"'it'\''s'");
        assert_eq!(quoted(""), "''");
    }
}
