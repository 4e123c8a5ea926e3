//! Requests: their head, read with bounds of size and time. Bodies are not read.

use std::io::Read;
use std::time::Instant;

/// Bytes of a request's head; browsers send less than 2 KiB here.
const MOST_BYTES: usize = 8 << 10;

/// Header lines of a request.
const MOST_HEADERS: usize = 64;

/// A method that is answered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Method {
    Get,
    Head,
}

/// The head of a request.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Request {
    pub(crate) method: Method,
    /// The path as it was sent, without the query; it begins with `/`.
    pub(crate) path: String,
    /// The `Host` header.
    pub(crate) host: String,
}

/// The reason why a request is not answered with what it asks for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// The connection ended, or nothing came in time: nobody reads an answer.
    Gone,
    /// It is not HTTP, or lacks what every request has.
    Malformed(&'static str),
    /// Its head is larger than any browser's.
    TooLarge,
    /// Another method than GET and HEAD: nothing can be changed here.
    Method,
}

/// Reads the head of a request until `deadline`; the reader's own time limit bounds each wait.
pub(crate) fn read(reader: &mut impl Read, deadline: Instant) -> Result<Request, Refusal> {
    let mut buffer = [0_u8; MOST_BYTES];
    let mut filled = 0;
    loop {
        if filled == buffer.len() {
            return Err(Refusal::TooLarge);
        }
        match reader.read(&mut buffer[filled..]) {
            Ok(0) | Err(_) => return Err(Refusal::Gone),
            Ok(count) => filled += count,
        }
        if let Some(request) = parse(&buffer[..filled])? {
            return Ok(request);
        }
        if Instant::now() >= deadline {
            return Err(Refusal::Gone);
        }
    }
}

/// Returns the request; `None` while its head is not complete.
fn parse(bytes: &[u8]) -> Result<Option<Request>, Refusal> {
    let mut headers = [httparse::EMPTY_HEADER; MOST_HEADERS];
    let mut parsed = httparse::Request::new(&mut headers);
    match parsed.parse(bytes) {
        Ok(httparse::Status::Complete(_)) => {}
        Ok(httparse::Status::Partial) => return Ok(None),
        Err(httparse::Error::TooManyHeaders) => return Err(Refusal::TooLarge),
        Err(_) => return Err(Refusal::Malformed("this is not a request of HTTP/1.1")),
    }
    let method = match parsed.method {
        Some("GET") => Method::Get,
        Some("HEAD") => Method::Head,
        _ => return Err(Refusal::Method),
    };
    let target = parsed.path.unwrap_or_default();
    let path = target.split(['?', '#']).next().unwrap_or_default();
    if !path.starts_with('/') {
        return Err(Refusal::Malformed("the path does not begin with a slash"));
    }
    let mut hosts = parsed.headers.iter().filter(|header| header.name.eq_ignore_ascii_case("host"));
    let host = match (hosts.next(), hosts.next()) {
        (Some(host), None) => std::str::from_utf8(host.value).ok(),
        _ => None,
    };
    let Some(host) = host else { return Err(Refusal::Malformed("there must be one Host header")) };
    Ok(Some(Request { method, path: path.to_owned(), host: host.trim().to_owned() }))
}

/// Decodes the percent signs of a part of a path; `None` where they are malformed, or the result is no text.
pub(crate) fn decoded(part: &str) -> Option<String> {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let digit = |byte: Option<u8>| char::from(byte?).to_digit(16);
        let (high, low) = (digit(rest.next())?, digit(rest.next())?);
        bytes.push((16 * high + low) as u8);
    }
    String::from_utf8(bytes).ok()
}

/// Encodes text as one part of a path.
pub(crate) fn encoded(text: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes()
        .map(|byte| if is_plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn request(mut text: &[u8]) -> Result<Request, Refusal> {
        read(&mut text, Instant::now() + Duration::from_secs(5))
    }

    #[test]
    fn a_request_is_its_method_path_and_host() {
        let found =
            request(b"GET /a/b%20c?x=1 HTTP/1.1\r\nAccept: */*\r\nhost: localhost:80 \r\n\r\n").unwrap();
        assert_eq!(
            (found.method, found.path.as_str(), found.host.as_str()),
            (Method::Get, "/a/b%20c", "localhost:80")
        );
    }

    #[test]
    fn what_is_no_such_request_is_refused() {
        let cases: [(&[u8], &str); 7] = [
            (b"POST / HTTP/1.1\r\nHost: a\r\n\r\n", "Method"),
            (b"GET / HTTP/1.1\r\n\r\n", "Malformed"),
            (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", "Malformed"),
            (b"GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n", "Malformed"),
            (b"\x16\x03\x01\x02\x00", "Malformed"),
            (b"GET / HTTP/1.1\r\nHost: a\r\n", "Gone"),
            (b"", "Gone"),
        ];
        for (text, told) in cases {
            let refusal = request(text).unwrap_err();
            assert!(
                format!("{refusal:?}").starts_with(told),
                "{:?}: {refusal:?}",
                String::from_utf8_lossy(text)
            );
        }
        let long = format!("GET /{} HTTP/1.1\r\nHost: a\r\n\r\n", "a".repeat(MOST_BYTES));
        assert_eq!(request(long.as_bytes()), Err(Refusal::TooLarge));
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(MOST_HEADERS + 1));
        assert_eq!(request(many.as_bytes()), Err(Refusal::TooLarge));
    }

    #[test]
    fn parts_of_paths_survive_encoding() {
        for text in ["plain-name_1.0~", "a b/c", "größe %41", "..", "\u{0}"] {
            let coded = encoded(text);
            assert!(!coded.contains(['/', ' ', '\u{0}']), "{coded}");
            assert_eq!(decoded(&coded).as_deref(), Some(text));
        }
        for malformed in ["%", "%4", "%zz", "%ff", "a%+1"] {
            assert_eq!(decoded(malformed), None, "{malformed}");
        }
    }
}
