//! Free text from outside, with hidden characters made visible.
//!
//! Control characters and marks that turn the direction of writing can make a text look like another one. In names they are refused; in
//! sentences of people, and in what is read back from files, they are shown as their code point, `⟨U+202E⟩`.

/// Whether a character changes how other characters look without being seen itself: controls (C0, C1) and marks of direction, line and
/// paragraph separators and the byte order mark.
pub(crate) fn is_hidden(character: char) -> bool {
    character.is_control()
        || matches!(
            character,
            '\u{061c}'
                | '\u{200e}'
                | '\u{200f}'
                | '\u{2028}'
                | '\u{2029}'
                | '\u{202a}'..='\u{202e}'
                | '\u{2066}'..='\u{2069}'
                | '\u{feff}'
        )
}

/// The text with hidden characters shown as code points. Line ends and tabs, which every text has, stay.
pub(crate) fn visible(text: &str) -> String {
    if !text.chars().any(is_hidden) {
        return text.to_owned();
    }
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\t' => shown.push(character),
            hidden if is_hidden(hidden) => shown.push_str(&format!("⟨U+{:04X}⟩", u32::from(hidden))),
            other => shown.push(other),
        }
    }
    shown.replace("⟨U+000D⟩\n", "\n")
}

/// `1 run`, `2 runs`.
pub(crate) fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hidden_characters_are_shown_and_all_others_stay() {
        assert_eq!(visible("a\u{202e}b\u{0}c\u{85}\u{200f}"), "a⟨U+202E⟩b⟨U+0000⟩c⟨U+0085⟩⟨U+200F⟩");
        for text in ["one line\n\tand another", "“quotes” − × λ 猫 👩‍👩‍👧", "Windows\r\nlines"]
        {
            assert_eq!(visible(text), text.replace('\r', ""));
        }
    }

    #[test]
    fn one_is_no_plural() {
        assert_eq!([0, 1, 2].map(|count| counted(count, "seed")), ["0 seeds", "1 seed", "2 seeds"]);
    }
}
