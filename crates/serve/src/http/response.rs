//! Responses with the headers that keep a page to itself.

use std::io::{self, Write};

use super::request::{Method, Refusal};

/// The policy of the pages of the server: their own script and style sheet, nothing inline, nothing from elsewhere.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Headers of every response. The address holds the token, so no other page is told it.
const HEADERS: &str = "Cache-Control: no-store\r\nReferrer-Policy: no-referrer\r\nX-Content-Type-Options: nosniff\r\nX-Frame-Options: DENY\r\n\
Cross-Origin-Opener-Policy: same-origin\r\nCross-Origin-Resource-Policy: same-origin\r\nConnection: close\r\n";

/// A whole response.
#[derive(Debug)]
pub(crate) struct Response {
    status: u16,
    content_type: &'static str,
    policy: String,
    body: Vec<u8>,
}

impl Response {
    /// Returns a page of the server.
    pub(crate) fn page(html: String) -> Response {
        Response::of("text/html; charset=utf-8", html.into_bytes())
    }

    /// Returns a file.
    pub(crate) fn of(content_type: &'static str, body: Vec<u8>) -> Response {
        Response { status: 200, content_type, policy: POLICY.to_owned(), body }
    }

    /// Returns the response under another policy.
    pub(crate) fn under(self, policy: String) -> Response {
        Response { policy, ..self }
    }

    /// Returns a message without the content that was asked for.
    pub(crate) fn message(status: u16, text: &str) -> Response {
        let body = format!("{text}\n").into_bytes();
        Response { status, ..Response::of("text/plain; charset=utf-8", body) }
    }

    /// Returns the message for a refused request; `None` where nobody reads it.
    pub(crate) fn refusing(refusal: &Refusal) -> Option<Response> {
        Some(match refusal {
            Refusal::Gone => return None,
            Refusal::Malformed(reason) => Response::message(400, reason),
            Refusal::TooLarge => Response::message(431, "the head of the request is too large"),
            Refusal::Method => Response::message(405, "only GET and HEAD: nothing can be changed here"),
        })
    }

    /// Writes the response.
    ///
    /// # Errors
    /// [`io::Error`] when the connection ended or its reader is too slow.
    pub(crate) fn write(&self, method: Method, writer: &mut impl Write) -> io::Result<()> {
        let head = format!(
            "HTTP/1.1 {} {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nContent-Security-Policy: {}\r\n{}{HEADERS}\r\n",
            self.status,
            reason(self.status),
            self.content_type,
            self.body.len(),
            self.policy,
            if self.status == 405 { "Allow: GET, HEAD\r\n" } else { "" },
        );
        writer.write_all(head.as_bytes())?;
        if method == Method::Get {
            writer.write_all(&self.body)?;
        }
        writer.flush()
    }
}

/// Writes the head of a stream of server-sent events.
///
/// # Errors
/// [`io::Error`] when the connection ended.
pub(crate) fn begin_events(writer: &mut impl Write) -> io::Result<()> {
    let head = format!(
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nContent-Security-Policy: {POLICY}\r\n{HEADERS}\r\n"
    );
    writer.write_all(head.as_bytes())?;
    writer.flush()
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        421 => "Misdirected Request",
        431 => "Request Header Fields Too Large",
        503 => "Service Unavailable",
        _ => "Error",
    }
}
