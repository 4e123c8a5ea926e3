//! The download of one file over HTTP: resumed after a break, limited in size, checked before it gets its name.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use ureq::http::{Response, StatusCode};
use ureq::{Agent, Body};

use super::digest::Digests;
use allconv_files::sync_folder;

use crate::error::DataError;
use crate::write_file::write_file;

/// A file to download, with its limits and its digests.
#[derive(Clone, Debug)]
pub struct Transfer<'a> {
    /// Address; `https`, or `http` on this machine's own loopback interface.
    pub url: &'a str,
    /// Where the file goes; its unfinished part is `NAME.part` in the same folder.
    pub target: &'a Path,
    /// Most bytes accepted.
    pub byte_limit: u64,
    /// The digests of the whole file; `None` where the reader of the file checks its content.
    pub digests: Option<&'a Digests>,
    /// When to give up.
    pub retry_limits: RetryLimits,
}

/// When to give up on a server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RetryLimits {
    /// Longest silence of the connection.
    pub stall: Duration,
    /// Attempts in a row that may bring no byte.
    pub fruitless_attempts: u32,
    /// Wait before the next attempt; it doubles with each fruitless one.
    pub pause: Duration,
}

impl Default for RetryLimits {
    fn default() -> RetryLimits {
        RetryLimits { stall: Duration::from_secs(30), fruitless_attempts: 5, pause: Duration::from_secs(1) }
    }
}

/// The progress of a download.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Bytes on disk.
    pub bytes: u64,
    /// Bytes of the whole file, if the server states it.
    pub total: Option<u64>,
}

/// What identifies the version of a file on the server that a part belongs to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct PartOrigin {
    url: String,
    /// A strong ETag or the date of the last change; `None` if the server names neither.
    validator: Option<String>,
}

/// The outcome of an attempt.
enum Attempt {
    Complete,
    /// The connection broke or the server failed in a way that may pass.
    Broken(String),
}

