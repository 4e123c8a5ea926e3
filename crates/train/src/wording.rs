//! Messages about values of the wrong type, in the words of a study file: numbers, text, lists and tables.

/// Types as the reader of TOML names them, with the words for people.
const EXPECTED: [(&[&str], &str); 8] = [
    (&["f32", "f64"], "a number"),
    (&["u8", "u16", "u32", "u64", "usize"], "a whole number, 0 or above"),
    (&["i8", "i16", "i32", "i64", "isize"], "a whole number"),
    (&["a nonzero u32", "a nonzero u64", "a nonzero usize"], "a whole number, 1 or above"),
    (&["a boolean"], "true or false"),
    (&["a string", "string"], "text in quotes"),
    (&["a sequence"], "a list such as [1, 2]"),
    (&["a map", "map"], "a table such as { key = 1 }"),
];

/// Returns the message without the names that Rust has for types and their alternatives.
pub(crate) fn plain(message: &str) -> String {
    if let Some(found) = message.strip_prefix("missing field ") {
        return format!("{found} is missing");
    }
    for prefix in ["unknown field ", "unknown variant "] {
        if let Some((name, choices)) =
            message.strip_prefix(prefix).and_then(|rest| rest.split_once(", expected "))
        {
            return format!("there is no {name}; possible are {}", choices.trim_start_matches("one of "));
        }
    }
    let value = message.strip_prefix("invalid type: ").or_else(|| message.strip_prefix("invalid value: "));
    match value.and_then(|rest| rest.rsplit_once(", expected ")) {
        Some((found, wanted)) => format!("{}; expected {}", is(found, wanted), expected(wanted)),
        None => message.to_owned(),
    }
}

fn expected(wanted: &str) -> String {
    let known = EXPECTED.iter().find(|(names, _)| names.contains(&wanted));
    match known {
        Some((_, words)) => (*words).to_owned(),
        None if wanted.starts_with("struct ") => "a table such as { key = 1 }".to_owned(),
        None => wanted.replace("enum ", "one name of "),
    }
}

/// Returns what the value is, as a clause.
fn is(found: &str, wanted: &str) -> String {
    let quoted = |text: &str| text.trim_matches('`').to_owned();
    let (kind, value) = found.split_once(' ').unwrap_or((found, ""));
    match kind {
        "string" => format!("{value} is text"),
        "integer" if !expected(wanted).contains("number") => format!("{} is a number", quoted(value)),
        "integer" => format!("{} is not possible", quoted(value)),
        "boolean" => format!("{} is true or false", quoted(value)),
        "floating" => {
            let value = quoted(value.trim_start_matches("point "));
            if expected(wanted).contains("whole") {
                format!("{value} is not a whole number")
            } else {
                format!("{value} is a number")
            }
        }
        "sequence" => "this is a list".to_owned(),
        "map" => "this is a table".to_owned(),
        _ => format!("this is a {found}"),
    }
}
