//! The server: a thread for each connection, within bounds.

use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::access::{Token, is_own_host};
use crate::error::ServeError;
use crate::events;
use crate::files::report_file;
use crate::http::{Method, Request, Response, Slots, drain, read};
use crate::pages::{SCRIPT, STYLE, frame, view};
use crate::routes::{Asset, Page, Route, route};
use crate::store::Store;

/// Connections at a time; a page needs three.
const CONNECTIONS: usize = 128;

/// Pages that are followed at a time.
const FOLLOWED: usize = 48;

/// Time for the head of a request to come.
const READ_TIME: Duration = Duration::from_secs(5);

/// Time for a part of an answer to be taken.
const WRITE_TIME: Duration = Duration::from_secs(10);

/// Options of a server.
#[derive(Clone, Debug)]
pub struct ServeOptions {
    /// Folders of runs, or of studies with runs.
    pub folders: Vec<PathBuf>,
    /// Name or address to listen at, e.g. `127.0.0.1`.
    pub host: String,
    /// Port; 0 for a free one.
    pub port: u16,
    /// The secret part of the address.
    pub token: Token,
}

/// A server that listens.
#[derive(Debug)]
pub struct Server {
    listener: TcpListener,
    shared: Arc<Shared>,
    address: String,
}

/// What the threads of all connections use.
#[derive(Debug)]
pub(crate) struct Shared {
    store: Mutex<Store>,
    token: Token,
    host: String,
    followed: Slots,
}

impl Shared {
    /// A thread that panicked leaves what was read so far, which the next refresh completes.
    pub(crate) fn store(&self) -> MutexGuard<'_, Store> {
        self.store.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the path of the token, with which all paths begin.
    pub(crate) fn base(&self) -> String {
        format!("/{}", self.token.text())
    }
}

impl Server {
    /// Reads the folders for the first time and listens.
    ///
    /// # Errors
    /// [`ServeError::Folder`] for a folder that cannot be shown; [`ServeError::Listen`] when the port is taken.
    pub fn bind(options: &ServeOptions) -> Result<Server, ServeError> {
        let mut store = Store::new(&options.folders)?;
        store.refresh();
        let shown = match options.host.contains(':') {
            true => format!("[{}]", options.host),
            false => options.host.clone(),
        };
        let refused = |source| ServeError::Listen { address: format!("{shown}:{}", options.port), source };
        let listener = TcpListener::bind((options.host.as_str(), options.port)).map_err(refused)?;
        let port = listener.local_addr().map_err(refused)?.port();
        let address = format!("http://{shown}:{port}/{}/", options.token.text());
        let shared = Shared {
            store: Mutex::new(store),
            token: options.token.clone(),
            host: options.host.clone(),
            followed: Slots::new(FOLLOWED),
        };
        Ok(Server { listener, shared: Arc::new(shared), address })
    }

    /// Returns the address of the first page, with its token.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Answers until the process ends.
    pub fn run(&self) {
        let slots = Slots::new(CONNECTIONS);
        for stream in self.listener.incoming() {
            let Ok(stream) = stream else {
                // Out of file descriptors, for instance: others are given back in a moment.
                std::thread::sleep(Duration::from_millis(20));
                continue;
            };
            let Some(slot) = slots.take() else {
                let _ = Response::message(503, "too many connections").write(Method::Get, &mut &stream);
                continue;
            };
            let shared = Arc::clone(&self.shared);
            let work = move || {
                let _slot = slot;
                answer(&shared, stream);
            };
            // Without a thread the connection is closed, and the slot given back.
            drop(std::thread::Builder::new().name("connection".to_owned()).spawn(work));
        }
    }
}

/// Answers the one request of a connection. A failure to write is that of the other end.
fn answer(shared: &Shared, mut stream: TcpStream) {
    let times = stream.set_read_timeout(Some(READ_TIME)).and(stream.set_write_timeout(Some(WRITE_TIME)));
    if times.and(stream.set_nodelay(true)).is_err() {
        return;
    }
    let request = match read(&mut stream, Instant::now() + READ_TIME) {
        Ok(request) => request,
        Err(refusal) => {
            if let Some(response) = Response::refusing(&refusal) {
                let _ = response.write(Method::Get, &mut stream);
                drain(stream);
            }
            return;
        }
    };
    match found(shared, &request) {
        Err(response) => {
            let _ = response.write(request.method, &mut stream);
            drain(stream);
        }
        Ok(Route::Events(page)) if request.method == Method::Get => {
            let Some(_slot) = shared.followed.take() else {
                let _ =
                    Response::message(503, "too many pages are followed").write(request.method, &mut stream);
                return;
            };
            let _ = events::follow(shared, &page, &mut stream);
        }
        Ok(route) => {
            let response = respond(shared, &route);
            let _ = response.write(request.method, &mut stream);
            drain(stream);
        }
    }
}

/// Returns what a request asks for, if it may.
fn found(shared: &Shared, request: &Request) -> Result<Route, Response> {
    if !is_own_host(&request.host, &shared.host) {
        return Err(Response::message(
            421,
            "this server answers to addresses, localhost and the name given by --host",
        ));
    }
    let below = request.path[1..].split_once('/');
    match below.filter(|(token, _)| shared.token.is(token)) {
        None => {
            Err(Response::message(403, "open the address that `allconv serve` printed; it ends with a token"))
        }
        Some((_, path)) => route(&format!("/{path}")).ok_or_else(not_found),
    }
}

fn not_found() -> Response {
    Response::message(404, "there is no such page")
}

fn respond(shared: &Shared, route: &Route) -> Response {
    match route {
        Route::Asset(Asset::Style) => Response::of("text/css; charset=utf-8", STYLE.clone().into_bytes()),
        Route::Asset(Asset::Script) => Response::of("text/javascript; charset=utf-8", SCRIPT.into()),
        Route::Report(study, below) => {
            let folder = shared.store().study(study).map(|entry| entry.folder.join("report"));
            folder.and_then(|folder| report_file(&folder, below)).unwrap_or_else(not_found)
        }
        Route::Page(page) | Route::Events(page) => page_response(shared, page),
    }
}

fn page_response(shared: &Shared, page: &Page) -> Response {
    let base = shared.base();
    let mut store = shared.store();
    store.refresh();
    match view(&store, page, &base) {
        Some(view) => Response::page(frame(&view, page, &base)),
        None => not_found(),
    }
}