impl Transfer<'_> {
    /// Downloads the file, checks its digests, and renames it into place.
    ///
    /// A part left by an earlier call is continued with `Range` and `If-Range`, so that a file that has changed on the
    /// server starts again. If a continued file has the wrong digests, it is downloaded once more from its beginning.
    ///
    /// # Errors
    /// An address that is neither `https` nor loopback; a refusal by the server; no progress for longer than
    /// [`RetryLimits`] allows; more bytes than the limit; wrong digests (nothing is kept then); a full disk.
    pub fn run(&self, report: &mut dyn FnMut(Progress)) -> Result<(), DataError> {
        let agent = self.agent()?;
        let continued = self.complete_part(&agent, report)?;
        if let Some(digests) = self.digests {
            let mut found = Digests::of_file(&self.part())?;
            if found != *digests && continued {
                self.discard_part()?;
                self.complete_part(&agent, report)?;
                found = Digests::of_file(&self.part())?;
            }
            if found != *digests {
                self.discard_part()?;
                return Err(DataError::bad_file(
                    self.url,
                    format!("MD5 {} and SHA-256 {}", digests.md5, digests.sha256),
                    format!("MD5 {} and SHA-256 {}; nothing was kept", found.md5, found.sha256),
                    "try again later or put the official file in place yourself",
                ));
            }
        }
        let folder = self.target.parent().unwrap_or(Path::new("."));
        fs::rename(self.part(), self.target).map_err(DataError::io("rename", self.target))?;
        sync_folder(folder)?;
        remove_if_present(&self.origin_path())
    }

    fn part(&self) -> PathBuf {
        with_suffix(self.target, ".part")
    }

    fn origin_path(&self) -> PathBuf {
        with_suffix(self.target, ".part.json")
    }

    fn agent(&self) -> Result<Agent, DataError> {
        let loopback = is_loopback(self.url);
        if !self.url.starts_with("https://") && !loopback {
            return Err(
                self.failed("only https is used, and http on this machine itself", "use an https address")
            );
        }
        let mut config = Agent::config_builder()
            // Redirects included: https must not be redirected to http.
            .https_only(!loopback)
            .http_status_as_error(false)
            .timeout_connect(Some(self.retry_limits.stall))
            .timeout_recv_response(Some(self.retry_limits.stall))
            .timeout_per_read(Some(self.retry_limits.stall));
        if loopback {
            // Unencrypted requests must not leave this machine.
            config = config.proxy(None).max_redirects(0).max_redirects_will_error(false);
        }
        Ok(config.build().new_agent())
    }

    /// Repeats attempts until the part is whole; true if one of them found a beginning.
    fn complete_part(&self, agent: &Agent, report: &mut dyn FnMut(Progress)) -> Result<bool, DataError> {
        let mut fruitless = 0;
        let mut continued = false;
        loop {
            let before = self.part_bytes()?;
            continued |= before > 0;
            let reason = match self.attempt(agent, before, report)? {
                Attempt::Complete => return Ok(continued),
                Attempt::Broken(reason) => reason,
            };
            fruitless = if self.part_bytes()? > before { 0 } else { fruitless + 1 };
            if fruitless >= self.retry_limits.fruitless_attempts {
                let reason = format!("{reason} ({fruitless} attempts in a row brought nothing)");
                return Err(self.failed(&reason, "check the connection and start the same command again"));
            }
            std::thread::sleep(self.retry_limits.pause * 2u32.saturating_pow(fruitless.saturating_sub(1)));
        }
    }

    /// Makes one request and appends its body to the part.
    fn attempt(
        &self,
        agent: &Agent,
        present: u64,
        report: &mut dyn FnMut(Progress),
    ) -> Result<Attempt, DataError> {
        let origin = self.read_origin()?.filter(|origin| origin.url == self.url);
        let mut request = agent.get(self.url);
        let continuing = present > 0 && origin.is_some();
        if continuing {
            request = request.header("Range", format!("bytes={present}-"));
            if let Some(validator) = origin.and_then(|origin| origin.validator) {
                request = request.header("If-Range", validator);
            }
        }
        let response = match request.call() {
            Ok(response) => response,
            Err(
                error @ (ureq::Error::RequireHttpsOnly(_) | ureq::Error::BadUri(_) | ureq::Error::Tls(_)),
            ) => {
                return Err(self.failed(&error.to_string(), "check the address"));
            }
            Err(error) => return Ok(Attempt::Broken(error.to_string())),
        };
        match response.status() {
            StatusCode::PARTIAL_CONTENT if continuing => match range_start_and_total(&response) {
                Some((start, total)) if start == present => self.receive(response, present, total, report),
                other => {
                    self.discard_part()?;
                    Ok(Attempt::Broken(format!(
                        "the server continued at {other:?} instead of byte {present}"
                    )))
                }
            },
            StatusCode::OK => {
                self.discard_part()?;
                self.write_origin(&response)?;
                let total = header(&response, "content-length").and_then(|text| text.parse().ok());
                self.receive(response, 0, total, report)
            }
            // The part is as long as the file or longer: the digests decide.
            StatusCode::RANGE_NOT_SATISFIABLE if continuing => Ok(Attempt::Complete),
            status if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS => {
                Ok(Attempt::Broken(format!("the server answered {status}")))
            }
            status => Err(self.failed(&format!("the server answered {status}"), "check the address")),
        }
    }

    /// Appends a response's body to the part, whose first `present` bytes stay.
    fn receive(
        &self,
        response: Response<Body>,
        present: u64,
        total: Option<u64>,
        report: &mut dyn FnMut(Progress),
    ) -> Result<Attempt, DataError> {
        let path = self.part();
        if total.is_some_and(|total| total > self.byte_limit) {
            self.discard_part()?;
            return Err(self.too_long(total));
        }
        let mut file =
            OpenOptions::new().append(true).create(true).open(&path).map_err(DataError::io("open", &path))?;
        let mut body = response.into_body().into_reader();
        let mut block = vec![0u8; 1 << 16];
        let mut bytes = present;
        let outcome = loop {
            match body.read(&mut block) {
                Ok(0) => match total {
                    Some(total) if bytes < total => {
                        break Attempt::Broken(format!(
                            "the connection ended after {bytes} of {total} bytes"
                        ));
                    }
                    _ => break Attempt::Complete,
                },
                Ok(read) => {
                    bytes += read as u64;
                    if bytes > self.byte_limit {
                        drop(file);
                        self.discard_part()?;
                        return Err(self.too_long(None));
                    }
                    file.write_all(&block[..read]).map_err(DataError::io("write", &path))?;
                    report(Progress { bytes, total });
                }
                Err(error) => break Attempt::Broken(error.to_string()),
            }
        };
        file.sync_all().map_err(DataError::io("write", &path))?;
        Ok(outcome)
    }

    fn part_bytes(&self) -> Result<u64, DataError> {
        match fs::metadata(self.part()) {
            Ok(metadata) => Ok(metadata.len()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(0),
            Err(error) => Err(DataError::io("read", &self.part())(error)),
        }
    }

    fn discard_part(&self) -> Result<(), DataError> {
        remove_if_present(&self.part())?;
        remove_if_present(&self.origin_path())
    }

    /// Returns the origin of the part; a damaged note counts as none, and the download starts again.
    fn read_origin(&self) -> Result<Option<PartOrigin>, DataError> {
        let path = self.origin_path();
        match File::open(&path) {
            Ok(file) => Ok(serde_json::from_reader(io::BufReader::new(file)).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(DataError::io("read", &path)(error)),
        }
    }

    fn write_origin(&self, response: &Response<Body>) -> Result<(), DataError> {
        // If-Range needs a strong validator; weak ETags begin with W/.
        let etag = header(response, "etag").filter(|etag| !etag.starts_with("W/"));
        let validator = etag.or_else(|| header(response, "last-modified"));
        let origin = PartOrigin { url: self.url.to_string(), validator };
        write_file(&self.origin_path(), |file| Ok(serde_json::to_writer(file, &origin)?))
    }

    fn failed(&self, reason: &str, fix: &str) -> DataError {
        DataError::Download { url: self.url.to_string(), reason: reason.to_string(), fix: fix.to_string() }
    }

    fn too_long(&self, total: Option<u64>) -> DataError {
        DataError::bad_file(
            self.url,
            format!("at most {} bytes", self.byte_limit),
            total.map_or("more".to_string(), |total| format!("{total} bytes")),
            "check the address",
        )
    }
}

/// True for `http` addresses of this machine's loopback interface.
fn is_loopback(url: &str) -> bool {
    let Some(rest) = url.strip_prefix("http://") else { return false };
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = authority.rsplit_once(':').map_or(authority, |(host, _)| host);
    ["127.0.0.1", "localhost", "[::1]"].contains(&host)
}

fn header(response: &Response<Body>, name: &str) -> Option<String> {
    response.headers().get(name).and_then(|value| value.to_str().ok()).map(str::to_string)
}

/// Reads `Content-Range: bytes START-END/TOTAL`.
fn range_start_and_total(response: &Response<Body>) -> Option<(u64, Option<u64>)> {
    let value = header(response, "content-range")?;
    let (range, total) = value.strip_prefix("bytes ")?.split_once('/')?;
    let (start, _) = range.split_once('-')?;
    Some((start.parse().ok()?, total.parse().ok()))
}

fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_os_string();
    name.push(suffix);
    PathBuf::from(name)
}

fn remove_if_present(path: &Path) -> Result<(), DataError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(DataError::io("remove", path)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::is_loopback;

    #[test]
    fn only_this_machine_may_be_contacted_without_encryption() {
        for url in ["http://127.0.0.1:8080/a", "http://localhost/a", "http://[::1]:80/a", "http://127.0.0.1"]
        {
            assert!(is_loopback(url), "{url}");
        }
        for url in [
            "http://127.0.0.1.example.org/a",
            "http://127.0.0.1@example.org/a",
            "http://example.org/127.0.0.1",
            "http://localhost.example.org",
            "ftp://127.0.0.1/a",
            "https://127.0.0.1/a",
        ] {
            assert!(!is_loopback(url), "{url}");
        }
    }
}
