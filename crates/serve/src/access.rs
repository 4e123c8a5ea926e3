//! Who may read: the token in the address, and the names under which the server answers.

use std::net::IpAddr;

use subtle::ConstantTimeEq;

use crate::error::ServeError;

/// The least and the largest number of characters of a token.
const LENGTHS: (usize, usize) = (16, 128);

/// Random bytes of a token that was not given.
const RANDOM_BYTES: usize = 16;

/// The secret part of the address.
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

impl std::fmt::Debug for Token {
    /// Writes the type alone: the token does not get into logs.
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.write_str("Token")
    }
}

impl Token {
    /// Draws a token from the operating system's random numbers.
    ///
    /// # Errors
    /// [`ServeError::Random`] when it has none.
    pub fn random() -> Result<Token, ServeError> {
        let mut bytes = [0_u8; RANDOM_BYTES];
        getrandom::fill(&mut bytes).map_err(|error| ServeError::Random(error.to_string()))?;
        Ok(Token(bytes.iter().map(|byte| format!("{byte:02x}")).collect()))
    }

    /// Takes a token of the user.
    ///
    /// # Errors
    /// [`ServeError::Token`] when it is too short or long, or an address cannot hold it as it is.
    pub fn given(text: &str) -> Result<Token, ServeError> {
        let (least, most) = LENGTHS;
        let refused = |defect: String| Err(ServeError::Token { least, most, defect });
        let is_taken = |character: &char| character.is_ascii_alphanumeric() || "-_".contains(*character);
        if let Some(other) = text.chars().find(|character| !is_taken(character)) {
            return refused(format!("holds {other:?}"));
        }
        if !(least..=most).contains(&text.len()) {
            return refused(format!("has {}", text.len()));
        }
        Ok(Token(text.to_owned()))
    }

    /// Returns the token as text.
    pub(crate) fn text(&self) -> &str {
        &self.0
    }

    /// Returns whether `text` is the token, in a time that tells only whether the lengths agree.
    pub(crate) fn is(&self, text: &str) -> bool {
        bool::from(self.0.as_bytes().ct_eq(text.as_bytes()))
    }
}

/// Returns whether the server answers to a `Host` header.
///
/// A page from elsewhere can let its own name lead to this machine (DNS rebinding), and then read answers as its own. Its requests carry
/// that name. Addresses, `localhost` and the name given by `--host` are no other page's; ports differ behind a tunnel and do not count.
pub(crate) fn is_own_host(header: &str, given: &str) -> bool {
    let Some(name) = without_port(header) else { return false };
    let name = name.strip_suffix('.').unwrap_or(name);
    name.parse::<IpAddr>().is_ok()
        || name.eq_ignore_ascii_case("localhost")
        || (!given.is_empty() && name.eq_ignore_ascii_case(given))
}

/// Returns the name or address of a `Host` header; `None` where it is malformed.
fn without_port(header: &str) -> Option<&str> {
    let is_port = |port: &str| port.len() <= 5 && port.bytes().all(|byte| byte.is_ascii_digit());
    if let Some(rest) = header.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let is_whole = port.is_empty() || port.strip_prefix(':').is_some_and(is_port);
        return (is_whole && address.parse::<std::net::Ipv6Addr>().is_ok()).then_some(address);
    }
    match header.split_once(':') {
        None => Some(header),
        Some((name, port)) => is_port(port).then_some(name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_names_of_this_machine_are_answered() {
        for own in [
            "127.0.0.1:8000",
            "127.0.0.1",
            "localhost:1",
            "LOCALHOST",
            "localhost.",
            "[::1]:8000",
            "192.168.1.7:99",
            "node7:80",
        ] {
            assert!(is_own_host(own, "node7"), "{own}");
        }
        for other in [
            "",
            "attacker.example",
            "attacker.example:8000",
            "127.0.0.1.attacker.example",
            "localhost.attacker.example:80",
            "node7.attacker.example",
            "127.0.0.1:80:90",
            "[::1",
            "[localhost]:80",
            "localhost:x",
            "localhost@attacker.example",
        ] {
            assert!(!is_own_host(other, "node7"), "{other}");
        }
        assert!(!is_own_host("", ""));
    }

    #[test]
    fn tokens_are_long_and_fit_into_an_address() {
        let random = Token::random().unwrap();
        assert_eq!(random.text().len(), 2 * RANDOM_BYTES);
        assert_ne!(random, Token::random().unwrap());
        assert!(random.is(random.text()) && !random.is("") && !random.is(&random.text()[1..]));
        assert!(Token::given("a-long_enough-token").is_ok());
        let long = "a".repeat(129);
        for (wrong, told) in [("short", "has 5"), ("with/slash-in-the-middle", "'/'"), (long.as_str(), "129")]
        {
            let message = Token::given(wrong).unwrap_err().to_string();
            assert!(message.contains(told) && message.contains("16 to 128"), "{message}");
        }
        assert_eq!(format!("{random:?}"), "Token");
    }
}
