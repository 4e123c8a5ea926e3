//! A local server of one file that truncates, stalls and sends wrong content.

use std::collections::VecDeque;
use std::io::{BufRead, BufReader, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// The server's response to one request. By default it honours `Range` and `If-Range`.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    Honest,
    /// Closes the connection after so many bytes of the body.
    CutAfter(usize),
    /// Falls silent after so many bytes of the body.
    StallAfter(usize),
    /// Sends the whole file whatever range was requested.
    IgnoreRange,
    /// Says that the body starts one byte later than requested.
    WrongContentRange,
    /// Changes the last byte.
    Lie,
    /// Sends the whole file twice, without announcing a length.
    Overlong,
    /// Another version of the file, with another ETag.
    NewVersion(Vec<u8>),
    Status(u16),
    Redirect(&'static str),
}

#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Request {
    pub(crate) range: Option<String>,
    pub(crate) if_range: Option<String>,
}

pub(crate) struct Server {
    address: SocketAddr,
    requests: Arc<Mutex<Vec<Request>>>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// Answers one request after the other; the last answer repeats.
    pub(crate) fn start(content: Vec<u8>, answers: impl Into<VecDeque<Answer>>) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let address = listener.local_addr().expect("an address");
        let requests = Arc::new(Mutex::new(Vec::new()));
        let stop = Arc::new(AtomicBool::new(false));
        let mut answers = answers.into();
        let (log, stopped) = (Arc::clone(&requests), Arc::clone(&stop));
        let thread = std::thread::spawn(move || {
            for connection in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let answer = if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() };
                let connection = connection.expect("a connection");
                // A client that has heard enough closes the connection: no reason to stop serving.
                let _ = serve(connection, &content, &answer.expect("an answer"), &log, &stopped);
            }
        });
        Server { address, requests, stop, thread: Some(thread) }
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}/file.tar.gz", self.address)
    }

    pub(crate) fn requests(&self) -> Vec<Request> {
        self.requests.lock().expect("no panic").clone()
    }

    pub(crate) fn ranges(&self) -> Vec<Option<String>> {
        self.requests().into_iter().map(|request| request.range).collect()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        let _ = TcpStream::connect(self.address);
        self.thread.take().map(JoinHandle::join);
    }
}

fn serve(
    mut connection: TcpStream,
    content: &[u8],
    answer: &Answer,
    log: &Mutex<Vec<Request>>,
    stopped: &AtomicBool,
) -> std::io::Result<()> {
    let mut request = Request::default();
    for line in BufReader::new(connection.try_clone()?).lines() {
        let line = line?;
        let Some((name, value)) = line.split_once(':') else {
            if line.is_empty() {
                break;
            }
            continue;
        };
        match name.to_ascii_lowercase().as_str() {
            "range" => request.range = Some(value.trim().to_string()),
            "if-range" => request.if_range = Some(value.trim().to_string()),
            _ => {}
        }
    }
    log.lock().expect("no panic").push(request.clone());

    let (content, etag) = match answer {
        Answer::NewVersion(new) => (new.as_slice(), "\"version-2\""),
        _ => (content, "\"version-1\""),
    };
    match answer {
        Answer::Status(status) => {
            return write!(
                connection,
                "HTTP/1.1 {status} No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
        }
        Answer::Redirect(to) => {
            return write!(
                connection,
                "HTTP/1.1 302 Found\r\nLocation: {to}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
            );
        }
        Answer::Overlong => {
            write!(connection, "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")?;
            connection.write_all(content)?;
            return connection.write_all(content);
        }
        _ => {}
    }
    let range = request
        .range
        .as_deref()
        .and_then(|range| range.strip_prefix("bytes=")?.strip_suffix('-')?.parse().ok());
    let same_version = request.if_range.as_deref().is_none_or(|validator| validator == etag);
    let start: usize = match (answer, range) {
        (Answer::IgnoreRange, _) | (_, None) => 0,
        (_, Some(start)) if same_version => start,
        _ => 0,
    };
    if start > 0 && start >= content.len() {
        return write!(connection, "HTTP/1.1 416 Range\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
    }
    let mut body = content[start..].to_vec();
    if matches!(answer, Answer::Lie) {
        *body.last_mut().expect("a body") ^= 1;
    }
    let head = if start == 0 {
        "HTTP/1.1 200 OK".to_string()
    } else {
        let said = start + usize::from(matches!(answer, Answer::WrongContentRange));
        let total = content.len();
        format!("HTTP/1.1 206 Partial Content\r\nContent-Range: bytes {said}-{}/{total}", total - 1)
    };
    write!(
        connection,
        "{head}\r\nETag: {etag}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n",
        body.len()
    )?;
    match *answer {
        Answer::CutAfter(bytes) => connection.write_all(&body[..bytes.min(body.len())]),
        Answer::StallAfter(bytes) => {
            connection.write_all(&body[..bytes.min(body.len())])?;
            for _ in 0..1000 {
                if stopped.load(Ordering::SeqCst) {
                    break;
                }
                std::thread::sleep(Duration::from_millis(5));
                // The accept loop waits here: it must go on once the client has given up.
                let mut nothing = [0u8; 1];
                connection.set_nonblocking(true)?;
                if matches!(connection.peek(&mut nothing), Ok(0)) {
                    break;
                }
            }
            Ok(())
        }
        _ => connection.write_all(&body),
    }
}
