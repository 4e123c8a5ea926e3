//! HTTP/1.1 as far as a read-only page needs it: one request a connection, bounded in size, time and number.

mod connection;
mod request;
mod response;

pub(crate) use connection::{Slots, drain};
pub(crate) use request::{Method, Request, decoded, encoded, read};
pub(crate) use response::{Response, begin_events};
