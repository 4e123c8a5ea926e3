//! Server-sent events: the sections of a page that changed.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::io::{self, Write};
use std::time::{Duration, Instant};

use serde_json::{Map, Value, json};

use crate::http::begin_events;
use crate::pages::{View, view};
use crate::routes::Page;
use crate::server::Shared;
use crate::store::REFRESHED;

/// Pause between two looks at the folders; a little longer than what was read counts as current.
const PAUSE: Duration = REFRESHED.saturating_add(Duration::from_millis(100));

/// Time after which an empty comment is sent, by which a connection that ended is noticed.
const QUIET: Duration = Duration::from_secs(5);

/// Sends the changes of a page until its reader is gone or the page is.
///
/// # Errors
/// [`io::Error`] when the connection ended.
pub(crate) fn follow(shared: &Shared, page: &Page, connection: &mut impl Write) -> io::Result<()> {
    begin_events(connection)?;
    let base = shared.base();
    let mut sent = Sent::default();
    let mut generation = None;
    let mut last = Instant::now();
    loop {
        let mut store = shared.store();
        let now = store.refresh();
        let is_new = generation.replace(now) != Some(now);
        let found = is_new.then(|| view(&store, page, &base));
        drop(store);
        match found {
            Some(None) => {
                connection.write_all(b"event: gone\ndata: \n\n")?;
                return connection.flush();
            }
            Some(Some(view)) => {
                if let Some(event) = sent.changes(view) {
                    connection.write_all(event.as_bytes())?;
                    connection.flush()?;
                    last = Instant::now();
                }
            }
            None => {}
        }
        if last.elapsed() >= QUIET {
            connection.write_all(b":\n\n")?;
            connection.flush()?;
            last = Instant::now();
        }
        std::thread::sleep(PAUSE);
    }
}

/// Hashes of what a reader has.
#[derive(Default)]
struct Sent {
    status: String,
    sections: BTreeMap<&'static str, u64>,
}

impl Sent {
    /// Returns the event with the sections that changed; `None` when none did.
    fn changes(&mut self, view: View) -> Option<String> {
        let mut changed = Map::new();
        for (name, content) in view.sections {
            let content = content.into_string();
            let mut hasher = DefaultHasher::new();
            content.hash(&mut hasher);
            let hash = hasher.finish();
            if self.sections.insert(name, hash) != Some(hash) {
                changed.insert(name.to_owned(), Value::String(content));
            }
        }
        if changed.is_empty() && self.status == view.status {
            return None;
        }
        self.status.clone_from(&view.status);
        // JSON holds no line ends, so that one line of data is enough.
        let data = json!({ "status": view.status, "sections": changed });
        Some(format!("event: sections\ndata: {data}\n\n"))
    }
}

#[cfg(test)]
mod tests {
    use maud::html;

    use super::*;

    fn view(status: &str, first: &str) -> View {
        View {
            title: "Studies".to_owned(),
            above: Vec::new(),
            status: status.to_owned(),
            sections: vec![("studies", html! { p { (first) } }), ("lost", html! { p { "same\nline" } })],
        }
    }

    #[test]
    fn only_what_changed_is_sent() {
        let mut sent = Sent::default();
        let first = sent.changes(view("1 run", "a")).unwrap();
        assert!(first.contains("\"studies\":\"<p>a</p>\"") && first.contains("\"lost\""), "{first}");
        assert_eq!(first.matches('\n').count(), 3, "{first}");
        assert_eq!(sent.changes(view("1 run", "a")), None);
        let second = sent.changes(view("2 runs", "b")).unwrap();
        assert!(second.contains("<p>b</p>") && !second.contains("\"lost\""), "{second}");
        assert!(sent.changes(view("3 runs", "b")).unwrap().contains("\"sections\":{}"));
    }
}
